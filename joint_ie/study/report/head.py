"""The head of a report: what was compared, how, on what, and what is not there."""

from collections.abc import Iterable, Iterator

from joint_ie.study.records import Record
from joint_ie.study.report.wording import number_of
from joint_ie.study.results import Results
from joint_ie.study.study_records import StudyRecords

FEW = 100
"""Fewer documents than these leave the bootstrap noticeably sure of itself (`evaluation.bootstrap`)."""


def facts(results: Results) -> tuple[tuple[str, str], ...]:
    """Names and values, for the list at the top."""
    study, corpus = results.study, results.corpus
    records = list(study.records())
    modes: dict[str, list[str]] = {}
    for comparison in results.comparisons:
        modes.setdefault(comparison.mode, []).append(comparison.protocol)
    head = results.comparisons[0]
    machines = (
        f"{r.machine.device}, {number_of(r.machine.threads, 'thread')}, precision {r.machine.precision}, "
        f"{r.machine.processor}"
        for r in records
    )
    return (
        ("Scored on", f"{corpus.name}, {number_of(corpus.documents, 'document')}"),
        ("Data version", f"{corpus.fingerprint[:12]} (begin of the SHA-256 of the documents)"),
        *(("Chosen", choice) for choice in _distinct(map(_choice, records))),
        ("Sorted and compared by", f"{head.measure}, mode {head.mode}, protocol {head.protocol}"),
        ("Baseline", study.baseline or "none"),
        ("Protocols", "; ".join(f"{mode}: {', '.join(names)}" for mode, names in modes.items())),
        ("Cells (variant and seed)", _cells(study)),
        *(("Versions", versions) for versions in _distinct(_versions(r.versions) for r in records)),
        *(("Predictions of another study", source) for source in _distinct(_sources(records))),
        *(("Run on", machine) for machine in _distinct(machines)),
    )


def warnings(results: Results) -> tuple[str, ...]:
    """What has to be known before any number is read."""
    return tuple(_warnings(results))


def _warnings(results: Results) -> Iterator[str]:
    study = results.study
    waiting = [
        f"{variant.name} ({_seeds(seeds)})"
        for variant in study.variants
        if (seeds := [seed for seed in variant.missing if seed not in variant.failures])
    ]
    if waiting:
        yield f"This study is not finished. Cells that are not there yet: {'; '.join(waiting)}."
    for variant in study.variants:
        for seed, message in variant.failures.items():
            yield f"{variant.name}, seed {seed}, has failed: {message}"
    if study.others:
        yield f"The folder has finished cells that the study does not ask for any more: {', '.join(study.others)}."
    records = list(study.records())
    if len(_distinct(_versions(record.versions) for record in records)) > 1:
        yield "Cells were run with different versions of the software: differences may come from these."
    if results.corpus.documents < FEW:
        yield (
            f"{number_of(results.corpus.documents, 'document')} are few: intervals are a little too narrow, and p is a "
            "little too small (docs/scoring.md)."
        )
    if len(_distinct(str(record.machine) for record in records)) > 1:
        yield "Cells were run on different machines or settings of these: do not compare their times."


def _cells(study: StudyRecords) -> str:
    finished = sum(len(variant.records) for variant in study.variants)
    failed = sum(len(variant.failures) for variant in study.variants)
    missing = sum(len(variant.missing) for variant in study.variants) - failed
    return f"{finished} finished, {missing} missing, {failed} failed"


def _sources(records: Iterable[Record]) -> Iterator[str]:
    return (f"{record.variant}, from {record.predicted_by}" for record in records if record.predicted_by)


def _choice(record: Record) -> str:
    """On which documents checkpoint and thresholds were chosen, and whether these are scored."""
    config = record.config["relations"] if record.pipeline else record.config
    data = config["data"]
    first = f"the first {data['dev_limit']:,} documents of " if data["dev_limit"] else ""
    parts = [f"the checkpoint on {first}{data['dev']}"]
    if config["tune"]:
        parts.append(f"thresholds on {'all of it' if first else 'the same'}")
    if data["dev"] == record.corpus.name:
        parts.append("which is scored: scores are a little optimistic")
    return ", ".join(parts)


def _seeds(seeds: list[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def _versions(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
