"""What all relation losses share: precision, shape checks and reduction over pairs."""

from typing import Literal

import torch
from torch import Tensor

from joint_ie.errors import InputError, nearest

Reduction = Literal["mean", "sum", "none"]


def at_least_float32(logits: Tensor) -> Tensor:
    """Half precision (autocast) becomes float32; float32 and float64 stay what they are."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def check_pairs(logits: Tensor, labels: Tensor) -> None:
    """Raise `InputError` unless both are ``[P, 1+R]`` of one shape."""
    if logits.dim() != 2 or logits.shape != labels.shape:
        raise InputError(
            f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} should both be [pairs, 1 + relations]"
        )


def reduce_pairs(values: Tensor, reduction: Reduction) -> Tensor:
    """One loss per pair, ``[P]``, to its mean, its sum or itself; the mean of no pairs is 0 and keeps the graph."""
    if reduction == "mean":
        return values.sum() / max(len(values), 1)
    if reduction == "sum":
        return values.sum()
    if reduction == "none":
        return values
    allowed = ("mean", "sum", "none")
    raise InputError(f'reduction "{reduction}" should be one of {", ".join(allowed)}{nearest(reduction, allowed)}')


def highest(logits: Tensor, decided: Tensor, top_k: int | None) -> Tensor:
    """Of the ``decided`` relations ``[P, R]`` those not below their pair's ``top_k``-th logit; all if that is None.

    The ``top_k``-th value is taken among all columns of ``logits`` ``[P, 1+R]``, and ties with it are all kept (golden
    README 0).
    """
    if top_k is None:
        return decided
    if top_k < 1:
        raise InputError(f"top_k = {top_k} should be at least 1, or None for no limit")
    kth = logits.topk(min(top_k, logits.shape[1]), dim=1).values[:, -1:]
    return decided & (logits[:, 1:] >= kth)
