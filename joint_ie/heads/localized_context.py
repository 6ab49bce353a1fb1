"""Entity pairs with the context that both attend to (ATLOP, section 3.2; golden README 1b)."""

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import MentionIndex, PairIndex, rank_in_group
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.grouped_bilinear import GroupedBilinear
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.segments import segment_logsumexp, segment_sum
from joint_ie.heads.split_linear import SplitLinear

BLOCK = 512  # document positions that are looked at together
ELEMENTS = 1 << 23  # of [pairs, heads, positions] that may be alive together


class LocalizedContext(nn.Module):
    """``z_head = tanh(W_head [entity; context (; types)])``, likewise the tail, then a grouped bilinear layer.

    Entities are the log-sum-exp of their mentions, taken at the mention's token (marker or first subword) or,
    with ``pool_spans``, from its max-pooled span. Types are no part of ATLOP; with ``type_embedding_size`` > 0
    both extractors also see the types of both entities, as JEREX's classifier does.
    """

    needs_attention = True

    def __init__(
        self,
        hidden_size: int,
        embedding_size: int,
        block_size: int,
        classes: int,
        types: int = 0,
        type_embedding_size: int = 0,
        pool_spans: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        extra = (type_embedding_size, type_embedding_size) if type_embedding_size else ()
        self.head_extractor = SplitLinear((hidden_size, hidden_size, *extra), embedding_size)
        self.tail_extractor = SplitLinear((hidden_size, hidden_size, *extra), embedding_size)
        self.type_embedding = nn.Embedding(types, type_embedding_size) if type_embedding_size else None
        self.bilinear = GroupedBilinear(embedding_size, block_size, classes)
        self.dropout = nn.Dropout(dropout)
        self.pool_spans = pool_spans

    def forward(self, given: PairInput) -> Tensor:
        """Logits [pairs, classes]."""
        if given.attention is None:
            raise ValueError("localized context needs the attention rows of the mentions")
        mentions, pairs = given.mentions, given.pairs
        states = given.spans if self.pool_spans else given.hidden.index_select(0, given.rows)
        entities = self.dropout(segment_logsumexp(states, mentions.entity, mentions.mention_count))
        # the context of (a, b) is that of (b, a): computed once
        keys, back = torch.unique(
            torch.minimum(pairs.head, pairs.tail) * mentions.entities + torch.maximum(pairs.head, pairs.tail),
            return_inverse=True,
        )
        low, high = keys // max(mentions.entities, 1), keys % max(mentions.entities, 1)
        unordered = PairIndex(low, high, mentions.entity_document[low])
        context = self.dropout(
            pair_contexts(given.attention, mentions, given.hidden, given.token_offset, unordered)
        )  # [unordered pairs, d]
        head = self._extract(self.head_extractor, entities, pairs.head, context, back, given)
        tail = self._extract(self.tail_extractor, entities, pairs.tail, context, back, given)
        return self.bilinear(head, tail)

    def _extract(
        self, layer: SplitLinear, entities: Tensor, entity: Tensor, context: Tensor, back: Tensor, given: PairInput
    ) -> Tensor:
        total = layer.project(0, entities).index_select(0, entity) + layer.project(1, context).index_select(0, back)
        if self.type_embedding is not None:
            for part, side in ((2, given.pairs.head), (3, given.pairs.tail)):
                projected = layer.project(part, self.type_embedding.weight)  # [types, embedding]
                total = total + projected.index_select(0, given.entity_type.index_select(0, side))
        return torch.tanh(total + layer.bias)


def pair_contexts(
    attention: AttentionRows, mentions: MentionIndex, hidden: Tensor, token_offset: Tensor, pairs: PairIndex
) -> Tensor:
    """Localized context of every pair (ATLOP eq. 8 to 10): ``c = H a``, ``a`` = normalised head mean of A_s * A_o.

    A_e is the mean of the attention rows of the entity's mentions. Documents longer than `BLOCK` subwords are
    gone through in blocks of positions, and pairs in chunks, so that memory does not grow with their product.

    Args:
        attention: rows of all mentions.
        mentions: which entity they belong to.
        hidden: [tokens, d] flat.
        token_offset: [documents + 1].
        pairs: documents ascending; order inside a pair does not matter.

    Returns:
        [pairs, d].
    """
    longest = int(token_offset.diff().max()) if len(token_offset) > 1 else 0
    heads = attention.values.shape[1]
    if longest <= BLOCK and len(pairs) * heads * longest <= ELEMENTS:
        entities = entity_attention(attention, mentions, 0, longest)
        weighted, norm = _block_context(entities, hidden, token_offset, pairs, 0)
        return weighted / (norm[:, None] + 1e-5)
    context = hidden.new_zeros(len(pairs), hidden.shape[1])
    norm = hidden.new_zeros(len(pairs))
    reach = attention.start + attention.values.shape[2]
    for begin in range(0, longest, BLOCK):
        end = min(begin + BLOCK, longest)
        touching = torch.nonzero((attention.start < end) & (reach > begin)).squeeze(1)
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
            weighted, weight = _block_context(entities, hidden, token_offset, part, begin)
            context = context.index_add(0, rows, weighted.to(context.dtype))  # autocast computes products in bfloat16
            norm = norm.index_add(0, rows, weight)
    return context / (norm[:, None] + 1e-5)


def _block_context(
    entities: Tensor, hidden: Tensor, token_offset: Tensor, pairs: PairIndex, begin: int
) -> tuple[Tensor, Tensor]:
    """Unnormalised context [pairs, d] and weight [pairs] of the document positions from ``begin`` on.

    ``entities`` [entities, heads, positions] is the attention of the entities that ``pairs`` number.
    """
    weights = (entities.index_select(0, pairs.head) * entities.index_select(0, pairs.tail)).mean(1)
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
        inside = (start < end) & (start + values.shape[2] > begin)
        rows = torch.nonzero(needed[entity] & inside).squeeze(1)
        values, start, entity = values.index_select(0, rows), start[rows], (needed.cumsum(0) - 1)[entity[rows]]
        count = count[needed]
    width = end - begin
    if begin or values.shape[2] != width or bool(start.any()):
        column = start[:, None] - begin + torch.arange(values.shape[2], device=values.device)
        in_block = (column >= 0) & (column < width)
        column = column.clamp(0, width - 1)[:, None, :].expand_as(values)
        kept = values * in_block[:, None, :]
        values = values.new_zeros(*values.shape[:2], width).scatter_add(2, column, kept)
    return segment_sum(values, entity, len(count)) / count[:, None, None]
