"""Pairwise moving threshold with entropy minimisation: every relation on its own against the threshold class.

Guo, Kok and Bing 2023, "Towards Integration of Discriminability and Robustness for Document-Level Relation
Extraction" (PEMSCL), equations 3 to 7; the released code's form is golden README 3b. Relations are decided as
with the adaptive threshold (`decide_adaptive`, `adaptive_confidence`).
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from joint_ie.errors import InputError, nearest
from joint_ie.losses.common import Reduction, at_least_float32, check_pairs, reduce_pairs

Entropy = Literal["mean", "sum", "released"]


def pairwise_moving_threshold(
    logits: Tensor,
    labels: Tensor,
    reduction: Reduction = "mean",
    *,
    entropy: Entropy | None = "mean",
    negative_mask: Tensor | None = None,
) -> Tensor:
    """Positive relations above the threshold class, all others below it, and each decided clearly.

    With positive relations P, other relations N, threshold class 0, ``p_r = sigmoid(f_r - f_0)`` and ``H(r)`` the
    entropy of ``p_r`` against ``1 - p_r``:
    ``-sum_{r in P} log p_r - sum_{r in N} log(1 - p_r)`` (eq. 4) ``+ sum_{r in P} H(r) / g1 + sum_{r in N} H(r) / g2``
    (eq. 6). The paper sums over the pairs of a batch (eq. 7): ``reduction="sum"``.

    Args:
        logits: see Shape.
        labels: see Shape.
        reduction: over pairs.
        entropy: the divisors (g1, g2) of the entropies, at least 1 each. ``mean``: (|P|, |N|), published for
            Re-DocRED; ``sum``: (1, 1), published for DocRED; None: no entropies. ``released``: the code divides by
            the |P| and |N| of every pair of the batch and averages the quotients, so a pair's value depends on its
            batch (golden README 3b).
        negative_mask: the negative relations that count, such as `sample_negative_labels` draws; None takes all.
            |N| counts those left out too (eq. 12).

    Shape:
        logits - ``[P, 1+R]``, column 0 the threshold class
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        negative_mask - ``[P, 1+R]`` bool; ignored in column 0 and for positive relations
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(logits, labels)
    allowed = ("mean", "sum", "released")
    if entropy is not None and entropy not in allowed:
        raise InputError(
            f'entropy "{entropy}" should be None or one of {", ".join(allowed)}{nearest(entropy, allowed)}'
        )
    logits = at_least_float32(logits)
    positive = labels[:, 1:].bool()
    negative = ~positive
    if negative_mask is not None:
        check_pairs(logits, negative_mask)
        negative = negative & negative_mask[:, 1:].bool()
    margin = logits[:, 1:] - logits[:, :1]
    log_relation, log_threshold = logsigmoid(margin), logsigmoid(-margin)
    losses = -_sum(log_relation, positive) - _sum(log_threshold, negative)
    if entropy is not None:
        entropies = -margin.sigmoid() * log_relation - (-margin).sigmoid() * log_threshold
        positives = positive.sum(1)
        for counted, count in ((positive, positives), (negative, positive.shape[1] - positives)):
            losses = losses + _sum(entropies, counted) * _scale(count.to(logits.dtype), entropy)
    return reduce_pairs(losses, reduction)


def _sum(values: Tensor, counted: Tensor) -> Tensor:
    """The sum of each row's counted values, ``[P]``."""
    return values.masked_fill(~counted, 0.0).sum(1)


def _scale(count: Tensor, entropy: Entropy) -> Tensor:
    """What a pair's sum of entropies is multiplied with, ``[P]`` or a scalar, from how many relations it has."""
    if entropy == "sum":
        return torch.ones_like(count)
    scale = 1 / count.clamp(min=1)
    return scale if entropy == "mean" else reduce_pairs(scale, "mean")
