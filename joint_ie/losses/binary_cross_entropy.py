"""Binary cross-entropy with one threshold for all pairs.

Eberts and Ulges 2021, "An End-to-end Model for Entity-level Relation Extraction using Multi-instance
Learning" (JEREX); the reductions are golden joint README 5.4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from joint_ie.errors import InputError
from joint_ie.losses.common import Reduction, at_least_float32, check_pairs, reduce_pairs


def binary_cross_entropy(logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Every relation on its own: summed over relations, then reduced over pairs.

    Shape:
        logits - ``[P, 1+R]``; column 0, the threshold class of other losses, is ignored and gets no gradient
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(logits, labels)
    relations = at_least_float32(logits[:, 1:])
    losses = F.binary_cross_entropy_with_logits(relations, labels[:, 1:].to(relations.dtype), reduction="none")
    return reduce_pairs(losses.sum(1), reduction)


def mean_binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """For mention and coreference scores: the mean over items; 0 with a graph where there are none.

    Shape:
        logits - ``[N]``
        labels - ``[N]``, bool, integer or float
        returns - a scalar; float32 or float64
    """
    if logits.dim() != 1 or logits.shape != labels.shape:
        raise InputError(f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} should both be [items]")
    logits = at_least_float32(logits)
    losses = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
    return reduce_pairs(losses, "mean")


def decide_global(logits: Tensor, threshold: float | Tensor) -> Tensor:
    """The relations with a confidence of at least ``threshold`` (golden joint README 5.5; published: 0.6).

    Shape:
        logits - ``[P, 1+R]``
        threshold - one number, or ``[R]`` for one of each relation
        returns - ``[P, R]``, bool
    """
    return global_confidence(logits) >= threshold


def global_confidence(logits: Tensor) -> Tensor:
    """The sigmoid of every relation's logit.

    Shape:
        logits - ``[P, 1+R]``
        returns - ``[P, R]`` in [0, 1]
    """
    return torch.sigmoid(at_least_float32(logits[:, 1:]))
