"""How far the scores of several runs (seeds) of one system lie apart."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from joint_ie.errors import InputError
from joint_ie.evaluation.protocol import Scores

PARTS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation (divided by n - 1) of ``n`` runs; a single run has no deviation (None)."""

    mean: float
    deviation: float | None
    n: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, in full precision."""
        return asdict(self)


@dataclass(frozen=True)
class Spreads:
    """The `Spread` of every measure of a protocol, by the names of `by_name`."""

    protocol: str
    documents: int
    runs: int
    measures: Mapping[str, Spread]

    def __getitem__(self, measure: str) -> Spread:
        """The spread of a measure, such as ``relations.f1``."""
        return self.measures[measure]

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, in full precision."""
        return {
            "protocol": self.protocol,
            "documents": self.documents,
            "runs": self.runs,
            "measures": {name: spread.to_dict() for name, spread in self.measures.items()},
        }


def by_name(scores: Scores) -> dict[str, float]:
    """Every number by its name: ``relations.f1`` (micro), ``macro.relations.f1``, and means as they are called."""
    return {
        **{f"{name}.{part}": getattr(score, part) for name, score in scores.micro.items() for part in PARTS},
        **scores.means,
        **{f"macro.{name}.{part}": getattr(score, part) for name, score in scores.macro.items() for part in PARTS},
    }


def spread(scores: Iterable[Scores]) -> Spreads:
    """Mean and sample standard deviation of every micro, macro and mean score over runs (seeds) of one system.

    This is the spread of training. `joint_ie.evaluation.bootstrap` has that of the choice of documents: neither
    holds the other, so report both. Raises `InputError` where the runs were not scored alike.
    """
    runs = list(scores)
    if not runs:
        raise InputError("there are no scores to take the mean of; give those of one run at least")
    first, names = runs[0], by_name(runs[0])
    for number, run in enumerate(runs[1:], 2):
        same = (run.protocol, run.mode, run.documents) == (first.protocol, first.mode, first.documents)
        if not same or by_name(run).keys() != names.keys():
            raise InputError(
                f"run {number} has scores of protocol {run.protocol!r} on {run.documents} documents, run 1 of "
                f"{first.protocol!r} on {first.documents}; score all runs with one protocol, its options, in one mode "
                f"and on one corpus"
            )
    values = [by_name(run) for run in runs]
    return Spreads(
        first.protocol, first.documents, len(runs), {name: spread_of([v[name] for v in values]) for name in names}
    )


def spread_of(values: Sequence[float]) -> Spread:
    """The spread of one number over runs."""
    return Spread(statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))
