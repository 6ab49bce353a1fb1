"""All of the error analysis of a prediction: classes, confusion, buckets, and every document with its facts judged."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from joint_ie.document import Document
from joint_ie.evaluation.buckets import Buckets, buckets
from joint_ie.evaluation.error_classes import (
    GOLD_CLASSES,
    PREDICTED_CLASSES,
    STAGES,
    Confusion,
    Judged,
    confusion,
    judge_gold_entities,
    unrelated_pairs,
)
from joint_ie.evaluation.lost_relations import judge_end_to_end
from joint_ie.evaluation.protocol import Mode, paired
from joint_ie.evaluation.scores import Score, ratio
from joint_ie.evaluation.tally import Tally


@dataclass(frozen=True)
class Case:
    """A gold document, its prediction (without annotations where there is none), and the classes of their facts."""

    gold: Document
    predicted: Document
    judged: Judged


@dataclass(frozen=True)
class ErrorReport:
    """What went right and wrong; only documents that people annotated with relations count.

    ``gold`` and ``predicted`` count the facts of either side by class (`GOLD_CLASSES`, `PREDICTED_CLASSES`), in that
    order. ``unrelated_pairs`` is the last cell of KD-DocRE's table, None without gold entities. ``labels`` are readable
    names of relation types. ``strays`` of the spurious facts are about unknown documents or entities; no bucket has
    them.
    """

    mode: Mode
    documents: int
    missing: int
    without_relations: int
    relations: Score
    gold: Mapping[str, int]
    predicted: Mapping[str, int]
    unrelated_pairs: int | None
    confusion: Confusion
    buckets: Buckets
    labels: Mapping[str, str]
    cases: tuple[Case, ...]
    strays: int = 0

    @property
    def table7(self) -> Mapping[str, int]:
        """KD-DocRE's table 7, for gold entities: wrong ones are predicted facts, missed ones gold facts."""
        counts = {**self.gold, **self.predicted}
        return {name: counts[name] for name in ("correct", "wrong", "missed", "spurious")}

    def to_dict(self) -> dict[str, Any]:
        """Counts, shares and scores, but not the documents; None (null) stands for "nothing" in ``confusion``.

        ``table7`` and ``unrelated_pairs`` are there with gold entities only.
        """
        data: dict[str, Any] = {
            "mode": self.mode,
            "documents": self.documents,
            "missing": self.missing,
            "without_relations": self.without_relations,
            "strays": self.strays,
            "relations": self.relations.to_dict(),
            "gold": with_shares(self.gold),
            "predicted": with_shares(self.predicted),
        }
        if self.unrelated_pairs is not None:
            data |= {"table7": with_shares(self.table7), "unrelated_pairs": self.unrelated_pairs}
        return data | {
            "confusion": [
                {"gold": gold, "predicted": predicted, "count": count}
                for (gold, predicted), count in self.confusion.items()
            ],
            "buckets": {
                kind: {name: tally.score().to_dict() for name, tally in rows.items()}
                for kind, rows in self.buckets.items()
            },
        }


def with_shares(counts: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Every count with its share of their sum."""
    whole = sum(counts.values())
    return {name: {"count": count, "share": ratio(count, whole)} for name, count in counts.items()}


def error_report(
    gold: Iterable[Document], predicted: Iterable[Document], mode: Mode = "end-to-end", strays: int = 0
) -> ErrorReport:
    """Analyse predicted documents, paired by id with gold ones; a missing prediction is one without annotations.

    ``strays`` counts further predicted facts, which belong to no document (see `joint_ie.corpora.read_submission`).

    Raises `InputError` for repeated or unknown ids, and for other tokens, mentions (``gold-mentions``) or entities
    (``gold-entities``) than gold's.
    """
    gold, predicted = list(gold), list(predicted)
    judge = judge_gold_entities if mode == "gold-entities" else judge_end_to_end
    cases = tuple(Case(*pair, judge(*pair)) for pair in paired(mode, gold, predicted))
    tallies = (Tally.of_sets(case.judged.gold.keys(), case.judged.predicted.keys()) for case in cases)
    found = _counts(PREDICTED_CLASSES, (case.judged.predicted for case in cases), mode)
    return ErrorReport(
        mode=mode,
        documents=len(cases),
        missing=len(gold) - len(predicted),
        without_relations=sum(case.gold.relations is None for case in cases),
        relations=sum(tallies, Tally(predicted=strays)).score(),
        gold=_counts(GOLD_CLASSES, (case.judged.gold for case in cases), mode),
        predicted={**found, "spurious": found["spurious"] + strays},
        unrelated_pairs=sum(unrelated_pairs(case.gold, case.judged) for case in cases)
        if mode == "gold-entities"
        else None,
        confusion=confusion(case.judged for case in cases),
        buckets=buckets([(case.gold, case.judged) for case in cases]),
        labels=_labels(document for case in cases for document in (case.gold, case.predicted)),
        cases=cases,
        strays=strays,
    )


def _counts(classes: tuple[str, ...], documents: Iterable[Mapping[Any, str]], mode: Mode) -> dict[str, int]:
    found = Counter(error for judged in documents for error in judged.values())
    return {error: found[error] for error in classes if mode != "gold-entities" or error not in STAGES}


def _labels(documents: Iterable[Document]) -> dict[str, str]:
    """The first label of every relation type that has one."""
    labels: dict[str, str] = {}
    for document in documents:
        for relation in document.relations or ():
            if relation.label is not None:
                labels.setdefault(relation.type, relation.label)
    return labels
