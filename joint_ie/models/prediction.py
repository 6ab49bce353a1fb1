"""Documents in, annotated Documents out: the steps of the joint model on predicted structure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from joint_ie.document import Document, Entity, Relation, Span
from joint_ie.encoding.batches import Batch, Collator, gold_spans, words_of
from joint_ie.encoding.distances import edit_distances
from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.encoding.spans import all_spans
from joint_ie.models.clustering import complete_linkage
from joint_ie.models.evidence import evidence
from joint_ie.models.joint import JointModel
from joint_ie.models.nearby import nearby_pairs
from joint_ie.models.outputs import Encoded

SPANS = 1 << 15  # scored together
MENTION_PAIRS = 1 << 16
ENTITY_PAIRS = 1 << 13


@dataclass(frozen=True)
class FoundEntity:
    """An entity as decoding sees it: spans in its document's words, by position, with a type and a score."""

    spans: tuple[Span, ...]
    type: int
    score: float


class Predictor:
    """Runs a model on batches of documents.

    Every method takes documents with at least one word each, and returns them, in order, with annotations.
    `Extractor` is the public face; this is what training validates with.
    """

    def __init__(self, model: JointModel, collator: Collator) -> None:
        self.model = model
        self.collator = collator
        self.unscored_pairs = 0  # entity pairs that were too far apart to be scored, since the predictor was made

    @torch.no_grad()
    def end_to_end(self, documents: Sequence[Document]) -> list[Document]:
        """Mentions, entities and relations from the words alone; annotations of the input are ignored."""
        settings = self.model.settings
        batch = self._batch(documents)
        assert batch.plain is not None
        sentence = batch.words.sentence
        encoded = self.model.encode(
            batch.plain, batch.words, torch.tensor([settings.mentions.max_width], device=sentence.device)
        )
        spans = all_spans(sentence, settings.mentions.max_width)
        logits = _in_chunks(
            lambda part: self.model.mention_scorer(encoded.words(part), part.diff(dim=1).squeeze(1)), spans, SPANS
        )
        probability = logits.float().sigmoid()
        chosen = torch.nonzero(probability >= settings.mentions.threshold).squeeze(1)
        found = self._entities(batch, encoded, spans[chosen], probability[chosen])
        return self._relations(batch, encoded, found, self._annotated(documents, found))

    @torch.no_grad()
    def gold_entities(self, documents: Sequence[Document]) -> list[Document]:
        """Relations between the entities that the documents already have; entities stay as they are."""
        index = self.model.schema.entity_index
        for document in documents:
            for i, entity in enumerate(document.entities):
                self.model.schema.check_entity_type(entity.type, f"document {document.id!r}: entities[{i}].type")
        found = [
            [
                FoundEntity(tuple(spans), index[entity.type], 1.0)
                for spans, entity in zip(gold_spans(document), document.entities, strict=True)
            ]
            for document in documents
        ]
        batch = self._batch(documents)
        encoded = None
        if self.model.settings.relations.input == "one-pass":
            assert batch.plain is not None
            widths = [m.end - m.start for d in documents for e in d.entities for m in e.mentions]
            encoded = self.model.encode(
                batch.plain, batch.words, torch.tensor(widths or [1], device=batch.words.sentence.device)
            )
        return self._relations(batch, encoded, found, documents)

    def _batch(self, documents: Sequence[Document]) -> Batch:
        batch = Batch(tuple(documents), words_of(documents), plain=self.collator.plain(documents))
        return batch.to(self.model.device)

    def _entities(self, batch: Batch, encoded: Encoded, spans: Tensor, probability: Tensor) -> list[list[FoundEntity]]:
        """Cluster mentions ``spans`` [n, 2] (flat words, in candidate order) and type the clusters."""
        offset = batch.words.offset
        document = torch.searchsorted(offset[1:], spans[:, 0], right=True)
        counts = torch.bincount(document, minlength=len(batch.documents)).tolist()
        # candidates come sentence by sentence, so those of one document stand together
        vectors = encoded.words(spans)
        local = (spans - offset[document][:, None]).tolist()
        clusters: list[list[list[int]]] = []
        first = 0
        for number, count in enumerate(counts):
            texts = [batch.documents[number].slice(*local[i]) for i in range(first, first + count)]
            clusters.append(
                [[first + i for i in cluster] for cluster in self._cluster(vectors[first : first + count], texts)]
            )
            first += count
        # entities in order of first mention, mentions in order of position
        ordered = [
            sorted((sorted(cluster, key=lambda i: local[i]) for cluster in group), key=lambda c: local[c[0]])
            for group in clusters
        ]
        flat = torch.tensor([i for group in ordered for cluster in group for i in cluster], dtype=torch.long)
        mentions = MentionIndex.build(
            [[[tuple(local[i]) for i in cluster] for cluster in group] for group in ordered], offset[:-1].tolist()
        ).to(spans.device)
        logits = self.model.type_entities(vectors[flat.to(spans.device)], mentions)
        score, kind = logits.float().softmax(1).max(1) if len(logits) else (logits.new_zeros(0), logits.new_zeros(0))
        certainty = probability.tolist()
        types, scores = kind.tolist(), score.tolist()
        found: list[list[FoundEntity]] = []
        entity = 0
        for group in ordered:
            found.append([])
            for cluster in group:
                mean = sum(certainty[i] for i in cluster) / len(cluster)
                spans_of = tuple((local[i][0], local[i][1]) for i in cluster)
                found[-1].append(FoundEntity(spans_of, types[entity], min(1.0, mean * scores[entity])))
                entity += 1
        return found

    def _cluster(self, vectors: Tensor, texts: Sequence[str]) -> list[list[int]]:
        """Entities among the mentions of one document."""
        count = len(texts)
        pairs = torch.triu_indices(count, count, 1).T.contiguous()
        distance = edit_distances(texts, pairs).to(vectors.device)
        pairs = pairs.to(vectors.device)
        rows = torch.arange(len(pairs), device=vectors.device)
        logits = _in_chunks(
            lambda part: self.model.coreference_scorer(vectors, pairs[part], distance[part]), rows, MENTION_PAIRS
        )
        if count < 2:
            return [[i] for i in range(count)]
        return complete_linkage(logits.double().sigmoid().cpu().numpy(), self.model.settings.coreference.threshold)

    def _relations(
        self,
        batch: Batch,
        encoded: Encoded | None,
        found: Sequence[Sequence[FoundEntity]],
        documents: Sequence[Document],
    ) -> list[Document]:
        """Score all pairs of ``found`` entities; ``documents`` have these entities, in this order."""
        settings = self.model.settings.relations
        spans = [[list(entity.spans) for entity in group] for group in found]
        device = batch.words.sentence.device
        mentions = MentionIndex.build(spans, batch.words.offset[:-1].tolist()).to(device)
        kinds = torch.tensor([entity.type for group in found for entity in group], dtype=torch.long, device=device)
        pairs, left_out = nearby_pairs(mentions, batch.words.offset, settings.max_word_distance)
        self.unscored_pairs += left_out
        if not len(pairs):
            return [replace(document, relations=()) for document in documents]
        if settings.input == "markers":
            view = self.collator.marked(documents, spans).to(device)
            encoded = self.model.encode(view, batch.words, mentions.spans.diff(dim=1).squeeze(1))
        assert encoded is not None
        scorer = encoded
        rows, relations, scores = [], [], []
        for part in torch.arange(len(pairs), device=device).split(ENTITY_PAIRS):
            logits = self.model.score_relations(scorer, batch.words, mentions, kinds, pairs[part]).float()
            logits[:, 1:] += settings.shift
            loss = self.model.relation_loss
            row, relation = torch.nonzero(loss.decide(logits, settings.threshold, settings.top_k), as_tuple=True)
            scores.append(loss.confidence(logits)[row, relation])
            rows.append(part[row])
            relations.append(relation)
        return self._written(
            batch, encoded, mentions, pairs[torch.cat(rows)], torch.cat(relations), torch.cat(scores), documents
        )

    def _written(
        self,
        batch: Batch,
        encoded: Encoded,
        mentions: MentionIndex,
        facts: PairIndex,
        relation: Tensor,
        score: Tensor,
        documents: Sequence[Document],
    ) -> list[Document]:
        """Documents with the relations that were decided."""
        sentences = evidence(self.model, encoded, batch, mentions, facts)
        first = (torch.bincount(mentions.entity_document, minlength=len(documents)).cumsum(0)).roll(1)
        first[0] = 0
        offset = first[facts.document]
        listed: list[list[Relation]] = [[] for _ in documents]
        columns = (facts.document, facts.head - offset, facts.tail - offset, relation, score)
        for (number, head, tail, kind, certainty), (where, how) in zip(
            zip(*(column.tolist() for column in columns), strict=True), sentences, strict=True
        ):
            label = self.model.schema.relation_types[kind]
            listed[number].append(Relation(head, tail, label.id, label.name, certainty, where, how))
        return [
            document.with_annotations(document.entities, relations)
            for document, relations in zip(documents, listed, strict=True)
        ]

    def _annotated(self, documents: Sequence[Document], found: Sequence[Sequence[FoundEntity]]) -> list[Document]:
        annotated = []
        for document, group in zip(documents, found, strict=True):
            entities = []
            for entity in group:
                mentions = tuple(document.mention(*span) for span in entity.spans)
                name = max(mentions, key=lambda mention: (len(mention.text), -mention.start)).text
                kind = self.model.schema.entity_types[entity.type].id
                entities.append(Entity(kind, name, mentions, entity.score))
            annotated.append(document.with_annotations(entities, None))
        return annotated


def _in_chunks(score: Callable[[Tensor], Tensor], rows: Tensor, size: int) -> Tensor:
    """``score`` of ``rows``, so many at a time."""
    parts: Iterator[Tensor] = (score(part) for part in rows.split(size))
    return torch.cat(list(parts))
