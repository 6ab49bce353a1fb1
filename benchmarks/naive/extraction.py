"""Documents in, annotated documents out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp
from statistics import fmean

import torch
from torch import Tensor

from joint_ie.document import Document, Entity, Relation, Span
from joint_ie.encoding.batches import Collator
from joint_ie.models.joint import JointModel
from joint_ie.models.relation_settings import Shift

from .encoding import Encoded, encode
from .scores import Pair, coreference_logits, mention_logits, relation_logits, span_vectors, type_logits
from .tags import tag_logits, tagged_spans

LINKAGES: dict[str, Callable[[list[float]], float]] = {"complete": max, "average": fmean}


@dataclass(frozen=True)
class Found:
    """An entity: spans in words, the number of its type, a score."""

    spans: list[Span]
    type: int
    score: float


@dataclass(frozen=True)
class Scored:
    """The entities of a document, and ``logits`` [pairs, 1 + relations] of their ``pairs`` that are near enough."""

    entities: list[Found]
    pairs: list[Pair]
    logits: Tensor


def naive_extract(model: JointModel, collator: Collator, documents: Iterable[Document]) -> list[Document]:
    """As `Predictor.end_to_end`, without evidence; ``model`` is an `eager_copy`."""
    results = []
    for document in documents:
        scored = naive_end_to_end_scores(model, collator, document)
        entities = []
        for found in scored.entities:
            mentions = [document.mention(start, end) for start, end in found.spans]
            longest = mentions[0]
            for mention in mentions:
                if len(mention.text) > len(longest.text):
                    longest = mention
            label = model.schema.entity_types[found.type]
            entities.append(Entity(label.id, longest.text, tuple(mentions), found.score))
        relations = _decided(model, scored, model.settings.relations.shift)
        results.append(replace(document, entities=tuple(entities), relations=tuple(relations), candidates=None))
    return results


def naive_gold_entities(model: JointModel, collator: Collator, documents: Iterable[Document]) -> list[Document]:
    """As `Predictor.gold_entities`, without evidence; ``model`` is an `eager_copy`."""
    results = []
    for document in documents:
        scored = naive_gold_scores(model, collator, document)
        relations = _decided(model, scored, model.settings.relations.gold_shift)
        results.append(replace(document, relations=tuple(relations)))
    return results


@torch.no_grad()
def naive_end_to_end_scores(model: JointModel, collator: Collator, document: Document) -> Scored:
    """Entities and relation logits from the words of a document, which has one at least."""
    encoded = encode(model, collator, document)
    found = _found_entities(model, encoded, document)
    pairs = [(i, j) for i in range(len(found)) for j in range(len(found)) if i != j]
    return _scored(model, collator, document, encoded, found, pairs)


@torch.no_grad()
def naive_gold_scores(model: JointModel, collator: Collator, document: Document) -> Scored:
    """Relation logits of the pairs of given entities that the document asks about."""
    ids = [label.id for label in model.schema.entity_types]
    found = [Found([m.span for m in entity.mentions], ids.index(entity.type), 1.0) for entity in document.entities]
    encoded = None if model.settings.relations.marked else encode(model, collator, document)
    pairs = []
    for i in range(len(found)):
        for j in range(len(found)):
            if i != j and (document.candidates is None or (i, j) in document.candidates):
                pairs.append((i, j))
    return _scored(model, collator, document, encoded, found, pairs)


def _found_entities(model: JointModel, encoded: Encoded, document: Document) -> list[Found]:
    """Mentions, clusters and types (golden joint README 5.5); entities by first mention, mentions by position."""
    settings = model.settings.coreference
    mentions = _found_mentions(model, encoded, document)
    spans, probability = [span for span, _ in mentions], [probability for _, probability in mentions]
    if not spans:
        return []
    scores = [[0.0] * len(spans) for _ in spans]
    pairs = [(i, j) for i in range(len(spans)) for j in range(len(spans)) if i != j]
    if pairs:
        texts = [document.slice(*span) for span in spans]
        logits = coreference_logits(model, span_vectors(encoded, spans), texts, pairs)
        for (i, j), score in zip(pairs, logits.double().sigmoid().tolist(), strict=True):
            scores[i][j] = score
    threshold = settings.threshold
    if settings.typical_mentions is not None:
        odds = threshold / (1 - threshold) * min(16, len(spans) / settings.typical_mentions)
        threshold = 1 - 1 / (1 + odds)
    clusters = _clusters(scores, threshold, LINKAGES[settings.linkage])
    clusters = sorted([sorted(cluster, key=lambda i: spans[i]) for cluster in clusters], key=lambda c: spans[c[0]])
    places = [[spans[i] for i in cluster] for cluster in clusters]
    found = []
    for cluster, place, row in zip(
        clusters, places, type_logits(model, encoded, places).softmax(1).tolist(), strict=True
    ):
        certainty = sum(probability[i] for i in cluster) / len(cluster)
        found.append(Found(place, row.index(max(row)), min(1.0, max(row) * certainty)))
    return found


def _found_mentions(model: JointModel, encoded: Encoded, document: Document) -> list[tuple[Span, float]]:
    """Spans in words, and their probabilities; in every sentence the shorter ones first."""
    settings = model.settings.mentions
    if settings.detector == "crf":
        found = []
        for first, last in document.sentence_spans:
            logits = tag_logits(model, encoded, (first, last))
            tagged = tagged_spans(logits, model.mention_scorer.transitions)
            for (start, end), probability in sorted(tagged, key=lambda one: one[0][1] - one[0][0]):
                if probability >= settings.threshold and end - start <= settings.max_width:
                    found.append(((first + start, first + end), probability))
        return found
    spans = []
    for first, last in document.sentence_spans:
        for width in range(1, settings.max_width + 1):
            for start in range(first, last - width + 1):
                spans.append((start, start + width))
    probability = mention_logits(model, encoded, spans).sigmoid().tolist()
    chosen = [i for i in range(len(spans)) if probability[i] >= settings.threshold]
    if not settings.overlap:
        kept: list[int] = []
        for i in sorted(chosen, key=lambda i: -probability[i]):
            if all(spans[i][1] <= spans[k][0] or spans[k][1] <= spans[i][0] for k in kept):
                kept.append(i)
        chosen = sorted(kept)
    return [(spans[i], probability[i]) for i in chosen]


def _clusters(
    scores: Sequence[Sequence[float]], threshold: float, linkage: Callable[[list[float]], float]
) -> list[list[int]]:
    """The closest two clusters join while the ``linkage`` of all distances between them is below ``1 - threshold``.

    Of the mentions i and j, i < j, ``scores[i][j]`` counts (golden joint README 5.5, step 3, has complete linkage).
    """

    def distance(first: list[int], second: list[int]) -> float:
        return linkage([1 - scores[min(i, j)][max(i, j)] for i in first for j in second])

    clusters = [[i] for i in range(len(scores))]
    apart = [[distance(first, second) for second in clusters] for first in clusters]
    while len(clusters) > 1:
        closest, a, b = min((apart[i][j], i, j) for i in range(len(clusters)) for j in range(i + 1, len(clusters)))
        if closest >= 1 - threshold:
            break
        clusters[a] += clusters.pop(b)
        for row in (apart.pop(b), *apart):
            del row[b]
        for i in range(len(clusters)):
            apart[a][i] = apart[i][a] = distance(clusters[a], clusters[i])
    return clusters


def _scored(
    model: JointModel,
    collator: Collator,
    document: Document,
    encoded: Encoded | None,
    found: list[Found],
    pairs: list[Pair],
) -> Scored:
    """Those of the ``pairs`` that are near enough, with logits; the document is encoded again if it needs markers."""
    settings = model.settings.relations
    near = []
    for i, j in pairs:
        if min(_apart(a, b) for a in found[i].spans for b in found[j].spans) <= settings.max_word_distance:
            near.append((i, j))
    if not near:
        return Scored(found, [], torch.zeros(0, 1 + len(model.schema.relation_types)))
    clusters = [entity.spans for entity in found]
    if settings.marked:
        encoded = encode(model, collator, document, [span for cluster in clusters for span in cluster])
    assert encoded is not None
    return Scored(found, near, relation_logits(model, encoded, clusters, [entity.type for entity in found], near))


def _apart(first: Span, second: Span) -> int:
    """0 where spans overlap, else the start of the later one minus the last word of the earlier one."""
    return max(0, first[0] - (second[1] - 1), second[0] - (first[1] - 1))


def _decided(model: JointModel, scored: Scored, shift: Shift) -> list[Relation]:
    """The relations above their pair's threshold class, at most ``top_k`` of a pair (golden README 0)."""
    relations = []
    logits = scored.logits.clone()
    logits[:, 1:] += torch.as_tensor(shift, dtype=logits.dtype, device=logits.device)
    for (head, tail), row in zip(scored.pairs, logits.tolist(), strict=True):
        lowest = sorted(row, reverse=True)[: model.settings.relations.top_k or len(row)][-1]
        for label, logit in zip(model.schema.relation_types, row[1:], strict=True):
            if logit > row[0] and logit >= lowest:
                relations.append(Relation(head, tail, label.id, label.name, 1 / (1 + exp(row[0] - logit))))
    return relations
