"""Scores of a model on held-out documents while it trains."""

from collections.abc import Iterator, Mapping, Sequence

from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.evaluation import end_to_end, gold_entities
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor

METRICS: Mapping[str, tuple[str, ...]] = {
    "end-to-end": ("mentions", "clusters", "entities", "relations", "relations_strict"),
    "gold-entities": ("gold_entities",),
}
"""What `validate` measures in each mode."""


def validate(
    model: JointModel, collator: Collator, documents: Sequence[Document], modes: Sequence[str]
) -> dict[str, float]:
    """F1 of every task: ``mentions`` to ``relations_strict`` end-to-end, ``gold_entities`` with gold entities."""
    predictor = Predictor(model, collator)
    metrics: dict[str, float] = {}
    if "end-to-end" in modes:
        predicted = [d for group in by_length(documents) for d in predictor.end_to_end(group)]
        scores = end_to_end(documents, predicted)
        for task in METRICS["end-to-end"]:
            metrics[task] = getattr(scores, task).f1
    if "gold-entities" in modes:
        annotated = [d for d in documents if d.relations is not None]
        predicted = [d for group in by_length(annotated) for d in predictor.gold_entities(group)]
        metrics["gold_entities"] = gold_entities(annotated, predicted).relations.f1
    return metrics


def by_length(documents: Sequence[Document], words: int = 3000) -> Iterator[list[Document]]:
    """Groups of documents of similar length with at most so many words in all, longest first."""
    group: list[Document] = []
    for document in sorted(documents, key=lambda d: -len(d.tokens)):
        if group and (len(group) + 1) * len(group[0].tokens) > words:
            yield group
            group = []
        group.append(document)
    if group:
        yield group
