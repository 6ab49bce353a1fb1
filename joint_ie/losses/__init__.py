"""Relation losses, one file each: pure functions of logits and labels, with the decision rule that fits.

Logits and labels are ``[pairs, 1 + relations]``, column 0 the threshold class; a loss without one ignores it,
so that every pair representation goes with every loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from joint_ie.losses.adaptive_focal import FocalWeighting, adaptive_focal
from joint_ie.losses.adaptive_threshold import adaptive_confidence, adaptive_threshold, decide_adaptive
from joint_ie.losses.antecedents import antecedent_likelihood
from joint_ie.losses.balanced_softmax import adaptive_softmax, balanced_softmax, decide_balanced
from joint_ie.losses.binary_cross_entropy import (
    binary_cross_entropy,
    decide_global,
    global_confidence,
    mean_binary_cross_entropy,
)
from joint_ie.losses.common import Reduction, at_least_float32, highest
from joint_ie.losses.distillation import distillation_kl, distillation_mse
from joint_ie.losses.evidence_guidance import attention_guidance, evidence_guidance
from joint_ie.losses.negative_sampling import NegativeSampling, keep_negative_labels, sample_negative_labels
from joint_ie.losses.none_class_ranking import none_class_ranking
from joint_ie.losses.pair_aware import entity_roles, potential_pairs
from joint_ie.losses.pairwise_moving_threshold import Entropy, pairwise_moving_threshold
from joint_ie.losses.segmentation import negative_log_likelihood
from joint_ie.losses.supervised_contrastive import ContrastiveForm, supervised_contrastive

__all__ = [
    "RELATION_LOSSES",
    "ContrastiveForm",
    "Entropy",
    "FocalWeighting",
    "NegativeSampling",
    "Reduction",
    "RelationLoss",
    "adaptive_confidence",
    "adaptive_focal",
    "adaptive_softmax",
    "adaptive_threshold",
    "antecedent_likelihood",
    "attention_guidance",
    "balanced_softmax",
    "binary_cross_entropy",
    "decide_adaptive",
    "decide_balanced",
    "decide_global",
    "distillation_kl",
    "distillation_mse",
    "entity_roles",
    "evidence_guidance",
    "global_confidence",
    "keep_negative_labels",
    "mean_binary_cross_entropy",
    "negative_log_likelihood",
    "none_class_ranking",
    "pairwise_moving_threshold",
    "potential_pairs",
    "sample_negative_labels",
    "supervised_contrastive",
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


class LevelFunction(Protocol):
    """Logits ``[P, 1+R]`` and the threshold to what relations must be above, ``[P, 1]``."""

    def __call__(self, logits: Tensor, threshold: float) -> Tensor: ...


@dataclass(frozen=True)
class RelationLoss:
    """A loss with its decision rule and the confidence that decided relations carry.

    ``level`` is what ``decide`` compares relations with, ``capped`` whether it uses ``top_k``; see `margin`.
    """

    loss: LossFunction
    decide: DecisionRule
    confidence: ConfidenceFunction
    level: LevelFunction
    capped: bool = True

    def margin(self, logits: Tensor, threshold: float, top_k: int | None = None) -> Tensor:
        """How far all relations of a pair may be lowered, column 0 left where it is, until each is decided no more.

        Negative where they would have to be raised; without a meaning where so many relations of the pair are higher
        that ``top_k`` leaves a relation out for good.

        Shape:
            logits - ``[P, 1+R]``
            returns - ``[P, R]``; float32 or float64
        """
        logits = at_least_float32(logits)
        relations, level = logits[:, 1:], self.level(logits, threshold)
        # the relation that has the last of the ``top_k`` places loses it to column 0, which may be above the level
        crowded = torch.cat([torch.full_like(level, torch.inf), relations], 1)
        keeps = highest(crowded, torch.ones_like(relations, dtype=torch.bool), top_k if self.capped else None)
        return relations - torch.where(keeps, level, torch.maximum(level, logits[:, :1]))


def _with_threshold_class(loss: LossFunction) -> RelationLoss:
    """A loss that learns the threshold class."""
    return RelationLoss(
        loss,
        lambda logits, threshold, top_k=None: decide_adaptive(logits, top_k),
        adaptive_confidence,
        lambda logits, threshold: logits[:, :1],
    )


RELATION_LOSSES: Mapping[str, RelationLoss] = {
    "adaptive-focal": _with_threshold_class(adaptive_focal),
    "adaptive-focal-released": _with_threshold_class(partial(adaptive_focal, weighting="released")),
    "adaptive-softmax": _with_threshold_class(adaptive_softmax),
    "adaptive-threshold": _with_threshold_class(adaptive_threshold),
    "balanced-softmax": RelationLoss(
        balanced_softmax,
        lambda logits, threshold, top_k=None: decide_balanced(logits, top_k),
        global_confidence,
        lambda logits, threshold: torch.zeros_like(logits[:, :1]),
    ),
    "binary-cross-entropy": RelationLoss(
        binary_cross_entropy,
        lambda logits, threshold, top_k=None: decide_global(logits, threshold),
        global_confidence,
        lambda logits, threshold: torch.full_like(logits[:, :1], threshold).logit(),
        capped=False,
    ),
    "none-class-ranking": _with_threshold_class(none_class_ranking),
    "pairwise-moving-threshold": _with_threshold_class(pairwise_moving_threshold),
    "pairwise-moving-threshold-no-entropy": _with_threshold_class(partial(pairwise_moving_threshold, entropy=None)),
    "pairwise-moving-threshold-released": _with_threshold_class(partial(pairwise_moving_threshold, entropy="released")),
    "pairwise-moving-threshold-sum": _with_threshold_class(partial(pairwise_moving_threshold, entropy="sum")),
}
