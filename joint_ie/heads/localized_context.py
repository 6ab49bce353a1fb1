"""Entity pairs with the context that both attend to (ATLOP, section 3.2; golden README 1b)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads.grouped_bilinear import GroupedBilinear
from joint_ie.heads.pair_contexts import Weighting, pair_contexts
from joint_ie.heads.pair_embedding import GroupedProducts
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.relation_head import PairScores, RelationHead
from joint_ie.heads.segments import Pooling, segment_pool
from joint_ie.heads.split_linear import SplitLinear


@dataclass(frozen=True)
class _Shared:
    """Entity vectors in both extractors [entities, embedding], and what contexts are made of."""

    given: PairInput
    head: Tensor
    tail: Tensor


class LocalizedContext(RelationHead):
    """``z_head = tanh(W_head [entity; context (; types)])``, likewise the tail, then a grouped bilinear layer.

    Entities are pooled from their mentions, each taken at its token (marker or first subword) or, with
    ``pool_spans``, from its max-pooled span. Types are no part of ATLOP; with ``type_embedding_size`` > 0 both
    extractors also see the types of both entities, as JEREX's classifier does. Without ``context`` the vectors are
    those of the entities alone (ATLOP's ablation).
    """

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
        pooling: Pooling = "logsumexp",
        context: bool = True,
    ) -> None:
        super().__init__()
        extra = (type_embedding_size, type_embedding_size) if type_embedding_size else ()
        parts = (hidden_size, hidden_size if context else 0, *extra)
        self.head_extractor = SplitLinear(parts, embedding_size)
        self.tail_extractor = SplitLinear(parts, embedding_size)
        self.type_embedding = nn.Embedding(types, type_embedding_size) if type_embedding_size else None
        self.bilinear = GroupedBilinear(embedding_size, block_size, classes)
        self.dropout = nn.Dropout(dropout)
        self.pool_spans = pool_spans
        self.pooling: Pooling = pooling
        self.needs_attention = context

    def prepare(self, given: PairInput) -> _Shared:
        """Entities, once for both sides."""
        entities = self.dropout(pooled_entities(given, self.pooling, self.pool_spans))
        return _Shared(given, self.head_extractor.project(0, entities), self.tail_extractor.project(0, entities))

    def score(self, shared: _Shared, pairs: PairIndex) -> PairScores:
        """Logits [pairs, classes]."""
        given, context, back = shared.given, None, None
        if self.needs_attention:
            # the context of (a, b) is that of (b, a): computed once
            unordered, back = unordered_pairs(pairs, given.mentions)
            context = self.dropout(contexts_of(given, unordered))  # [unordered pairs, d]
        vectors = []
        for layer, entities, entity in (
            (self.head_extractor, shared.head, pairs.head),
            (self.tail_extractor, shared.tail, pairs.tail),
        ):
            total = entities.index_select(0, entity) + layer.bias
            if context is not None and back is not None:
                total = total + layer.project(1, context).index_select(0, back)
            if self.type_embedding is not None:
                for part, side in ((2, pairs.head), (3, pairs.tail)):
                    projected = layer.project(part, self.type_embedding.weight)  # [types, embedding]
                    total = total + projected.index_select(0, given.entity_type.index_select(0, side))
            vectors.append(torch.tanh(total))
        head, tail = vectors
        return PairScores(self.bilinear(head, tail), GroupedProducts(head, tail, self.bilinear.block_size))


def pooled_entities(given: PairInput, pooling: Pooling = "logsumexp", spans: bool = False) -> Tensor:
    """Entities [entities, d] from their mentions' tokens (ATLOP eq. 1), or from max-pooled ``spans``."""
    states = given.spans if spans else given.hidden.index_select(0, given.rows)
    return segment_pool(states, given.mentions.entity, given.mentions.mention_count, pooling)


def contexts_of(
    given: PairInput, pairs: PairIndex, weighting: Weighting = "mean", states: Tensor | None = None
) -> Tensor:
    """`pair_contexts` of any pairs of the batch, documents ascending: [pairs, d].

    ``states`` [tokens, d] are what contexts are made of, the encoder's hidden states if None.
    """
    if given.attention is None:
        raise ValueError("localized context needs the attention rows of the mentions")
    states = given.hidden if states is None else states
    return pair_contexts(given.attention, given.mentions, states, given.token_offset, pairs, weighting)


def sentence_weights(given: PairInput, token_sentence: Tensor, sentences: int) -> Tensor:
    """How much of what both entities of ``given.pairs`` attend to each sentence holds (DREEAM; golden README 6).

    ``token_sentence`` [tokens] is the sentence of every flat token in its document, -1 for none. The heads' own
    normalisers differ a little from DREEAM's, which is taken here, and the softmax of PAEE, which is nearly uniform, a
    lot. Returns [pairs, sentences]; what falls to tokens of no sentence is missing from a pair's sum of 1.
    """
    unordered, back = unordered_pairs(given.pairs, given.mentions)
    number = torch.arange(sentences, device=token_sentence.device)
    one_hot = (token_sentence[:, None] == number).to(given.hidden.dtype)  # their context is their weight
    # in full precision also under autocast, as the attention is: the loss takes logarithms
    with torch.autocast(one_hot.device.type, enabled=False):
        weights = contexts_of(given, unordered, "exact", one_hot)
    return weights.index_select(0, back)


def unordered_pairs(pairs: PairIndex, mentions: MentionIndex) -> tuple[PairIndex, Tensor]:
    """Every pair of ``pairs`` once, whatever its order, and the row of each [pairs] among them."""
    count = max(mentions.entities, 1)
    keys, back = torch.unique(
        torch.minimum(pairs.head, pairs.tail) * count + torch.maximum(pairs.head, pairs.tail), return_inverse=True
    )
    low, high = keys // count, keys % count
    return PairIndex(low, high, mentions.entity_document[low]), back
