"""None-class ranking: every relation on its own against the "none" class, and that class against their mean.

Zhou and Lee 2022, "None Class Ranking Loss for Document-Level Relation Extraction" (NCRL), in the form of
golden README 4. Relations are decided as with the adaptive threshold (`decide_adaptive`, `adaptive_confidence`).
"""

import torch
from torch import Tensor

from joint_ie.errors import InputError
from joint_ie.losses.common import Reduction, at_least_float32, check_pairs, reduce_pairs

SMALLEST = 1e-8
"""No probability counts as smaller, and below it there is no gradient (golden README 4)."""


def none_class_ranking(
    logits: Tensor,
    labels: Tensor,
    reduction: Reduction = "mean",
    *,
    shift: float = 0.0,
    none_class: bool = True,
) -> Tensor:
    """Binary cross-entropy of margins: ``f_r - f_0`` of every relation, and ``f_0 - mean_r f_r`` of the none class.

    A margin m has the loss ``-log sigmoid(m)`` if its class is positive, and ``-log min(1 - sigmoid(m) + shift, 1)``
    if not. Class 0 is positive exactly for pairs without a relation.

    Args:
        logits: see Shape.
        labels: see Shape.
        reduction: over pairs.
        shift: how wrong a negative class may be at no cost, against missing labels (released code: 0).
        none_class: with the none class's own margin, which regularises the others.

    Shape:
        logits - ``[P, 1+R]``, column 0 the none class
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(logits, labels)
    if not 0 <= shift < 1:
        raise InputError(f"shift = {shift} should be at least 0 and less than 1")
    logits = at_least_float32(logits)
    positive = labels[:, 1:].bool()
    margin = logits[:, 1:] - logits[:, :1]
    if none_class:
        # -mean(f_r - f_0), so that the differences of large logits are taken first.
        margin = torch.cat([-margin.mean(1, keepdim=True), margin], 1)
        positive = torch.cat([~positive.any(1, keepdim=True), positive], 1)
    probability = margin.sigmoid()
    # 1 - p cancels in float32; in float64 it is the reference's own arithmetic, to the last digits of its values.
    opposite = 1 - probability if margin.dtype == torch.float64 else (-margin).sigmoid()
    right = probability.clamp(min=SMALLEST).log()
    wrong = (opposite + shift).clamp(SMALLEST, 1).log()
    return reduce_pairs(-torch.where(positive, right, wrong).sum(1), reduction)
