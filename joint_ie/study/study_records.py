"""The records of a study by variant, and which are not there; what a report is made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from joint_ie.errors import InputError
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.study.cells import CellFolder, cell_place
from joint_ie.study.configuration import Headline, read_study
from joint_ie.study.grid import Variant, check_levels, variant_named, variants
from joint_ie.study.records import RECORD, Record, ScoredCorpus


@dataclass(frozen=True)
class VariantRecords:
    """The finished cells of a variant, by seed, and the seeds whose cells are not finished.

    ``failures`` says why for those that have failed.
    """

    name: str
    levels: Mapping[str, str]
    records: tuple[Record, ...]
    missing: tuple[int, ...] = ()
    failures: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyRecords:
    """A study's question, and its variants in the order of the study; ``baseline`` is the name of one of them.

    ``others`` are the places of finished cells that the study, as it is now, does not ask for.
    """

    name: str
    question: str
    headline: Headline
    baseline: str | None
    variants: tuple[VariantRecords, ...]
    others: tuple[str, ...] = ()

    def records(self) -> Iterator[Record]:
        """Those of all variants."""
        for variant in self.variants:
            yield from variant.records

    @property
    def corpus(self) -> ScoredCorpus:
        """What all cells were scored on; `InputError` if there are none, or if they do not agree."""
        records = list(self.records())
        if not records:
            raise InputError(f"study {self.name}: has no finished cell yet; let it run on, and report then")
        first = records[0]
        for record in records:
            if record.corpus != first.corpus:
                raise InputError(
                    f"study {self.name}: {_cell(record)} was scored on {_scored_on(record)}, {_cell(first)} on "
                    f"{_scored_on(first)}; run one of them again on the documents of the other"
                )
        return first.corpus


def read_study_records(folder: Path, baseline: str | None = None, measure: str | None = None) -> StudyRecords:
    """Everything that is finished in the folder of a study, of which ``study.yaml`` and records are enough.

    ``baseline`` is another variant than the study's: its name, or ``AXIS=VALUE,AXIS=VALUE``. ``measure`` is another
    headline, ``MEASURE``, ``PROTOCOL/MEASURE`` or ``MODE/PROTOCOL/MEASURE``.
    Raises `InputError` if there is no study, for a broken record, and for a baseline that is no variant.
    """
    # as `StudyFolder` calls them, which knows how to train and so takes seconds to import
    file, cells = folder / "study.yaml", folder / "cells"
    if not file.is_file():
        raise InputError(f"{folder}: has no {file.name}; name the folder of a study that was run")
    settings, where = read_study(file), str(file)
    found = variants(settings, where)
    if baseline is not None:
        chosen: Variant | None = _asked_for(found, baseline)
    else:
        chosen = None if settings.baseline is None else variant_named(found, settings.baseline, f"{where}: baseline")
    expected = {str(cell_place(variant.name, seed)) for variant in found for seed in variant.seeds}
    there = (path.parent.relative_to(cells) for path in cells.glob(f"*/*/{RECORD}"))
    return StudyRecords(
        name=settings.name,
        question=settings.question,
        headline=settings.measure if measure is None else _headline(settings.measure, measure),
        baseline=chosen.name if chosen else None,
        variants=tuple(_variant(cells, variant) for variant in tqdm(found, desc="records", disable=None, leave=False)),
        others=tuple(sorted(place for place in map(str, there) if place not in expected)),
    )


def _variant(folder: Path, variant: Variant) -> VariantRecords:
    cells = {seed: CellFolder(folder / cell_place(variant.name, seed)) for seed in variant.seeds}
    missing = {seed: cell for seed, cell in cells.items() if not cell.finished}
    return VariantRecords(
        name=variant.name,
        levels=variant.levels,
        records=tuple(cell.record for cell in cells.values() if cell.finished),
        missing=tuple(missing),
        failures={seed: failure.message for seed, cell in missing.items() if (failure := cell.failure)},
    )


def _asked_for(found: Sequence[Variant], text: str) -> Variant:
    """By its name, or by its levels."""
    named = [variant for variant in found if variant.name == text]
    if named:
        return named[0]
    match = dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
    if not match:
        names = "; ".join(variant.name for variant in found)
        raise InputError(f"--baseline {text!r}: is no variant, and has no AXIS=VALUE; variants are {names}")
    levels: dict[str, list[str]] = {}
    for variant in found:
        for axis, level in variant.levels.items():
            levels.setdefault(axis, []).append(level)
    check_levels(match, levels, "--baseline")
    return variant_named(found, match, "--baseline")


def _headline(own: Headline, text: str) -> Headline:
    parts = text.split("/")
    if len(parts) > 3 or not all(parts):
        raise InputError(f"--measure {text!r}: should be MEASURE, PROTOCOL/MEASURE or MODE/PROTOCOL/MEASURE")
    names = ("measure", "protocol", "mode")
    return from_mapping(Headline, to_mapping(own) | dict(zip(names, reversed(parts), strict=False)), "--measure")


def _cell(record: Record) -> str:
    return f"{record.variant} with seed {record.seed}"


def _scored_on(record: Record) -> str:
    corpus = record.corpus
    return f"{corpus.name} ({corpus.documents} documents, {corpus.fingerprint[:12]})"
