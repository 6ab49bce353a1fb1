"""The variants of a study beside each other: scores over seeds, and how surely they differ from the baseline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from joint_ie.errors import InputError, nearest
from joint_ie.evaluation.bootstrap import Difference, paired_bootstrap
from joint_ie.evaluation.significance import Counts, holm, statistics
from joint_ie.evaluation.spread import PARTS, Spread, by_name, spread
from joint_ie.study.study_records import StudyRecords

ALPHA = 0.05
"""Differences whose adjusted p is at most this are called significant."""

RESAMPLES = 10_000


@dataclass(frozen=True)
class Compared:
    """A variant: its scores by seed, their `Spread`, and the difference of one of them to the baseline's.

    Scores have the names of `evaluation.spread.by_name`. ``missing`` are seeds without a finished cell. ``p_holm`` is
    the p of the difference, adjusted for the number of variants that are tested. Both are None for the baseline, and
    where nothing is tested. They hold the chance in training as well, if there are two seeds of both.
    """

    variant: str
    levels: Mapping[str, str]
    by_seed: Mapping[int, Mapping[str, float]]
    missing: tuple[int, ...]
    scores: Mapping[str, Spread]
    difference: Difference | None = None
    p_holm: float | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those of its finished cells."""
        return tuple(self.by_seed)

    @property
    def significant(self) -> bool:
        """Whether neither chance, in the choice of documents and in training, explains it; never with one seed."""
        return self.difference is not None and self.difference.trainings and (self.p_holm or 0.0) <= ALPHA

    def to_dict(self) -> dict[str, Any]:
        """Everything, in full precision."""
        return {
            "variant": self.variant,
            "levels": dict(self.levels),
            "seeds": list(self.seeds),
            "missing_seeds": list(self.missing),
            "scores": {name: found.to_dict() for name, found in self.scores.items()},
            "by_seed": {str(seed): dict(scores) for seed, scores in self.by_seed.items()},
            "difference": self.difference.to_dict() if self.difference else None,
            "p_holm": self.p_holm,
            "significant": self.significant,
        }


