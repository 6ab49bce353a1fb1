"""Adaptive focal loss: positive relations against the threshold class one by one, the hard ones weighted up.

Tan et al. 2022, "Document-Level Relation Extraction with Adaptive Focal Loss and Knowledge Distillation"
(KD-DocRE), equations 9 to 11; the released code's form is golden README 2a. Relations are decided as with
the adaptive threshold (`decide_adaptive`, `adaptive_confidence`).
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from joint_ie.errors import InputError, nearest
from joint_ie.losses.common import Reduction, at_least_float32, check_pairs, reduce_pairs

FocalWeighting = Literal["paper", "released"]


def adaptive_focal(
    logits: Tensor,
    labels: Tensor,
    reduction: Reduction = "mean",
    *,
    gamma: float = 1.0,
    weighting: FocalWeighting = "paper",
) -> Tensor:
    """Focal terms of the positive relations, and the threshold class above all other relations.

    With positive relations P, other relations N, threshold class 0 and ``p_r = sigmoid(f_r - f_0)`` (eqs. 9 to 11,
    with the minus signs that eq. 11 leaves out):
    ``-sum_{r in P} (1 - p_r)^gamma log p_r + LSE(N + 0) - f_0``.

    Args:
        logits: see Shape.
        labels: see Shape.
        reduction: over pairs.
        gamma: how much easy positive relations lose weight (released code: 1).
        weighting: ``paper`` weighs with ``(1 - p_r)^gamma``, ``released`` with ``1 + (1 - p_r)^gamma``. Gradients
            pass through the weight.

    Shape:
        logits - ``[P, 1+R]``, column 0 the threshold class
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(logits, labels)
    allowed = ("paper", "released")
    if weighting not in allowed:
        raise InputError(f'weighting "{weighting}" should be one of {", ".join(allowed)}{nearest(weighting, allowed)}')
    logits = at_least_float32(logits)
    relation = torch.arange(logits.shape[1], device=logits.device) > 0
    positive = labels.bool() & relation
    margin = logits - logits[:, :1]
    # exp(gamma log(1 - p)) and not a power of 1 - p, whose gradient is infinite where 1 - p rounds to 0 and gamma < 1.
    weight = (gamma * logsigmoid(-margin)).exp()
    if weighting == "released":
        weight = 1 + weight
    above = (-weight * logsigmoid(margin)).masked_fill(~positive, 0.0).sum(1)
    below = logits.masked_fill(positive, -torch.inf).logsumexp(1) - logits[:, 0]
    return reduce_pairs(above + below, reduction)
