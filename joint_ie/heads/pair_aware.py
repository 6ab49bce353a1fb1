"""Pair-aware and entity-enhanced relation classifier (PAEE, Huang et al. 2022; golden README 7)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.errors import check_range
from joint_ie.heads.entity_sentence_encoder import CrossMatching, EntitySentenceEncoder, MatchedEntities
from joint_ie.heads.grouped_bilinear import GroupedBilinear
from joint_ie.heads.hard_attention import HardAttention
from joint_ie.heads.localized_context import contexts_of, pooled_entities
from joint_ie.heads.pair_contexts import Weighting
from joint_ie.heads.pair_embedding import GroupedProducts
from joint_ie.heads.pair_grid import PairGrid
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.precision import in_full_precision
from joint_ie.heads.relation_head import PairScores, RelationHead
from joint_ie.heads.segments import Pooling, segment_max
from joint_ie.heads.sliding_fill import Filling


@dataclass(frozen=True)
class PairCells:
    """All pairs of the batch: ``values`` (Y) [documents, side, side, channels], ``same_sentence`` (pos)
    [documents, side, side] bool, ``entity_type`` [entities].
    """

    grid: PairGrid
    values: Tensor
    same_sentence: Tensor
    entity_type: Tensor


class PairAwareRepresentation(nn.Module):
    """``Y = TNet(W_2 Sliding(V))`` with ``V`` the context of every pair (eqs. 3 and 4), and the pair filter (eq. 5).

    Our readings of what the paper leaves open:

    - W_1 of eq. 3 and W_2 of eq. 4 meet nothing in between; they are one map from the encoder's width to ``channels``.
    - "We add the position and type information": embeddings of the same-sentence flag and of both types, added. The
      flag is 1 if any two mentions share a sentence. The filter sees the same type embeddings.
    - The diagonal holds the context of an entity with itself.
    - ``weighting`` "softmax" is eq. 3 as it is written. Beware: it is taken of sums of attention products, which are
      far below 1, so that it is nearly uniform. With MiniLM, not fine-tuned, the contexts of a document's pairs
      differ by 1e-4 to 1e-3 of their norm, against 5 to 13 % with ATLOP's "mean" (three documents of Re-DocRED dev).
      DocuNet, on which this builds, computes ATLOP's context in its released code (golden README 5d).
    - P_pair, the "average pooled" vector of a pair, is its cell of Y: `HardAttention` pools over its scales, which is
      what the network behind TNet averages.
    - The binary classifier has one hidden layer of ``channels``. It learns from its own loss (eq. 10); no gradient of
      the relation loss passes the tag of 0 or 1.
    """

    def __init__(
        self, hidden_size: int, types: int, channels: int, filling: Filling, pair_filter: bool, weighting: Weighting
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(hidden_size, channels, bias=False)
        self.position = nn.Embedding(2, channels)
        self.head_type = nn.Embedding(types, channels)
        self.tail_type = nn.Embedding(types, channels)
        for table in (self.position, self.head_type, self.tail_type):
            nn.init.normal_(table.weight, std=0.1)  # about as large as projected contexts, which torch's 1 would drown
        self.attention = HardAttention(channels, filling)
        inputs = 3 * channels + 1
        self.classifier = (
            nn.Sequential(nn.Linear(inputs, channels), nn.ReLU(), nn.Linear(channels, 1)) if pair_filter else None
        )
        self.weighting: Weighting = weighting

    def forward(self, given: PairInput) -> PairCells:
        """The grids of all documents; `InputError` where one has too many entities."""
        grid = PairGrid.build(given.mentions, len(given.token_offset) - 1)
        contexts = contexts_of(given, grid.unordered, self.weighting)
        together = same_sentence(given.mentions, given.word_sentence, grid)
        kind = given.entity_type[grid.entity]  # [documents, side]
        cells = grid.fill_symmetric(self.projection(contexts)) + self.position(together.long())
        cells = cells + self.head_type(kind).unsqueeze(2) + self.tail_type(kind).unsqueeze(1)
        return PairCells(grid, self.attention(cells, grid.size), together, given.entity_type)

    def related(self, cells: PairCells, values: Tensor, pairs: PairIndex) -> Tensor | None:
        """Logits [pairs] that any relation holds between ``pairs`` with the cells ``values`` [pairs, channels]."""
        if self.classifier is None:
            return None
        together = cells.grid.pick(cells.same_sentence.unsqueeze(3), pairs)
        head = self.head_type(cells.entity_type[pairs.head])
        tail = self.tail_type(cells.entity_type[pairs.tail])
        inputs = torch.cat((values.to(head.dtype), together.to(head.dtype), head, tail), 1)
        return in_full_precision(self.classifier, inputs).squeeze(1)


@dataclass(frozen=True)
class _Shared:
    """Entities on both sides, ``W_s e_sub + b`` and ``W_o e_obj + b`` [entities, embedding]; None what is left out."""

    head: Tensor
    tail: Tensor
    matched: MatchedEntities | None
    cells: PairCells | None


class PairAware(RelationHead):
    """``z_s = tanh(W_s e_sub + W_y Y_pair + b)``, ``z_o`` likewise, then a bilinear layer (eq. 8).

    ``e_sub`` and ``e_obj`` are entities that have seen the sentences of their document, with the relations that they
    may be head or tail of; ``Y_pair`` is the pair's cell of the grid, with the tag that it may have a relation.

    The paper adds ``Y_pair`` [channels + 1] to vectors of another width; W_y, shared by both sides, makes them fit. Its
    W_r is a full matrix for every relation; ours is grouped, as in the systems it builds upon (`GroupedBilinear`).
    Pairs that the filter refuses ("which constrains the relation extraction to the predicted pairs subset") are tagged,
    and get no relation where relations are decided, whatever the loss (`PairScores.decisive`); losses, and a student
    in distillation, see their logits. Which of training's pairs are refused is what the filter says, not the labels.

    Args:
        hidden_size: of the encoder.
        embedding_size: of head and tail vectors.
        block_size: of a group of the bilinear layer; a divisor of ``embedding_size``.
        classes: 1 + relations.
        types: of entities.
        channels: of the grid; D' "much smaller" than the encoder's width, not given.
        filling: of the grid beyond a document's own pairs; "zero" is the paper's ablation w/o SW.
        pair_aware: False is its ablation w/o PAR: entities alone.
        entity_enhanced: False is its ablation w/o EER: ``e_sub`` and ``e_obj`` are the pooled mentions (eq. 2).
        pair_filter: False is its ablation w/o PPP: no pair is tagged or refused. Without effect w/o PAR.
        pair_threshold: probability above which a pair may have a relation (PAEE: 0.3).
        layers: of the encoder of entities and sentences; not given.
        heads: of its attention; not given.
        dropout: of entities, and in that encoder; not given.
        weighting: of the tokens in a pair's context, see `PairAwareRepresentation`.
        pooling: of an entity's mentions (eq. 2: logsumexp).
    """

    def __init__(
        self,
        hidden_size: int,
        embedding_size: int,
        block_size: int,
        classes: int,
        types: int,
        channels: int = 64,
        filling: Filling = "sliding",
        pair_aware: bool = True,
        entity_enhanced: bool = True,
        pair_filter: bool = True,
        pair_threshold: float = 0.3,
        layers: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
        weighting: Weighting = "softmax",
        pooling: Pooling = "logsumexp",
    ) -> None:
        super().__init__()
        check_range("pair_threshold", pair_threshold, 0, 1)
        self.needs_attention = pair_aware
        self.pair_threshold = pair_threshold
        self.dropout = nn.Dropout(dropout)
        self.pooling: Pooling = pooling
        self.representation, self.pair_extractor = None, None
        if pair_aware:
            self.representation = PairAwareRepresentation(hidden_size, types, channels, filling, pair_filter, weighting)
            self.pair_extractor = nn.Linear(channels + pair_filter, embedding_size, bias=False)
        self.encoder, self.matching = None, None
        if entity_enhanced:
            self.encoder = EntitySentenceEncoder(hidden_size, layers, heads, dropout)
            self.matching = CrossMatching(hidden_size, classes - 1)
        width = hidden_size + (classes - 1 if entity_enhanced else 0)
        self.head_extractor = nn.Linear(width, embedding_size)
        self.tail_extractor = nn.Linear(width, embedding_size)
        self.bilinear = GroupedBilinear(embedding_size, block_size, classes)

    def prepare(self, given: PairInput) -> _Shared:
        """Entities, once for both sides, and the grid of all pairs."""
        entities = self.dropout(pooled_entities(given, self.pooling))
        head, tail, matched = entities, entities, None
        if self.encoder is not None and self.matching is not None:
            sentences, document = sentence_states(given)
            entities = self.encoder(entities, given.mentions.entity_document, sentences, document)
            matched = self.matching(entities)
            head, tail = matched.head, matched.tail
        cells = None if self.representation is None else self.representation(given)
        return _Shared(self.head_extractor(head), self.tail_extractor(tail), matched, cells)

    def score(self, shared: _Shared, pairs: PairIndex) -> PairScores:
        """Logits [pairs, classes], and which pairs are refused."""
        head, tail = shared.head.index_select(0, pairs.head), shared.tail.index_select(0, pairs.tail)
        related, tag = None, None
        if self.representation is not None and self.pair_extractor is not None and shared.cells is not None:
            values = shared.cells.grid.pick(shared.cells.values, pairs)  # [pairs, channels]
            related = self.representation.related(shared.cells, values, pairs)
            if related is not None:
                tag = related.sigmoid() > self.pair_threshold
                values = torch.cat((values, tag.unsqueeze(1).to(values.dtype)), 1)
            pair = self.pair_extractor(values)
            head, tail = head + pair, tail + pair
        head, tail = torch.tanh(head), torch.tanh(tail)
        return PairScores(
            logits=self.bilinear(head, tail),
            embedding=GroupedProducts(head, tail, self.bilinear.block_size),
            related=related,
            refused=None if tag is None else ~tag,
            as_head=None if shared.matched is None else shared.matched.as_head,
            as_tail=None if shared.matched is None else shared.matched.as_tail,
        )


def sentence_states(given: PairInput) -> tuple[Tensor, Tensor]:
    """Sentences [sentences, d], each the maximum over its words, and their documents [sentences]."""
    words = given.words.table[: given.words.rows]
    count = torch.unique_consecutive(given.word_sentence, return_counts=True)[1]
    document = torch.searchsorted(given.word_offset, count.cumsum(0) - count, right=True) - 1
    return segment_max(words, count), document


def same_sentence(mentions: MentionIndex, word_sentence: Tensor, grid: PairGrid) -> Tensor:
    """Whether two entities have mentions that begin in one sentence: [documents, side, side] bool."""
    sentence = torch.unique_consecutive(word_sentence, return_inverse=True)[1][mentions.spans[:, 0]]
    document = mentions.entity_document[mentions.entity]
    first = sentence.new_full(grid.size.shape, len(word_sentence)).scatter_reduce(0, document, sentence, "amin")
    number = sentence - first[document]
    seen = torch.zeros(*grid.entity.shape, int(number.max()) + 1, device=sentence.device)
    seen[document, grid.place[mentions.entity], number] = 1.0
    return seen @ seen.mT > 0
