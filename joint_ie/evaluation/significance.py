"""What `bootstrap` and `randomisation` share, the counts of every document as an array; and Holm's correction.

A score is a function of sums over documents, so that the score of a resampled corpus costs one row of a matrix
product: weights [resamples, units] times counts [units, rows x columns]. Units are the documents and, last, the
strays (tallies that belong to no document). Rows are measures, or the labels of a measure for macro averages.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from joint_ie.document import Document
from joint_ie.errors import InputError, check_range, nearest
from joint_ie.evaluation.fingerprints import GoldDocument
from joint_ie.evaluation.protocol import Protocol, Scores, paired, score_counted, tallies_by_document
from joint_ie.evaluation.recorded_protocol import RecordedProtocol
from joint_ie.evaluation.spread import PARTS
from joint_ie.evaluation.tally import Row, Tallies

Array = npt.NDArray[np.float64]

BLOCK = 4_000_000
"""Numbers in the largest arrays of one block of resamples (32 MB each)."""

ROUNDING = 1e-12
"""Differences of scores this close are the same: sums of fractions depend on their order in the last bits."""


@dataclass(frozen=True, eq=False)
class Counts:
    """What a protocol counted in every document of one run of a system.

    Made by `count_documents`, or read again by `joint_ie.evaluation.recorded_counts`. ``gold`` and ``tallies`` are in
    the order of document ids, so that no result depends on the order of files. ``scores`` are those of the corpus
    itself, as `evaluate` gives them.
    """

    protocol: Protocol | RecordedProtocol
    gold: tuple[GoldDocument, ...]
    tallies: tuple[Tallies, ...]
    strays: Tallies
    scores: Scores


Runs = Counts | Sequence[Counts]
"""One run of a system, or several (its seeds)."""


def count_documents(
    protocol: Protocol, gold: Iterable[Document], predicted: Iterable[Document], strays: Tallies | None = None
) -> Counts:
    """Count once, for any number of intervals and comparisons. Arguments and errors are those of `evaluate`."""
    gold, predicted = list(gold), list(predicted)
    pairs = paired(protocol.mode, gold, predicted)
    if not pairs:
        raise InputError("there are no gold documents; give a corpus with at least one")
    tallies = tallies_by_document(protocol, pairs)
    scores = score_counted(protocol, pairs, tallies, len(gold) - len(predicted), strays)
    by_id = sorted(range(len(pairs)), key=lambda i: pairs[i][0].id)
    references = tuple(GoldDocument.of(pairs[i][0]) for i in by_id)
    return Counts(protocol, references, tuple(tallies[i] for i in by_id), strays or {}, scores)


@dataclass(frozen=True)
class Statistic:
    """Which score is asked for: the unweighted mean of a ``part`` (precision, recall or f1) over rows.

    The rows are the ``measures`` (one, or those of a mean), or with ``macro`` the labels of the only measure.
    """

    name: str
    measures: tuple[str, ...]
    part: str
    macro: bool = False

    def of(self, sums: Array, epsilon: float) -> Array:
        """Scores [resamples] of the sums [resamples, rows, 5] of tables; 0 where a denominator is, as in `evaluate`."""
        right_predicted, predicted, right_gold, gold, seen = np.moveaxis(sums, -1, 0)
        precision, recall = _ratio(right_predicted, predicted + epsilon), _ratio(right_gold, gold)
        f1 = _ratio(2.0, _ratio(1.0, precision) + _ratio(1.0, recall))
        f1[(precision == 0) | (recall == 0)] = 0.0
        values = {"precision": precision, "recall": recall, "f1": f1}[self.part]
        return _ratio(values.sum(axis=1), (seen > 0).sum(axis=1))


def statistics(protocol: Protocol | RecordedProtocol) -> dict[str, Statistic]:
    """Every score that is a function of sums over documents, by the names of `spread.by_name`."""
    sums = [measure for measure in protocol.measures if measure not in protocol.whole]
    found = [Statistic(f"{measure}.{part}", (measure,), part) for measure in sums for part in PARTS]
    found += [
        Statistic(name, measures, "f1") for name, measures in protocol.means.items() if set(measures) <= set(sums)
    ]
    found += [
        Statistic(f"macro.{measure}.{part}", (measure,), part, macro=True)
        for measure in sums
        if measure in protocol.labels
        for part in PARTS
    ]
    return {statistic.name: statistic for statistic in found}


def statistic_named(protocol: Protocol | RecordedProtocol, measure: str) -> Statistic:
    """The score called ``measure``; without a part it is the F1, ``relations`` meaning ``relations.f1``."""
    known = statistics(protocol)
    found = known.get(measure) or known.get(f"{measure}.f1")
    if found:
        return found
    if measure.removeprefix("macro.").split(".")[0] in {*protocol.whole, *protocol.means} - known.keys():
        raise InputError(
            f'measure "{measure}" of protocol "{protocol.name}" is no sum over documents, so that documents cannot '
            f"be resampled; those that can are {', '.join(known) or 'none'}"
        )
    raise InputError(
        f'measure "{measure}" is unknown in protocol "{protocol.name}"{nearest(measure, known)}; '
        f"known are {', '.join(known)}"
    )


def tables(runs: Sequence[Counts], statistic: Statistic) -> list[Array]:
    """The counts [units, rows, 5] of each run, with the same units and rows in all of them.

    The columns are those of a `Tally`, and in how many of its rows a unit was counted: macro averages run over the
    labels that a corpus has, so a label that no document of a resample has is left out of that resample's average.
    """
    rows = {row: i for i, row in enumerate(_rows(runs, statistic))}
    labels = runs[0].protocol.labels.get(statistic.measures[0]) if statistic.macro else None
    found = []
    for run in runs:
        table = np.zeros((len(run.tallies) + 1, len(rows), 5))
        for unit, tallies in enumerate((*run.tallies, run.strays)):
            for (measure, label), tally in tallies.items():
                row = rows.get((measure, label if statistic.macro else ""))
                if row is not None:
                    counts = (tally.right_predicted, tally.predicted, tally.right_gold, tally.gold, 1)
                    table[unit, row] += counts
        if not statistic.macro or labels:
            table[-1, :, 4] = 1  # these rows always count, and the strays are part of every resample
        found.append(table)
    return found


def _rows(runs: Sequence[Counts], statistic: Statistic) -> list[Row]:
    if not statistic.macro:
        return [(measure, "") for measure in statistic.measures]
    [measure] = statistic.measures
    seen = {row for run in runs for tallies in (*run.tallies, run.strays) for row in tallies if row[0] == measure}
    labels = runs[0].protocol.labels[measure]
    return [(measure, label) for label in sorted(labels)] if labels else sorted(seen)


def epsilon_of(protocol: Protocol | RecordedProtocol, statistic: Statistic) -> float:
    """What the precision of the statistic's measures divides by in addition."""
    (epsilon,) = {protocol.epsilons.get(measure, 0.0) for measure in statistic.measures}
    return epsilon


