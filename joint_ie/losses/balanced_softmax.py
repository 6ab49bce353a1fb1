"""Balanced softmax: all positive classes above a threshold, all others below it, in two log-sum-exps.

Zhang et al. 2021, "Document-level Relation Extraction as Semantic Segmentation" (DocuNet): the threshold is 0
(golden README 5a). PAEE, equation 9, "adaptive softmax": the threshold is the logit of class 0.
"""

import torch
from torch import Tensor

from joint_ie.losses.common import Reduction, at_least_float32, check_pairs, highest, reduce_pairs


def balanced_softmax(logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Positive classes above 0, other classes below 0; class 0, "no relation", is a class like the others.

    For a pair with positive classes P and other classes N (golden README 5a):
    ``log(1 + sum_{c in N} exp f_c) + log(1 + sum_{c in P} exp(-f_c))``.

    Shape:
        logits - ``[P, 1+R]``, column 0 "no relation"
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored: class 0 is positive exactly
            for pairs without a relation
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(logits, labels)
    logits = at_least_float32(logits)
    relations = labels[:, 1:].bool()
    positive = torch.cat([~relations.any(1, keepdim=True), relations], 1)
    return reduce_pairs(_two_sides(logits, positive, logits.new_zeros(len(logits), 1)), reduction)


def adaptive_softmax(logits: Tensor, labels: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Positive relations above the threshold class, other relations below it (PAEE eq. 9, golden README 5a).

    For a pair with positive relations P, other relations N and threshold class 0:
    ``log(exp f_0 + sum_{r in N} exp f_r) + log(exp(-f_0) + sum_{r in P} exp(-f_r))``. Relations are decided as with
    the adaptive threshold (`decide_adaptive`, `adaptive_confidence`).

    Shape:
        logits - ``[P, 1+R]``, column 0 the threshold class
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(logits, labels)
    logits = at_least_float32(logits)
    return reduce_pairs(_two_sides(logits[:, 1:], labels[:, 1:].bool(), logits[:, :1]), reduction)


def _two_sides(scores: Tensor, positive: Tensor, threshold: Tensor) -> Tensor:
    """``LSE(t, N) + LSE(-t, -P)`` of each row: scores and ``positive`` ``[P, C]``, threshold ``[P, 1]``."""
    # The threshold is on both sides, so that neither log-sum-exp is ever empty and -inf makes no NaN.
    below = torch.cat([threshold, scores.masked_fill(positive, -torch.inf)], 1).logsumexp(1)
    above = torch.cat([-threshold, (-scores).masked_fill(~positive, -torch.inf)], 1).logsumexp(1)
    return below + above


def decide_balanced(logits: Tensor, top_k: int | None = None) -> Tensor:
    """The relations above 0, strictly; with ``top_k``, of these the highest (golden README 5b).

    The ``top_k``-th value is taken among all columns, "no relation" included, and ties with it are all kept.
    Their confidence is the sigmoid, `global_confidence`: a decided relation has at least 0.5.

    Shape:
        logits - ``[P, 1+R]``
        returns - ``[P, R]``, bool
    """
    return highest(logits, logits[:, 1:] > 0, top_k)