@dataclass(frozen=True)
class Comparison:
    """The variants by one protocol in one mode, best first by ``measure`` (such as ``relations.f1``).

    ``listed`` are the protocol's measures, those that are means last. ``baseline`` is None where there is nothing to
    compare with; ``untested`` then says why, and where the measure cannot be tested.
    """

    mode: str
    protocol: str
    measure: str
    documents: int
    listed: tuple[str, ...]
    rows: tuple[Compared, ...]
    baseline: str | None
    untested: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything, in full precision."""
        return {
            "mode": self.mode,
            "protocol": self.protocol,
            "measure": self.measure,
            "documents": self.documents,
            "baseline": self.baseline,
            "untested": self.untested,
            "variants": [row.to_dict() for row in self.rows],
        }


def comparisons(study: StudyRecords, resamples: int = RESAMPLES) -> list[Comparison]:
    """One for every mode and protocol that anything was scored by; the first is that of the headline.

    Raises `InputError` if the headline's measure, protocol or mode is not there, and where cells were not scored alike
    on the same documents.
    """
    found = _scored(study)
    head = study.headline
    if (head.mode, head.protocol) not in found:
        known = ", ".join(f"{mode}/{protocol}" for mode, protocol in found)
        raise InputError(
            f"no finished cell was scored in mode {head.mode} by protocol {head.protocol}; "
            f"choose one of {known or 'none'}"
        )
    places = sorted(found, key=lambda place: place != (head.mode, head.protocol))
    return [
        _compare(study, mode, protocol, resamples)
        for mode, protocol in tqdm(places, desc="comparisons", disable=None, leave=False)
    ]


def counts_by_variant(study: StudyRecords, mode: str, protocol: str) -> dict[str, dict[int, Counts]]:
    """By seed, those of every variant that was scored so."""
    found = {
        variant.name: {
            record.seed: record.counts(mode, protocol)
            for record in variant.records
            if mode in record.results and protocol in record.results[mode].protocols
        }
        for variant in study.variants
    }
    return {variant: runs for variant, runs in found.items() if runs}


def _scored(study: StudyRecords) -> list[tuple[str, str]]:
    """The modes and protocols of all records, in order of appearance."""
    return list(
        dict.fromkeys(
            (mode, protocol)
            for record in study.records()
            for mode, result in record.results.items()
            for protocol in result.protocols
        )
    )


def _compare(study: StudyRecords, mode: str, protocol: str, resamples: int) -> Comparison:
    counts = counts_by_variant(study, mode, protocol)
    first = next(run for runs in counts.values() for run in runs.values())
    measure = _measure(study, mode, protocol, first)
    variants = {variant.name: variant for variant in study.variants}
    rows = [
        Compared(
            variant=name,
            levels=variants[name].levels,
            by_seed={seed: by_name(run.scores) for seed, run in runs.items()},
            missing=variants[name].missing,
            scores=spread(run.scores for run in runs.values()).measures,
        )
        for name, runs in counts.items()
    ]
    rows.sort(key=lambda row: -row.scores[measure].mean)
    untested = ""
    if study.baseline is None:
        untested = "The study names no baseline."
    elif study.baseline not in counts:
        untested = f"The baseline, {study.baseline}, has no finished cell that was scored so."
    elif measure not in statistics(first.protocol):
        untested = "This score is no sum over documents, so that documents cannot be resampled."
    return Comparison(
        mode=mode,
        protocol=protocol,
        measure=measure,
        documents=len(first.gold),
        listed=(*first.protocol.measures, *first.protocol.means),
        rows=tuple(rows if untested else _tested(rows, counts, study.baseline, measure, resamples)),
        baseline=study.baseline if study.baseline in counts else None,
        untested=untested,
    )


def _tested(
    rows: Sequence[Compared],
    counts: Mapping[str, Mapping[int, Counts]],
    baseline: str | None,
    measure: str,
    resamples: int,
) -> Iterator[Compared]:
    assert baseline is not None
    runs = {variant: list(found.values()) for variant, found in counts.items()}
    differences = {
        row.variant: paired_bootstrap(
            runs[row.variant],
            runs[baseline],
            measure,
            resamples=resamples,
            trainings=min(len(runs[row.variant]), len(runs[baseline])) > 1,
        )
        for row in tqdm(rows, desc="variants", disable=None, leave=False)
        if row.variant != baseline
    }
    adjusted = dict(zip(differences, holm(found.p for found in differences.values()), strict=True))
    for row in rows:
        yield replace(row, difference=differences.get(row.variant), p_holm=adjusted.get(row.variant))


def _measure(study: StudyRecords, mode: str, protocol: str, counts: Counts) -> str:
    """The name, as in `by_name`, of what variants are compared by: the headline's, where the protocol has it.

    Else what is called alike (``relations_strict_half`` for ``relations_strict``), else relations, else a mean, else
    the protocol's first measure.
    """
    known = by_name(counts.scores)
    asked = study.headline.measure
    wanted = [asked, f"{asked}.f1"]
    if (mode, protocol) == (study.headline.mode, study.headline.protocol) and not known.keys() & set(wanted):
        raise InputError(
            f'measure "{asked}" is unknown in protocol "{protocol}"{nearest(asked, known)}; '
            f"known are {', '.join(known)}"
        )
    measures = counts.protocol.measures
    for start in (counted_in(asked), counted_in(asked).partition("_")[0], "relations"):
        wanted += [f"{measure}.f1" for measure in measures if measure.startswith(start)]
    wanted += [*counts.protocol.means, f"{measures[0]}.f1"]
    return next(name for name in wanted if name in known)


def counted_in(measure: str) -> str:
    """What a score such as ``relations.f1`` or ``macro.relations.f1`` is about: ``relations``."""
    return measure.removeprefix("macro.").split(".")[0]


def parts_of(measure: str) -> tuple[str, ...]:
    """Precision, recall and F1 of the measure that one of them is given of; a mean has none but itself."""
    base, dot, part = measure.rpartition(".")
    return tuple(f"{base}.{part}" for part in PARTS) if dot and part in PARTS else (measure,)
