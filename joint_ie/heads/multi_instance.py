"""Relations from all mention pairs of an entity pair: JEREX's multi-instance classifier (section 3.5)."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint_ie.encoding.distances import between, word_distances
from joint_ie.encoding.index import MentionIndex, PairIndex, rank_in_group
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.relation_head import PairScores, RelationHead
from joint_ie.heads.segments import segment_max
from joint_ie.heads.split_linear import SplitLinear
from joint_ie.heads.typed_pairs import TypedPairClassifier

MENTION_PAIRS = 1 << 16  # whose vectors are alive together


@dataclass(frozen=True)
class _Shared:
    """Mentions [mentions, d] and entities [entities, d] of heads and of tails, projected."""

    given: PairInput
    head_span: Tensor
    tail_span: Tensor
    head: Tensor
    tail: Tensor


class MultiInstance(RelationHead):
    """A vector for every pair of mentions, max-pooled over the mention pairs of an entity pair.

    ``mention_pair([context; span_i; span_j; entity_head; entity_tail; word distance; sentence distance])`` without
    activation; the context is the maximum over the words strictly between the mentions, zero if there are none.
    Distances beyond the tables share the last row (the original fails there).
    """

    def __init__(
        self,
        hidden_size: int,
        types: int,
        embedding_size: int,
        word_distances: int,
        sentence_distances: int,
        classes: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.word_distance_embedding = nn.Embedding(word_distances, embedding_size)
        self.sentence_distance_embedding = nn.Embedding(sentence_distances, embedding_size)
        self.mention_pair = SplitLinear((hidden_size,) * 5 + (embedding_size,) * 2, hidden_size)
        self.classifier = TypedPairClassifier((hidden_size,), hidden_size, types, embedding_size, classes, dropout)
        self.dropout = nn.Dropout(dropout)

    def prepare(self, given: PairInput) -> _Shared:
        """Mentions and entities, once for both sides."""
        project, entities = self.mention_pair.project, self.dropout(given.entities)
        return _Shared(
            given, project(1, given.spans), project(2, given.spans), project(3, entities), project(4, entities)
        )

    def score(self, shared: _Shared, pairs: PairIndex) -> PairScores:
        """Logits [pairs, classes]."""
        count = shared.given.mentions.mention_count
        parts = runs(count[pairs.head] * count[pairs.tail], MENTION_PAIRS)
        pooled = torch.cat([self.pooled(shared, pairs[rows]) for rows in parts])
        return self.classifier(self.classifier.hidden.project(0, pooled), shared.given.entity_type, pairs)

    def pooled(self, shared: _Shared, pairs: PairIndex) -> Tensor:
        """The maximum over the mention pairs of each of ``pairs``: [pairs, d]."""
        instances, owner = mention_pairs(shared.given.mentions, pairs)
        vectors = self.dropout(self.mention_pair_vectors(shared, pairs, instances, owner))
        return segment_max(vectors, torch.bincount(owner, minlength=len(pairs)))

    def mention_pair_vectors(self, shared: _Shared, pairs: PairIndex, instances: Tensor, owner: Tensor) -> Tensor:
        """``instances`` [n, 2] mentions of head and tail, ``owner`` [n] their row in ``pairs``; returns [n, d]."""
        given = shared.given
        i, j = instances.unbind(1)
        first, second = given.mentions.spans[i], given.mentions.spans[j]
        context = given.words(between(first, second))
        project = self.mention_pair.project
        by_pair = shared.head.index_select(0, pairs.head) + shared.tail.index_select(0, pairs.tail)
        word = project(5, self.word_distance_embedding.weight)
        sentence = project(6, self.sentence_distance_embedding.weight)
        words_apart = word_distances(first, second).clamp(max=len(word) - 1)
        sentences_apart = (given.word_sentence[first[:, 0]] - given.word_sentence[second[:, 0]]).abs()
        return (
            project(0, context)
            + shared.head_span.index_select(0, i)
            + shared.tail_span.index_select(0, j)
            + by_pair.index_select(0, owner)
            + word.index_select(0, words_apart)
            + sentence.index_select(0, sentences_apart.clamp(max=len(sentence) - 1))
            + self.mention_pair.bias
        )


def runs(sizes: Tensor, limit: int) -> Iterator[Tensor]:
    """Runs of rows whose ``sizes`` [rows] add up to at most ``limit``; a row that is larger stands alone."""
    rows, ends, start = torch.arange(len(sizes), device=sizes.device), sizes.cumsum(0).tolist(), 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = bisect_right(ends, before + limit, lo=start + 1)
        yield rows[start:stop]
        start = stop


def mention_pairs(mentions: MentionIndex, pairs: PairIndex) -> tuple[Tensor, Tensor]:
    """All combinations of a mention of the head and a mention of the tail.

    Returns:
        mentions [n, 2] (head's, tail's), and the row in ``pairs`` that each belongs to [n], ascending.
    """
    count = mentions.mention_count
    first = count.cumsum(0) - count
    tails = count[pairs.tail]
    owner = torch.repeat_interleave(count[pairs.head] * tails)
    rank = rank_in_group(owner)
    size = tails[owner]
    head = first[pairs.head][owner] + rank // size
    tail = first[pairs.tail][owner] + rank % size
    return torch.stack((head, tail), dim=1), owner
