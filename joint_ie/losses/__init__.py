"""Relation losses, one file each: pure functions of logits and labels, with the decision rule that fits.

Logits and labels are ``[pairs, 1 + relations]``, column 0 the threshold class; a loss without one ignores it,
so that every pair representation goes with every loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from joint_ie.losses.adaptive_threshold import adaptive_confidence, adaptive_threshold, decide_adaptive
from joint_ie.losses.binary_cross_entropy import (
    binary_cross_entropy,
    decide_global,
    global_confidence,
    mean_binary_cross_entropy,
)
from joint_ie.losses.common import Reduction

__all__ = [
    "RELATION_LOSSES",
    "Reduction",
    "RelationLoss",
    "adaptive_confidence",
    "adaptive_threshold",
    "binary_cross_entropy",
    "decide_adaptive",
    "decide_global",
    "global_confidence",
    "mean_binary_cross_entropy",
]


class LossFunction(Protocol):
    """Logits and labels ``[P, 1+R]`` to a scalar, or ``[P]`` without reduction."""

    def __call__(self, logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor: ...


class DecisionRule(Protocol):
    """Logits ``[P, 1+R]`` to the predicted relations, ``[P, R]`` bool.

    A loss that learns its threshold uses ``top_k`` and ignores ``threshold``, a loss that does not the reverse.
    """

    def __call__(self, logits: Tensor, threshold: float | Tensor, top_k: int | None = None) -> Tensor: ...


class ConfidenceFunction(Protocol):
    """Logits ``[P, 1+R]`` to one probability for each relation, ``[P, R]``."""

    def __call__(self, logits: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class RelationLoss:
    """A loss with its decision rule and the confidence that decided relations carry."""

    loss: LossFunction
    decide: DecisionRule
    confidence: ConfidenceFunction


RELATION_LOSSES: Mapping[str, RelationLoss] = {
    "adaptive-threshold": RelationLoss(
        adaptive_threshold,
        lambda logits, threshold, top_k=None: decide_adaptive(logits, top_k),
        adaptive_confidence,
    ),
    "binary-cross-entropy": RelationLoss(
        binary_cross_entropy,
        lambda logits, threshold, top_k=None: decide_global(logits, threshold),
        global_confidence,
    ),
}
