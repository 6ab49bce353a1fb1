"""Adaptive threshold: every pair learns its own threshold, the logit of class 0.

Zhou et al. 2021, "Document-Level Relation Extraction with Adaptive Thresholding and Localized Context
Pooling", section 4; the mean over pairs is golden README 1a.
"""

import torch
from torch import Tensor

from joint_ie.losses.common import Reduction, at_least_float32, check_pairs, highest, reduce_pairs


def adaptive_threshold(logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Positive relations above the threshold class, the threshold class above all other relations.

    For a pair with positive relations P, other relations N and threshold class 0 (golden README 1a):
    ``sum_{r in P} (LSE(P + 0) - f_r) + LSE(N + 0) - f_0``.

    Shape:
        logits - ``[P, 1+R]``, column 0 the threshold class
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(logits, labels)
    logits = at_least_float32(logits)
    # Column 0 is on both sides, so that neither log-sum-exp is ever empty and -inf makes no NaN.
    relation = torch.arange(logits.shape[1], device=logits.device) > 0
    positive = labels.bool() & relation
    negative = ~labels.bool() & relation
    above = logits.masked_fill(negative, -torch.inf).logsumexp(1)
    below = logits.masked_fill(positive, -torch.inf).logsumexp(1)
    positive_sum = logits.masked_fill(~positive, 0.0).sum(1)
    return reduce_pairs(positive.sum(1) * above - positive_sum + below - logits[:, 0], reduction)


def decide_adaptive(logits: Tensor, top_k: int | None = None) -> Tensor:
    """The relations above the threshold class, strictly; with ``top_k``, of these the highest (golden README 0).

    The ``top_k``-th value is taken among all columns, the threshold included, and ties with it are all kept.

    Shape:
        logits - ``[P, 1+R]``
        returns - ``[P, R]``, bool
    """
    return highest(logits, logits[:, 1:] > logits[:, :1], top_k)


def adaptive_confidence(logits: Tensor) -> Tensor:
    """How far a relation is above its pair's threshold, as a probability: ``sigmoid(f_r - f_0)``.

    This is the softmax over the relation and the threshold class alone. A decided relation has at least 0.5.

    Shape:
        logits - ``[P, 1+R]``
        returns - ``[P, R]`` in [0, 1]
    """
    logits = at_least_float32(logits)
    return torch.sigmoid(logits[:, 1:] - logits[:, :1])
