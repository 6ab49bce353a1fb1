"""Reductions over runs of neighbouring rows."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Pooling = Literal["logsumexp", "mean", "max"]


def segment_max(values: Tensor, lengths: Tensor) -> Tensor:
    """Element-wise maximum of every run of rows.

    ``values`` [rows, d]; ``lengths`` [runs], all positive, adding up to the rows; returns [runs, d]. Rows that share a
    maximum (mentions of one entity that overlap) share its gradient equally.
    """
    if not len(lengths):
        return values.new_zeros(0, values.shape[1])
    maxima: Tensor = _SegmentMax.apply(values, lengths)
    return maxima


class _SegmentMax(torch.autograd.Function):
    """`torch.segment_reduce`, whose own backward (2.13, CPU) gives every tied row all of a negative gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, lengths: Tensor) -> Tensor:
        maxima = torch.segment_reduce(values, "max", lengths=lengths, axis=0, unsafe=True)
        ctx.save_for_backward(values, maxima, lengths)
        return maxima

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        values, maxima, lengths = ctx.saved_tensors
        run = torch.repeat_interleave(lengths)
        highest = values == maxima.index_select(0, run)
        shared = grad / segment_sum(highest.to(grad.dtype), run, len(lengths))
        return shared.index_select(0, run) * highest, None


def segment_sum(values: Tensor, segment: Tensor, segments: int) -> Tensor:
    """Sum of the rows of every segment: ``values`` [rows, ...], ``segment`` [rows]; returns [segments, ...]."""
    return values.new_zeros(segments, *values.shape[1:]).index_add(0, segment, values)


def segment_logsumexp(values: Tensor, segment: Tensor, lengths: Tensor) -> Tensor:
    """Element-wise log-sum-exp of every run of rows (ATLOP eq. 1).

    ``values`` [rows, d]; ``segment`` [rows] = run of each row, ascending; ``lengths`` [runs]; returns [runs, d].
    """
    highest = segment_max(values.detach(), lengths)
    total = segment_sum(torch.exp(values - highest.index_select(0, segment)), segment, len(lengths))
    return total.log() + highest


def segment_pool(values: Tensor, segment: Tensor, lengths: Tensor, pooling: Pooling) -> Tensor:
    """Every run of rows to one, see `segment_logsumexp`; the others are rows of ablation tables."""
    if pooling == "max":
        return segment_max(values, lengths)
    if pooling == "mean":
        return segment_sum(values, segment, len(lengths)) / lengths[:, None]
    return segment_logsumexp(values, segment, lengths)
