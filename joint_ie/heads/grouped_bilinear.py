"""Grouped bilinear classifier of entity pairs, without its outer product in memory."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from joint_ie.errors import InputError


class GroupedBilinear(nn.Module):
    """``logit_c = sum_g z_head^g W_c^g z_tail^g + b_c`` over groups of ``block_size`` dimensions; b if ``bias``.

    Zhou et al. 2021 (ATLOP), section 3.2; layout of golden README 1b, step 5: ``weight`` ``[C, E * block]`` is that
    of a linear layer over the flattened outer products (group, position in head, position in tail), but only the
    products of one group and some pairs exist at a time: at most ``max_elements`` numbers, here and in backward.

    Under autocast it computes in autocast's type, also on a CPU: forward and backward of 1,600 pairs (97 classes,
    blocks of 64) take about a third of the time in bfloat16 where the CPU has AVX512-BF16. Sums over groups, and the
    logits, have the type of ``weight``.
    """

    def __init__(
        self, embedding_size: int, block_size: int, classes: int, max_elements: int = 2**22, bias: bool = True
    ) -> None:
        super().__init__()
        if block_size < 1 or embedding_size % block_size:
            raise InputError(
                f"embedding_size = {embedding_size} should be a multiple of block_size = {block_size} "
                "(dimensions in a group, not the number of groups)"
            )
        self.block_size = block_size
        self.max_elements = max_elements
        self.weight = nn.Parameter(torch.empty(classes, embedding_size * block_size))
        self.bias = nn.Parameter(torch.empty(classes)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As `torch.nn.Linear` over the outer products: uniform within 1 / sqrt(inputs)."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, z_head: Tensor, z_tail: Tensor) -> Tensor:
        """Score pairs.

        Shape:
            z_head, z_tail - ``[P, E]``
            returns - ``[P, C]``
        """
        device = self.weight.device.type
        compute = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.weight.dtype
        pairs = max(1, self.max_elements // (2 * self.block_size**2))  # backward holds two products
        logits: Tensor = _GroupedProduct.apply(z_head, z_tail, self.weight, self.block_size, pairs, compute)
        return logits if self.bias is None else logits + self.bias


class _GroupedProduct(torch.autograd.Function):
    """Logits ``[P, C]`` without bias; saves its arguments only and forms the outer products again in backward.

    Outer products have the pairs last: on a CPU they are made four times as fast as with the pairs first.
    """

    @staticmethod
    def forward(
        ctx: Any, z_head: Tensor, z_tail: Tensor, weight: Tensor, block: int, step: int, compute: torch.dtype
    ) -> Tensor:
        ctx.save_for_backward(z_head, z_tail, weight)
        ctx.block, ctx.step, ctx.compute = block, step, compute
        heads, tails = (_pairs_last(z, block, compute) for z in (z_head, z_tail))
        weights = _weights(weight, block, compute)
        logits = weight.new_zeros(len(weight), len(z_head))
        for pairs in _slices(len(z_head), step):
            for group, of_group in enumerate(weights):
                logits[:, pairs] += of_group @ _outer(heads[group, :, pairs], tails[group, :, pairs])
        return logits.T.contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_logits: Tensor) -> tuple[Tensor | None, ...]:
        z_head, z_tail, weight = ctx.saved_tensors
        block, compute = ctx.block, ctx.compute
        last = [_pairs_last(z, block, compute) for z in (z_head, z_tail)]
        first = [z.to(compute).unflatten(1, (-1, block)) for z in (z_head, z_tail)]
        weights = _weights(weight, block, compute)
        grad_logits = grad_logits.to(compute)
        grad_heads, grad_tails = (z.new_empty(len(z), len(weights), block) for z in (z_head, z_tail))
        grad_weights = weight.new_zeros(weights.shape)
        for pairs in _slices(len(z_head), ctx.step):
            grad = grad_logits[pairs]
            for group, of_group in enumerate(weights):
                head, tail = (z[pairs, group] for z in first)
                grad_weights[group] += grad.T @ _outer(*(z[group, :, pairs] for z in last)).T
                grad_outer = (grad @ of_group).unflatten(1, (block, block))
                grad_heads[pairs, group] = (grad_outer @ tail.unsqueeze(2)).squeeze(2).to(z_head.dtype)
                grad_tails[pairs, group] = (head.unsqueeze(1) @ grad_outer).squeeze(1).to(z_tail.dtype)
        grad_weight = grad_weights.transpose(0, 1).flatten(1)
        return grad_heads.flatten(1), grad_tails.flatten(1), grad_weight, None, None, None


def _pairs_last(z: Tensor, block: int, compute: torch.dtype) -> Tensor:
    """``[P, E]`` to ``[groups, block, P]``, in the type to compute in."""
    return z.to(compute).T.contiguous().unflatten(0, (-1, block))


def _weights(weight: Tensor, block: int, compute: torch.dtype) -> Tensor:
    """``[groups, C, block * block]``, in the type to compute in."""
    return weight.to(compute).unflatten(1, (-1, block**2)).transpose(0, 1).contiguous()


def _slices(count: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, count, step)]


def _outer(head: Tensor, tail: Tensor) -> Tensor:
    """``[block, P]`` twice to ``[block * block, P]``, the position in the head first."""
    return (head.unsqueeze(1) * tail.unsqueeze(0)).flatten(0, 1)
