"""A training step."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from joint_ie.document import Document, Span
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.training_set import TrainingBatch
from joint_ie.models.joint import JointModel
from joint_ie.models.outputs import JointOutput

from .encoding import encode
from .scores import Pair, coreference_logits, mention_logits, relation_logits, span_vectors, type_logits
from .tags import segments, tag_likelihood, tag_logits


def naive_training_loss(model: JointModel, collator: Collator, batch: TrainingBatch) -> JointOutput:
    """As `JointModel.forward`; ``model`` is an `eager_copy`, whose parameters get the gradients.

    Of the batch only the documents and the drawn spans and pairs are used: labels come from the documents. Losses are
    means over the batch. With dropout they differ from the joint model's, since other numbers are drawn, and eager
    attention shows its maps after dropout.
    """
    logits: dict[str, list[Tensor]] = {}
    labels: dict[str, list[Tensor]] = {}

    def say(task: str, found: Tensor, right: list[float] | list[int] | list[list[float]]) -> None:
        logits.setdefault(task, []).append(found)
        kind = torch.long if task == "entity_types" else found.dtype
        labels.setdefault(task, []).append(torch.tensor(right, dtype=kind, device=model.device))

    tagging, likelihood = model.settings.mentions.detector == "crf", []
    for number, document in enumerate(batch.given.documents):
        clusters = [[mention.span for mention in entity.mentions] for entity in document.entities]
        mentions = [span for cluster in clusters for span in cluster]
        owner = [entity for entity, cluster in enumerate(clusters) for _ in cluster]
        types = [[label.id for label in model.schema.entity_types].index(e.type) for e in document.entities]
        encoded = None
        if batch.given.plain is not None:
            encoded = encode(model, collator, document)
            if tagging:
                chosen = segments(document, model.settings.mentions.max_width)
                for first, last in document.sentence_spans:
                    here = [(start - first, end - first) for start, end in chosen if first <= start < last]
                    found = tag_logits(model, encoded, (first, last))
                    likelihood.append(tag_likelihood(found, model.mention_scorer.transitions, here))
            else:
                spans = _spans(batch, number)
                say("mentions", mention_logits(model, encoded, spans), [float(span in mentions) for span in spans])
            pairs = _mention_pairs(batch, number)
            if pairs:
                texts = [document.slice(*span) for span in mentions]
                found = coreference_logits(model, span_vectors(encoded, mentions), texts, pairs)
                say("coreference", found, [float(owner[i] == owner[j]) for i, j in pairs])
            if clusters:
                say("entity_types", type_logits(model, encoded, clusters), types)
        pairs = _entity_pairs(batch, number)
        if model.settings.task_weights.relations and pairs:
            if model.settings.relations.marked:
                encoded = encode(model, collator, document, mentions)
            assert encoded is not None
            say("relations", relation_logits(model, encoded, clusters, types, pairs), _facts(model, document, pairs))
    losses = {task: LOSSES[task](torch.cat(logits[task]), torch.cat(labels[task])) for task in logits}
    if likelihood:
        words = sum(len(document.tokens) for document in batch.given.documents)
        losses["mentions"] = -torch.stack(likelihood).sum() / words
    weighted = [getattr(model.settings.task_weights, task) * loss for task, loss in losses.items()]
    return JointOutput(loss=torch.stack(weighted).sum(), losses=losses)


def adaptive_threshold_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """ATLOP, section 4.1: relations that hold above the threshold class, all others below; mean over pairs."""
    threshold = torch.zeros_like(labels)
    threshold[:, 0] = 1.0
    above = logits.masked_fill(labels + threshold == 0, -1e30).log_softmax(1)
    below = logits.masked_fill(labels == 1, -1e30).log_softmax(1)
    return (-(above * labels).sum(1) - (below * threshold).sum(1)).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mentions": binary_cross_entropy_with_logits,
    "coreference": binary_cross_entropy_with_logits,
    "entity_types": cross_entropy,
    "relations": adaptive_threshold_loss,
}


def _facts(model: JointModel, document: Document, pairs: list[Pair]) -> list[list[float]]:
    """Which relations hold between ``pairs``: multi-hot, column 0 is the threshold class."""
    relations = [label.id for label in model.schema.relation_types]
    rows = [[0.0] * (1 + len(relations)) for _ in pairs]
    for fact in document.relations or ():
        if (fact.head, fact.tail) in pairs:
            rows[pairs.index((fact.head, fact.tail))][1 + relations.index(fact.type)] = 1.0
    return rows


def _spans(batch: TrainingBatch, number: int) -> list[Span]:
    """The drawn spans of a document, in its words."""
    first, last = batch.given.words.offset[number : number + 2].tolist()
    return [(start - first, end - first) for start, end in batch.targets.spans.tolist() if first <= start < last]


def _mention_pairs(batch: TrainingBatch, number: int) -> list[Pair]:
    """The drawn pairs of mentions of a document, numbered in the order of its entities."""
    sizes = [sum(len(entity.mentions) for entity in document.entities) for document in batch.given.documents]
    first = sum(sizes[:number])
    return [
        (i - first, j - first) for i, j in batch.targets.mention_pairs.tolist() if first <= i < first + sizes[number]
    ]


def _entity_pairs(batch: TrainingBatch, number: int) -> list[Pair]:
    """The drawn pairs of entities of a document."""
    first = sum(len(document.entities) for document in batch.given.documents[:number])
    pairs, document = batch.targets.pairs, batch.targets.pairs.document.tolist()
    return [
        (head - first, tail - first)
        for head, tail, place in zip(pairs.head.tolist(), pairs.tail.tolist(), document, strict=True)
        if place == number
    ]
