"""End-to-end scores by strict set matching (the JEREX protocol; golden joint_and_scoring README 2.2)."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation.pairing import pair
from joint_ie.evaluation.scores import Score, ratio

TASKS = ("mentions", "clusters", "entities", "relations", "relations_strict")
RELATION_TASKS = frozenset({"relations", "relations_strict"})

Item = tuple[str, Hashable]
"""A label and what else has to be equal; mentions and clusters carry one dummy label."""


@dataclass(frozen=True)
class MacroScore:
    """Unweighted means over the ``labels`` labels seen in gold or prediction.

    ``f1`` is the mean of the labels' F1, not the harmonic mean of the two other numbers.
    """

    precision: float
    recall: float
    f1: float
    labels: int


@dataclass(frozen=True)
class EndToEndScores:
    """Micro scores of the five tasks, and the same tasks by label and averaged over labels.

    A mention is a span, a cluster the set of spans of an entity, an entity its cluster and its type, a relation
    its type and the clusters of head and tail, and a strict relation has both entity types right as well.
    ``missing`` counts gold documents without a prediction (scored as empty), ``without_relations`` gold documents
    that nobody annotated with relations (left out of both relation scores).
    """

    documents: int
    missing: int
    without_relations: int
    mentions: Score
    clusters: Score
    entities: Score
    relations: Score
    relations_strict: Score
    macro: Mapping[str, MacroScore]
    per_label: Mapping[str, Mapping[str, Score]]

    def to_dict(self) -> dict[str, Any]:
        """Fractions in full precision; a task's own key holds its micro score."""
        micro: dict[str, Score] = {task: getattr(self, task) for task in TASKS}
        return {
            "protocol": "jerex",
            "documents": self.documents,
            "missing": self.missing,
            "without_relations": self.without_relations,
            **{task: score.to_dict() for task, score in micro.items()},
            "macro": {task: asdict(score) for task, score in self.macro.items()},
            "per_label": {
                task: {label: score.to_dict() for label, score in labels.items()}
                for task, labels in self.per_label.items()
            },
        }


def end_to_end(gold: Iterable[Document], predicted: Iterable[Document]) -> EndToEndScores:
    """Compare documents as sets of items, summed over documents (JEREX; golden README 2.2).

    Documents are paired by id. Repeats inside a document count once on both sides, and order never matters.
    Raises `InputError` for repeated or unknown ids, and for a prediction that is tokenised differently, because
    spans count tokens.
    """
    right: dict[str, Counter[str]] = {task: Counter() for task in TASKS}
    found: dict[str, Counter[str]] = {task: Counter() for task in TASKS}
    wanted: dict[str, Counter[str]] = {task: Counter() for task in TASKS}
    pairs = pair(gold, predicted)
    for reference, prediction in pairs:
        _check_tokens(reference, prediction)
        references = _items(reference)
        predictions = _items(prediction) if prediction else {task: set() for task in TASKS}
        for task in TASKS:
            if task in RELATION_TASKS and reference.relations is None:
                continue
            wanted[task].update(label for label, _ in references[task])
            found[task].update(label for label, _ in predictions[task])
            right[task].update(label for label, _ in references[task] & predictions[task])

    per_label = {
        task: {
            label: Score.from_counts(right[task][label], found[task][label], wanted[task][label])
            for label in sorted(wanted[task].keys() | found[task].keys())
        }
        for task in TASKS
    }
    micro = {task: Score.from_counts(right[task].total(), found[task].total(), wanted[task].total()) for task in TASKS}
    return EndToEndScores(
        documents=len(pairs),
        missing=sum(prediction is None for _, prediction in pairs),
        without_relations=sum(reference.relations is None for reference, _ in pairs),
        **micro,
        macro={task: _macro(per_label[task]) for task in TASKS},
        per_label={task: per_label[task] for task in TASKS if task not in ("mentions", "clusters")},
    )


def _items(document: Document) -> dict[str, set[Item]]:
    entities = [(frozenset(mention.span for mention in e.mentions), e.type) for e in document.entities]
    relations = [(r.type, entities[r.head], entities[r.tail]) for r in document.relations or ()]
    return {
        "mentions": {("", span) for spans, _ in entities for span in spans},
        "clusters": {("", spans) for spans, _ in entities},
        "entities": {(label, spans) for spans, label in entities},
        "relations": {(label, (head[0], tail[0])) for label, head, tail in relations},
        "relations_strict": {(label, (head, tail)) for label, head, tail in relations},
    }


def _macro(labels: Mapping[str, Score]) -> MacroScore:
    count = len(labels)
    return MacroScore(
        ratio(sum(score.precision for score in labels.values()), count),
        ratio(sum(score.recall for score in labels.values()), count),
        ratio(sum(score.f1 for score in labels.values()), count),
        count,
    )


def _check_tokens(reference: Document, prediction: Document | None) -> None:
    if prediction and len(prediction.tokens) != len(reference.tokens):
        raise InputError(
            f"predicted document {reference.id!r} has {len(prediction.tokens)} tokens where gold has "
            f"{len(reference.tokens)}; predict on the gold document's own tokens"
        )
