"""The steps of the joint model on predicted structure, one method each; deciding and writing are elsewhere.

`prediction` turns their results into Documents, `tuning` looks for the best thresholds between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from joint_ie.document import Document, Span
from joint_ie.encoding.batches import Batch, Collator, TokenView, gold_spans, words_of
from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.encoding.markers import marker_numbers
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.workers import on_every_core
from joint_ie.losses.common import at_least_float32
from joint_ie.models.clustering import BestAntecedents, LikelyPairs, cluster
from joint_ie.models.coreference import coreference
from joint_ie.models.joint import JointModel
from joint_ie.models.mention_detectors import Candidates
from joint_ie.models.nearby import asked_pairs, nearby_pairs
from joint_ie.models.outputs import Encoded

ENTITY_PAIRS = 1 << 13  # scored together: few enough to stay in a cache


@dataclass(frozen=True)
class FoundEntity:
    """An entity before it is written: spans in its document's words, a type, a score."""

    spans: tuple[Span, ...]
    type: int
    score: float


@dataclass(frozen=True)
class FoundMentions:
    """Mentions of one document, in candidate order: ``spans`` in its words, their span vectors [mentions, d], their
    probabilities, and the ``pairs`` from which they are clustered. ``too_wide`` counts mentions left out for it.
    """

    spans: list[Span]
    vectors: Tensor
    probability: list[float]
    pairs: LikelyPairs | BestAntecedents
    too_wide: int


@dataclass(frozen=True)
class ScoredPairs:
    """Entity pairs of a batch; ``chunks`` yields (rows of ``pairs``, logits [rows, 1 + relations]) once, in any order.

    ``given`` and ``view`` are what they were scored from, None only where there are no pairs. ``left_out`` counts
    pairs too far apart to be scored.
    """

    pairs: PairIndex
    left_out: int
    chunks: Iterator[tuple[Tensor, Tensor]]
    given: PairInput | None = None
    view: TokenView | None = None

    def logits(self) -> Tensor:
        """Those of all ``pairs``, of which there must be one at least, in their order; takes the chunks."""
        rows, logits = zip(*self.chunks, strict=True)
        return torch.cat(logits)[torch.cat(rows).argsort()]


