"""Where the variants of a study differ: scores by label and by what makes relations hard, and classes of error.

All numbers are means over the seeds of a variant.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from joint_ie.evaluation.scores import Score, ratio
from joint_ie.study.comparison import Comparison, counted_in, counts_by_variant
from joint_ie.study.records import ModeResult
from joint_ie.study.study_records import StudyRecords


@dataclass(frozen=True)
class Breakdown:
    """A number of every variant in every row, such as the F1 of a relation; ``variants`` are in order of the headline.

    ``gold`` is how many facts people annotated in the row. ``values[row][variant]`` is None where the variant has no
    such row. ``shares`` is how ``values`` are meant: as shares of a whole, else as scores.
    """

    kind: str
    variants: tuple[str, ...]
    gold: Mapping[str, int]
    values: Mapping[str, Mapping[str, float | None]]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in full precision."""
        return {
            "kind": self.kind,
            "rows": [
                {"row": row, "gold": self.gold.get(row), "values": dict(values)} for row, values in self.values.items()
            ],
        }


def by_label(study: StudyRecords, comparison: Comparison) -> Breakdown | None:
    """The F1 of every label, the most frequent first; of the compared measure, else of the first that has labels.

    None if the protocol has labels nowhere.
    """
    counts = counts_by_variant(study, comparison.mode, comparison.protocol)
    runs = {row.variant: [run.scores for run in counts[row.variant].values()] for row in comparison.rows}
    first = next(iter(runs.values()))[0]
    labelled = [name for name in first.micro if name in first.per_label]
    if not labelled:
        return None
    compared = counted_in(comparison.measure)
    measure = compared if compared in labelled else labelled[0]
    return _broken_down(
        f"{comparison.protocol}: {measure}",
        {variant: [scores.per_label[measure] for scores in seeds] for variant, seeds in runs.items()},
        by_frequency=True,
    )


def by_bucket(study: StudyRecords, comparison: Comparison) -> list[Breakdown]:
    """The F1 of relations in every kind of bucket, see `evaluation.buckets`."""
    results = results_by_variant(study, comparison)
    kinds = next(iter(results.values()))[0].buckets
    return [
        _broken_down(kind, {variant: [result.buckets[kind] for result in runs] for variant, runs in results.items()})
        for kind in kinds
    ]


def by_error(study: StudyRecords, comparison: Comparison) -> list[Breakdown]:
    """The shares of the classes of error, of gold and of predicted facts, see `evaluation.error_classes`."""
    results = results_by_variant(study, comparison)
    sides = {
        "gold": {variant: [result.errors.gold for result in runs] for variant, runs in results.items()},
        "predicted": {variant: [result.errors.predicted for result in runs] for variant, runs in results.items()},
    }
    return [
        Breakdown(
            kind=side,
            variants=tuple(found),
            gold={},
            values={
                name: {
                    variant: mean(ratio(counts.get(name, 0), sum(counts.values())) for counts in runs)
                    for variant, runs in found.items()
                }
                for name in _rows(counts for runs in found.values() for counts in runs)
            },
        )
        for side, found in sides.items()
    ]


def results_by_variant(study: StudyRecords, comparison: Comparison) -> dict[str, list[ModeResult]]:
    """What the seeds of every variant came to in the comparison's mode, in the order of its rows."""
    variants = {variant.name: variant for variant in study.variants}
    return {
        row.variant: [
            record.results[comparison.mode] for record in variants[row.variant].records if record.seed in row.seeds
        ]
        for row in comparison.rows
    }


def _broken_down(kind: str, runs: Mapping[str, Sequence[Mapping[str, Score]]], by_frequency: bool = False) -> Breakdown:
    rows = _rows(scores for seeds in runs.values() for scores in seeds)
    # a label that a run neither finds nor has in gold is none of its rows
    gold = {row: max(int(s[row].gold) for seeds in runs.values() for s in seeds if row in s) for row in rows}
    if by_frequency:
        rows.sort(key=lambda row: (-gold[row], row))
    values = {
        row: {variant: mean(s[row].f1 if row in s else 0.0 for s in seeds) for variant, seeds in runs.items()}
        for row in rows
    }
    return Breakdown(kind, tuple(runs), {row: gold[row] for row in rows}, values)


def _rows(runs: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row for rows in runs for row in rows))
