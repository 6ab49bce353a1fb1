"""Approximate randomisation: would the difference be as large if the systems' outputs were dealt out by chance?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from joint_ie.errors import InputError
from joint_ie.evaluation.bootstrap import point
from joint_ie.evaluation.significance import (
    ROUNDING,
    Array,
    Runs,
    Statistic,
    blocks,
    check_options,
    checked,
    epsilon_of,
    statistic_named,
    summed,
    tables,
)


@dataclass(frozen=True)
class Randomisation:
    """``one`` minus ``other``, and the two-sided ``p`` of a difference at least as large by chance."""

    measure: str
    one: float
    other: float
    difference: float
    p: float
    documents: int
    runs: int
    resamples: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, in full precision."""
        return asdict(self)


def approximate_randomisation(
    one: Runs, other: Runs, measure: str, *, resamples: int = 10_000, seed: int = 0
) -> Randomisation:
    """Swap the outputs of two systems on each document with probability 1/2, ``resamples`` times (Noreen 1989).

    With c of R shuffles whose difference is, up to its sign, at least that of the systems, p = (c + 1) / (R + 1).
    ``measure`` as in `confidence_interval`. Strays (facts of documents that gold does not have) are swapped like
    a document.

    Several runs (seeds) of a system: give two lists of the same length; the means over runs are compared, and a
    swap exchanges all runs of a document, the i-th of one system with the i-th of the other. What holds for seeds in
    `paired_bootstrap` holds here too.
    Raises `InputError` for an unknown measure, for one that is no sum over documents, and unless both systems have as
    many runs and were scored alike on the same documents.
    """
    check_options(resamples, seed)
    first, second = checked(one, other)
    if len(first) != len(second):
        raise InputError(
            f"one system has {len(first)} runs, the other {len(second)}; give as many of both, or use the bootstrap"
        )
    statistic = statistic_named(first[0].protocol, measure)
    epsilon = epsilon_of(first[0].protocol, statistic)
    found = tables([*first, *second], statistic)
    pairs = list(zip(found[: len(first)], found[len(first) :], strict=True))
    rng = np.random.default_rng(seed)
    units = len(found[0])
    seen = abs(_differences(np.zeros((1, units)), pairs, statistic, epsilon)[0])
    larger = 0
    for size in blocks(resamples, found[0]):
        swaps = (rng.random((size, units)) < 0.5).astype(np.float64)
        larger += int((abs(_differences(swaps, pairs, statistic, epsilon)) >= seen - ROUNDING).sum())
    scores = point(first, statistic), point(second, statistic)
    return Randomisation(
        measure=statistic.name,
        one=scores[0],
        other=scores[1],
        difference=scores[0] - scores[1],
        p=(larger + 1) / (resamples + 1),
        documents=len(first[0].gold),
        runs=len(first),
        resamples=resamples,
        seed=seed,
    )


def _differences(swaps: Array, pairs: Sequence[tuple[Array, Array]], statistic: Statistic, epsilon: float) -> Array:
    """Differences [resamples] of the mean scores over runs, the units with 1 in ``swaps`` [resamples, units] swapped.

    Sums only, no subtraction of one sum from another: a count of 0 has to stay exactly 0.
    """
    kept = 1 - swaps
    found = np.zeros(len(swaps))
    for one, other in pairs:
        found += statistic.of(summed(kept, one) + summed(swaps, other), epsilon)
        found -= statistic.of(summed(swaps, one) + summed(kept, other), epsilon)
    return found / len(pairs)