def summed(weights: Array, table: Array) -> Array:
    """Sums [resamples, rows, 5] of a table [units, rows, 5] under weights [resamples, units]."""
    sums: Array = weights @ table.reshape(len(table), -1)
    return sums.reshape(len(weights), *table.shape[1:])


def blocks(resamples: int, table: Array) -> Iterator[int]:
    """Sizes of blocks that add up to ``resamples`` and bound the memory of weights and sums."""
    units, rows, columns = table.shape
    size = max(1, BLOCK // max(units, rows * columns))
    for start in range(0, resamples, size):
        yield min(size, resamples - start)


def checked(*systems: Runs) -> list[tuple[Counts, ...]]:
    """The runs of every system; `InputError` unless all were scored by one protocol against the same documents."""
    found = [(runs,) if isinstance(runs, Counts) else tuple(runs) for runs in systems]
    if not all(found):
        raise InputError("a system has no runs; give the counts of one at least")
    first = found[0][0]
    for run in (run for runs in found for run in runs):
        # not the functions: a protocol that was made twice with the same options is the same
        made = [(p.name, p.measures, p.labels, p.epsilons, p.options) for p in (first.protocol, run.protocol)]
        if made[0] != made[1]:
            raise InputError(
                f'one run was scored by protocol "{first.protocol.name}", another by "{run.protocol.name}" or with '
                "other options; score all of them alike"
            )
        if run.gold != first.gold:
            raise InputError(f"{_difference(first.gold, run.gold)}; score all runs against the same gold documents")
    return found


def check_options(resamples: int, seed: int, level: float | None = None) -> None:
    """Raise `InputError` for numbers that cannot be."""
    check_range("resamples", resamples, 1)
    check_range("seed", seed, 0)
    if level is not None and not 0 < level < 1:
        raise InputError(f"level = {level} should be above 0 and below 1, such as 0.95")


def holm(p_values: Iterable[float]) -> tuple[float, ...]:
    """Adjusted p values, in the given order, of one family of tests (Holm 1979, step-down).

    Rejecting where the adjusted value is at most alpha keeps the chance of any false rejection at or below alpha,
    however the tests depend on each other. The i-th smallest of m is multiplied by m - i + 1, and is at least as
    large as those before it.
    """
    values = list(p_values)
    for value in values:
        if not 0 <= value <= 1:
            raise InputError(f"p = {value} is no probability; give p values between 0 and 1")
    adjusted = [0.0] * len(values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return tuple(adjusted)


def _difference(one: Sequence[GoldDocument], other: Sequence[GoldDocument]) -> str:
    for a, b in zip(one, other, strict=False):
        if a.id != b.id:
            return f"gold document {min(a.id, b.id)!r} belongs to one run and not to another"
        if a != b:
            return f"gold document {a.id!r} has other annotations (or another text) for one run than for another"
    return f"one run has {len(one)} gold documents, another {len(other)}"


def _ratio(part: Array | float, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole != 0)