class Stages:
    """What a model says about documents with at least one word each, stage by stage."""

    def __init__(self, model: JointModel, collator: Collator) -> None:
        self.model = model
        self.collator = collator

    def batch(self, documents: Sequence[Document], given: bool = False) -> Batch:
        """Documents on the model's device; with entities ``given``, a model that needs markers gets no plain view."""
        plain = not given or not self.model.settings.relations.marked
        view = self.collator.plain(documents) if plain else None
        return Batch(tuple(documents), words_of(documents), plain=view).to(self.model.device)

    def candidates(self, batch: Batch) -> tuple[Encoded, Candidates]:
        """All candidate spans with their probabilities."""
        assert batch.plain is not None
        width = self.model.settings.mentions.max_width
        encoded = self.model.encode(batch.plain, batch.words, torch.tensor([width], device=batch.words.sentence.device))
        return encoded, self.model.mention_detector.candidates(encoded.words, batch.words)

    def mentions(self, batch: Batch, given: bool = False) -> tuple[Encoded, list[FoundMentions]]:
        """Candidates above the threshold, with the coreference scores among them, for every document.

        With mentions ``given``, those that the documents have, each span once, with probability 1.
        """
        encoded, candidates = self._given_mentions(batch) if given else self.candidates(batch)
        threshold = 0.0 if given else self.model.settings.mentions.threshold
        likely = (candidates.probability >= threshold) & (candidates.probability > 0)
        chosen = torch.nonzero(likely).squeeze(1)
        spans, probability = candidates.spans[chosen], candidates.probability[chosen]
        offset = batch.words.offset
        document, wider = (
            torch.searchsorted(offset[1:], words.contiguous(), right=True) for words in (spans[:, 0], candidates.wider)
        )
        too_wide = torch.bincount(wider, minlength=len(batch.documents)).tolist()
        # candidates come sentence by sentence, so those of one document stand together
        counts = torch.bincount(document, minlength=len(batch.documents)).tolist()
        local = (spans - offset[document][:, None]).split(counts)
        vectors = encoded.words(spans).split(counts)
        settings = self.model.settings.coreference
        found = []
        for i, part in enumerate(probability.split(counts)):
            places = [(start, end) for start, end in local[i].tolist()]
            texts = [batch.documents[i].slice(*place) for place in places]
            pairs = coreference(self.model.coreference_scorer, vectors[i], places, texts, settings)
            found.append(FoundMentions(places, vectors[i], part.tolist(), pairs, too_wide[i]))
        return encoded, found

    def entities(self, batch: Batch, found: Sequence[FoundMentions]) -> list[list[FoundEntity]]:
        """Clusters of mentions with their types: entities by first mention, mentions by position."""
        threshold = self.model.settings.coreference.threshold
        clusters = [
            sorted(
                (sorted(members, key=here.spans.__getitem__) for members in cluster(here.pairs, threshold)),
                key=lambda cluster: here.spans[cluster[0]],
            )
            for here in found
        ]
        mentions = self._index(
            batch, [[[h.spans[i] for i in c] for c in group] for h, group in zip(found, clusters, strict=True)]
        )
        order = [[i for cluster in group for i in cluster] for group in clusters]
        vectors = torch.cat([here.vectors[rows] for here, rows in zip(found, order, strict=True)])
        score, kind = at_least_float32(self.model.type_entities(vectors, mentions)).softmax(1).max(1)
        typed = iter(zip(kind.tolist(), score.tolist(), strict=True))
        return [
            [
                FoundEntity(tuple(here.spans[i] for i in cluster), *_with_mentions(next(typed), here, cluster))
                for cluster in group
            ]
            for here, group in zip(found, clusters, strict=True)
        ]

    def given(self, batch: Batch) -> tuple[Encoded | None, list[list[FoundEntity]]]:
        """The entities that the documents have; encoded only if the model takes one pass."""
        index = self.model.schema.entity_index
        for document in batch.documents:
            for i, entity in enumerate(document.entities):
                self.model.schema.check_entity_type(entity.type, f"document {document.id!r}: entities[{i}].type")
        found = [
            [
                FoundEntity(tuple(spans), index[entity.type], 1.0)
                for spans, entity in zip(gold_spans(document), document.entities, strict=True)
            ]
            for document in batch.documents
        ]
        if batch.plain is None:
            return None, found
        widths = [m.end - m.start for document in batch.documents for e in document.entities for m in e.mentions]
        longest = torch.tensor(widths or [1], device=batch.words.sentence.device)
        return self.model.encode(batch.plain, batch.words, longest), found

    def pairs(
        self,
        batch: Batch,
        encoded: Encoded | None,
        found: Sequence[Sequence[FoundEntity]],
        plain: bool = False,
        given: bool = False,
    ) -> ScoredPairs:
        """Logits of all pairs of entities that are near enough.

        Where the entities are ``given`` by the documents, of the pairs that the documents ask about.
        Pairs that the head refuses have logits that decide for no relation; with ``plain`` logits they have their own.
        """
        settings = self.model.settings.relations
        spans = [[entity.spans for entity in group] for group in found]
        mentions = self._index(batch, spans)
        device = mentions.spans.device
        kinds = torch.tensor([entity.type for group in found for entity in group], dtype=torch.long, device=device)
        pairs, left_out = nearby_pairs(mentions, batch.words.offset, settings.max_word_distance)
        if not settings.directed:
            pairs = pairs[torch.nonzero(pairs.head < pairs.tail).squeeze(1)]  # entities are in the order of the text
        if given:
            pairs = asked_pairs(pairs, batch.documents, mentions.entity_document)
        if not len(pairs):
            return ScoredPairs(pairs, left_out, iter(()))
        if settings.marked:
            types = None
            if settings.input == "typed-markers":
                numbers = marker_numbers(self.model.schema)
                types = [[numbers[entity.type] for entity in group] for group in found]
            view = self.collator.marked(batch.documents, spans, types).to(device)
            encoded = self.model.encode(view, batch.words, mentions.spans.diff(dim=1).squeeze(1))
        assert encoded is not None
        inputs = self.model.pair_input(encoded, batch.words, mentions, kinds, pairs)
        head = self.model.relation_scorer
        shared = head.prepare(inputs)
        # (a, b) beside (b, a), so that heads whose pairs have one context for both make it once
        low, high = torch.minimum(pairs.head, pairs.tail), torch.maximum(pairs.head, pairs.tail)
        rows = torch.argsort(low * mentions.entities + high, stable=True).split(ENTITY_PAIRS)

        def scored(part: Tensor) -> tuple[Tensor, Tensor]:
            scores = head.score(shared, pairs[part])
            return part, at_least_float32(scores.logits if plain else scores.decisive)

        return ScoredPairs(pairs, left_out, on_every_core(device, scored, rows), inputs, encoded.view)

    def _given_mentions(self, batch: Batch) -> tuple[Encoded, Candidates]:
        """As `candidates`, of the mentions that the documents have, whatever their width."""
        assert batch.plain is not None
        places = [
            (start + offset, end + offset)
            for document, offset in zip(batch.documents, batch.words.offset.tolist(), strict=False)
            for start, end in given_spans(document)
        ]
        spans = torch.tensor(places, dtype=torch.long, device=batch.words.offset.device).view(-1, 2)
        encoded = self.model.encode(batch.plain, batch.words, spans.diff(dim=1).squeeze(1))
        return encoded, Candidates(spans, torch.ones(len(spans), device=spans.device), spans.new_zeros(0))

    def _index(self, batch: Batch, spans: Sequence[Sequence[Sequence[Span]]]) -> MentionIndex:
        index = MentionIndex.build(spans, batch.words.offset[:-1].tolist())
        return index.to(batch.words.offset.device)


def given_spans(document: Document) -> list[Span]:
    """The spans of all mentions in candidate order (see `all_spans`), each once, of how many entities it may be."""
    spans = {span for entity in gold_spans(document) for span in entity}
    sentence = document.token_sentence
    return sorted(spans, key=lambda span: (sentence[span[0]], span[1] - span[0], span[0]))


def _with_mentions(typed: tuple[int, float], here: FoundMentions, cluster: Sequence[int]) -> tuple[int, float]:
    """Type and score of an entity: the type's probability times the mean probability of its mentions."""
    kind, score = typed
    return kind, min(1.0, score * sum(here.probability[i] for i in cluster) / len(cluster))
