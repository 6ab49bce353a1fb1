"""The context that both entities of a pair attend to (ATLOP eq. 8 to 10, and what others made of it)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from joint_ie.encoding.index import MentionIndex, PairIndex, rank_in_group
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.segments import segment_sum

BLOCK = 512  # document positions that are looked at together
ELEMENTS = 1 << 20  # of [pairs, heads, positions] that exist together: few enough to stay in a cache
KEPT = 1 << 25  # of these that backward keeps of each entity of a pair; of more it keeps none and computes them again

Weighting = Literal["mean", "sum", "exact", "softmax"]
"""How the product of two entities' attentions becomes weights of tokens: the ``mean`` over heads, divided by its sum
+ 1e-5 (ATLOP, golden README 1b), or ``exact``, by its sum + 1e-30, which only keeps 0 from being divided by 0 (DREEAM,
6); the ``sum`` over heads, divided by its sum + 1e-10 (KD-DocRE, 2d); the ``softmax`` over the document's tokens of
the sum over heads (PAEE eq. 3)."""
_FLOOR: Mapping[Weighting, float] = {"mean": 1e-5, "sum": 1e-10, "exact": 1e-30}


def pair_contexts(
    attention: AttentionRows,
    mentions: MentionIndex,
    hidden: Tensor,
    token_offset: Tensor,
    pairs: PairIndex,
    weighting: Weighting = "mean",
) -> Tensor:
    """Localized context of every pair: ``c = H a``, ``a`` the normalised product ``A_s * A_o``.

    A_e is the mean of the attention rows of the entity's mentions. Documents longer than `BLOCK` subwords are
    gone through in blocks of positions, and pairs in chunks, so that memory does not grow with their product. In
    training it does up to `KEPT`, because backward keeps the attention of both entities of every pair. Computed again
    in backward, contexts of four documents of 20 entities take 1.2 to 1.4 times as long, of one with 150 about as long.

    Args:
        attention: rows of all mentions.
        mentions: which entity they belong to.
        hidden: [tokens, d] flat.
        token_offset: [documents + 1].
        pairs: documents ascending; order inside a pair does not matter.
        weighting: see `Weighting`.

    Returns:
        [pairs, d].
    """
    longest = int(token_offset.diff().max()) if len(token_offset) > 1 else 0
    heads = attention.values.shape[1]
    if longest <= BLOCK and len(pairs) * heads * longest <= ELEMENTS:
        entities = entity_attention(attention, mentions, 0, longest)
        weighted, norm = _block_context(entities, hidden, token_offset, pairs, 0, weighting)
        return _normalised(weighted, norm, hidden, token_offset, pairs, weighting)
    context = hidden.new_zeros(len(pairs), hidden.shape[1])
    norm = hidden.new_zeros(len(pairs))
    part_context: Callable[..., tuple[Tensor, Tensor]] = _block_context
    if torch.is_grad_enabled() and len(pairs) * heads * longest > KEPT:
        part_context = partial(checkpoint, _block_context, use_reentrant=False, preserve_rng_state=False)
    for begin in range(0, longest, BLOCK):
        end = min(begin + BLOCK, longest)
        touching = torch.nonzero((attention.start < end) & (attention.end > begin)).squeeze(1)
        active = torch.zeros(mentions.entities, dtype=torch.bool, device=hidden.device)
        active[mentions.entity[touching]] = True
        both = torch.nonzero(active[pairs.head] & active[pairs.tail]).squeeze(1)
        if not len(both):
            continue
        # attention of the entities in these pairs alone, numbered anew
        needed = torch.zeros_like(active)
        needed[pairs.head[both]] = True
        needed[pairs.tail[both]] = True
        number = needed.cumsum(0) - 1
        entities = entity_attention(attention, mentions, begin, end, needed)
        for rows in both.split(max(1, ELEMENTS // ((end - begin) * heads))):
            part = PairIndex(number[pairs.head[rows]], number[pairs.tail[rows]], pairs.document[rows])
            weighted, weight = part_context(entities, hidden, token_offset, part, begin, weighting)
            context.index_add_(0, rows, weighted.to(context.dtype))  # autocast computes products in bfloat16
            norm.index_add_(0, rows, weight)
    return _normalised(context, norm, hidden, token_offset, pairs, weighting)


def _normalised(
    weighted: Tensor, norm: Tensor, hidden: Tensor, token_offset: Tensor, pairs: PairIndex, weighting: Weighting
) -> Tensor:
    """``weighted`` [pairs, d] sums of hidden states divided by the sum of their weights, ``norm`` [pairs]."""
    if weighting != "softmax":
        return weighted / (norm[:, None] + _FLOOR[weighting])
    # weights are exp(q) - 1, which is 0 wherever an entity attends to nothing; here comes the 1 of every token
    length = token_offset.diff()
    document = torch.repeat_interleave(length)
    everything = segment_sum(hidden[: len(document)], document, len(length))  # [documents, d]
    return (weighted + everything.index_select(0, pairs.document)) / (norm + length[pairs.document])[:, None]


def _block_context(
    entities: Tensor, hidden: Tensor, token_offset: Tensor, pairs: PairIndex, begin: int, weighting: Weighting
) -> tuple[Tensor, Tensor]:
    """Unnormalised context [pairs, d] and weight [pairs] of the document positions from ``begin`` on.

    ``entities`` [entities, heads, positions] is the attention of the entities that ``pairs`` number.
    """
    product = entities.index_select(0, pairs.head) * entities.index_select(0, pairs.tail)
    if weighting in ("mean", "exact"):
        weights = product.mean(1)
    else:
        weights = product.sum(1)
        weights = weights.expm1() if weighting == "softmax" else weights
    documents, group = torch.unique_consecutive(pairs.document, return_inverse=True)
    offset = token_offset[:-1][documents] + begin
    position = offset[:, None] + torch.arange(entities.shape[2], device=hidden.device)  # [documents, positions]
    # columns beyond a document carry no attention; they may point at any token
    states = hidden.index_select(0, position.clamp(max=len(hidden) - 1).flatten()).view(*position.shape, -1)
    if len(documents) == 1:
        return weights @ states[0], weights.sum(1)
    rank = rank_in_group(group)
    slots = int(rank.max()) + 1 if len(rank) else 0
    slot = group * slots + rank
    dense = weights.new_zeros(len(documents) * slots, entities.shape[2]).index_copy(0, slot, weights)
    context = torch.bmm(dense.view(len(documents), slots, -1), states).flatten(0, 1)
    return context.index_select(0, slot), weights.sum(1)


def entity_attention(
    attention: AttentionRows, mentions: MentionIndex, begin: int, end: int, needed: Tensor | None = None
) -> Tensor:
    """Mean attention of every entity's mentions to document positions [begin, end).

    ``needed`` [entities] bool leaves the others out. Returns [entities, heads, positions].
    """
    values, start, entity, count = attention.values, attention.start, mentions.entity, mentions.mention_count
    if needed is not None:
        inside = (start < end) & (attention.end > begin)
        rows = torch.nonzero(needed[entity] & inside).squeeze(1)
        values, start, entity = values.index_select(0, rows), start[rows], (needed.cumsum(0) - 1)[entity[rows]]
        count = count[needed]
    width = end - begin
    if begin or values.shape[2] != width or bool(start.any()):
        band = values.shape[2]
        column = torch.arange(begin, end, device=values.device) - start[:, None]  # [mentions, positions]
        in_band = (column >= 0) & (column < band)
        column = column.clamp(0, band - 1)[:, None].expand(-1, values.shape[1], -1)
        values = values.gather(2, column) * in_band[:, None]
    return segment_sum(values, entity, len(count)) / count[:, None, None]
