"""Attention on CPUs in bfloat16, block by block, which is faster there than PyTorch's fused kernel.

The fused kernel's gradient is slower in bfloat16 than in 32 bits; with blocks that stay in the cache, forward and
backward take between a third and a half of its time (`benchmarks/results/speed.md`). Scores are rounded to bfloat16
before the softmax, as everything else between the layers is; sums run in 32 bits.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import bidirectional_mask_function, sdpa_mask

from joint_ie.heads.precision import at_least_float32

NAME = "blocked"
"""What the attention is called in Transformers' ``attn_implementation``."""
BLOCK = 1 << 19  # scores that exist together, for every thread: they stay in its cache
KEPT = 1 << 26  # scores of one layer that backward keeps (128 MiB); of more it keeps none and computes them again
TINY, HUGE = 1e-20, 1e30  # sums of exponentials between them are as exact as any

Block = tuple[int, slice, int]
"""A document, some of its heads, and its length."""


def register_blocked_attention() -> str:
    """Make it known to Transformers, in this process; returns its name."""
    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, _mask)
    return NAME


def _mask(*, mask_function: Callable[..., Any], attention_mask: Tensor | None = None, **options: Any) -> Tensor | None:
    """The padding mask as [batch, 1, 1, width], if it is nothing but that; else as Transformers makes it."""
    if mask_function is bidirectional_mask_function and attention_mask is not None and attention_mask.ndim == 2:
        return attention_mask.bool()[:, None, None, :]
    made: Tensor | None = sdpa_mask(mask_function=mask_function, attention_mask=attention_mask, **options)
    return made


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """What Transformers calls; `blocked_attention` where that is faster and means the same, else PyTorch's."""
    lengths = None
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and query.shape == key.shape and not dropout:
        causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
        if options.get("position_bias") is None and (attention_mask is not None or not causal):
            lengths = _lengths(attention_mask, len(query), query.shape[2])
    if lengths is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal=is_causal, **options
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return blocked_attention(query, key, value, lengths, scale).transpose(1, 2), None


def _lengths(mask: Tensor | None, documents: int, width: int) -> list[int] | None:
    """How long every document is, if ``mask`` [documents, 1, 1, width] hides the rest and nothing else."""
    if mask is None:
        return [width] * documents
    if mask.dtype != torch.bool or mask.shape != (documents, 1, 1, width):
        return None
    seen = mask[:, 0, 0]
    length = seen.sum(1)
    prefix = torch.arange(width) < length[:, None]
    return length.tolist() if torch.equal(seen, prefix) else None


def blocked_attention(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int], scale: float) -> Tensor:
    """``softmax(scale * query key^T) value``, with gradients for the three, without what lies beyond the ``lengths``.

    Args:
        query, key, value: [documents, heads, width, size].
        lengths: of the documents; what lies beyond is neither seen nor computed, its result is 0.
        scale: of the scores.

    Returns:
        [documents, heads, width, size], a view of [documents, width, heads, size].
    """
    out: Tensor = _Blocked.apply(query, key, value, tuple(lengths), scale)
    return out


class _Blocked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...], scale: float) -> Tensor:
        out = _empty(query)
        learning = any(ctx.needs_input_grad[:3])
        keep = learning and query.shape[1] * sum(length**2 for length in lengths) <= KEPT
        kept = []
        for block in _blocks(query.shape[1], lengths):
            if not learning:
                _put(out, block, _attended(query, key, value, block, scale))
                continue
            weights = _weights(query, key, block, scale)
            _put(out, block, torch.bmm(weights, _part(value, block)))
            if keep:
                kept.append(weights)
        _clear(out, lengths)
        ctx.save_for_backward(query, key, value, *kept)
        ctx.lengths, ctx.scale = lengths, scale
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, *kept = ctx.saved_tensors
        of_query, of_key, of_value = _empty(query), _empty(key), _empty(value)
        for number, block in enumerate(_blocks(query.shape[1], ctx.lengths)):
            weights = kept[number] if kept else _weights(query, key, block, ctx.scale)
            of_out = _part(grad, block)
            _put(of_value, block, torch.bmm(weights.transpose(1, 2), of_out))
            of_weights = torch.bmm(of_out, _part(value, block).transpose(1, 2))
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            _put(of_query, block, torch.bmm(of_scores, _part(key, block)) * ctx.scale)
            _put(of_key, block, torch.bmm(of_scores.transpose(1, 2), _part(query, block)) * ctx.scale)
        for made in (of_query, of_key, of_value):
            _clear(made, ctx.lengths)
        return of_query, of_key, of_value, None, None


def _blocks(heads: int, lengths: Sequence[int]) -> Iterator[Block]:
    """Heads of one document whose scores may exist together."""
    most = BLOCK * torch.get_num_threads()
    for document, length in enumerate(lengths):
        if length:
            step = max(1, min(heads, most // length**2))
            for start in range(0, heads, step):
                yield document, slice(start, start + step), length


def _weights(query: Tensor, key: Tensor, block: Block, scale: float) -> Tensor:
    """[heads, length, length] of one block."""
    return _scores(query, key, block, scale).softmax(-1)


def _attended(query: Tensor, key: Tensor, value: Tensor, block: Block, scale: float) -> Tensor:
    """[heads, length, size] of one block, divided by the sum of the exponentials at the end.

    bfloat16 has the exponents of 32 bits, so the largest score need not be looked for and subtracted, which takes
    longer than all the rest, unless scores are very large (beyond about 80) or all very small.
    """
    powers = _scores(query, key, block, scale).exp_()
    total = powers.sum(-1, keepdim=True, dtype=at_least_float32(powers[:0]).dtype)
    low, high = torch.aminmax(total)
    if not (low > TINY and high < HUGE):
        return torch.bmm(_weights(query, key, block, scale), _part(value, block))
    return torch.bmm(powers, _part(value, block)) / total


def _scores(query: Tensor, key: Tensor, block: Block, scale: float) -> Tensor:
    return torch.bmm(_part(query, block) * scale, _part(key, block).transpose(1, 2))


def _part(whole: Tensor, block: Block) -> Tensor:
    """[heads, length, size] of one block."""
    document, heads, length = block
    return whole[document, heads, :length]


def _put(whole: Tensor, block: Block, part: Tensor) -> None:
    _part(whole, block).copy_(part)


def _empty(like: Tensor) -> Tensor:
    """[documents, heads, width, size] in memory as [documents, width, heads, size], which layers go on with."""
    documents, heads, width, size = like.shape
    return like.new_empty(documents, width, heads, size).transpose(1, 2)


def _clear(whole: Tensor, lengths: Sequence[int]) -> None:
    for document, length in enumerate(lengths):
        whole[document, :, length:] = 0
