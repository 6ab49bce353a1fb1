"""What is kept of a finished cell (a variant with one seed): all that a report needs, without corpus or checkpoint."""

import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joint_ie.corpora.files import decode, parse_json, read_bytes
from joint_ie.errors import InputError
from joint_ie.evaluation.error_report import ErrorReport
from joint_ie.evaluation.fingerprints import GoldDocument
from joint_ie.evaluation.recorded_counts import RecordedCounts
from joint_ie.evaluation.scores import Score
from joint_ie.evaluation.significance import Counts
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.training.folders import write_file

FORMAT = 1
RECORD = "record.json.xz"
"""Compressed, for most of it is small numbers, of which a study of hundred cells has a hundred megabytes."""


@dataclass(frozen=True)
class ScoredCorpus:
    """What a cell was scored on; the ``fingerprint`` is `evaluation.fingerprints.corpus_fingerprint`."""

    name: str
    documents: int
    fingerprint: str


@dataclass(frozen=True)
class Machine:
    """Where a cell ran; ``precision`` is that of training and prediction (``bf16`` or ``no``)."""

    device: str
    threads: int
    precision: str
    processor: str


@dataclass(frozen=True)
class Cost:
    """What a cell took, pauses left out; of a pipeline, what its two parts took together, and its own evaluation.

    ``evaluation_seconds`` by mode; ``peak_memory`` in bytes, of the process, or of the GPU where one was used;
    ``steps`` of the optimiser. ``processes`` worked at the cell one after the other: of an interrupted one,
    ``peak_memory`` is the last one's, and so are ``cpu_seconds`` in records of older versions (no ``cpu_complete``).
    """

    training_seconds: float
    cpu_seconds: float
    evaluation_seconds: dict[str, float]
    peak_memory: int
    parameters: int
    steps: int
    processes: int = 1
    cpu_complete: bool = False


@dataclass(frozen=True)
class CurvePoint:
    """A validation while training; ``epoch`` counts from 0, ``seconds`` from the beginning."""

    epoch: int
    step: int
    seconds: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class PipelineParts:
    """The variants whose models were put together, seed by seed."""

    entities: str
    relations: str


@dataclass(frozen=True)
class ErrorCounts:
    """Facts by class of error, see `evaluation.error_classes`."""

    gold: dict[str, int]
    predicted: dict[str, int]


@dataclass(frozen=True)
class ModeResult:
    """What was predicted in one mode, scored: by protocol, by bucket (kind, range), and by class of error.

    ``digests`` are those of `GoldDocument`, in the order of ``documents``, their ids.
    """

    documents: tuple[str, ...]
    digests: tuple[str, ...]
    protocols: dict[str, RecordedCounts]
    buckets: dict[str, dict[str, Score]]
    errors: ErrorCounts

    @classmethod
    def of(cls, counts: Mapping[str, Counts], errors: ErrorReport) -> "ModeResult":
        """From the counts of the protocols, by name, and the error analysis, all of the same documents."""
        gold = next(iter(counts.values())).gold
        return cls(
            documents=tuple(document.id for document in gold),
            digests=tuple(document.digest for document in gold),
            protocols={name: RecordedCounts.of(found) for name, found in counts.items()},
            buckets={
                kind: {name: tally.score() for name, tally in rows.items()} for kind, rows in errors.buckets.items()
            },
            errors=ErrorCounts(dict(errors.gold), dict(errors.predicted)),
        )

    def counts(self, protocol: str, where: str) -> Counts:
        """For intervals and tests; ``where`` (file and mode, say) begins the message of an `InputError`."""
        if protocol not in self.protocols:
            known = ", ".join(self.protocols)
            raise InputError(f"{where}: has no scores of protocol {protocol!r}, only of {known}; choose one of these")
        if len(self.documents) != len(self.digests):
            raise InputError(f"{where}: documents and digests differ in number; restore the file")
        gold = list(map(GoldDocument, self.documents, self.digests))
        return self.protocols[protocol].counts(gold, where)


@dataclass(frozen=True)
class Record:
    """A finished cell. ``levels`` has the value's name for every axis; ``config`` is what it can be repeated from.

    ``best_epoch`` (from 0) and ``curve`` are of training, which a cell with a ``pipeline`` has none of. ``results`` are
    by mode. With ``trained_by`` both are those of another variant, which had the same training; so is its cost.
    ``relation_names`` are what people call relations, where that is not their id.
    ``predicted_by`` names the study and variant that a cell has everything but its scores from, cost and versions, too.
    """

    study: str
    variant: str
    levels: dict[str, str]
    seed: int
    config: dict[str, Any]
    corpus: ScoredCorpus
    versions: dict[str, str | None]
    machine: Machine
    cost: Cost
    results: dict[str, ModeResult]
    best_epoch: int | None = None
    curve: tuple[CurvePoint, ...] = ()
    pipeline: PipelineParts | None = None
    trained_by: str | None = None
    predicted_by: str | None = None
    relation_names: dict[str, str] = field(default_factory=dict)

    def counts(self, mode: str, protocol: str) -> Counts:
        """What ``protocol`` counted in ``mode``, for intervals and tests; `InputError` where there is no such thing."""
        where = f"the record of {self.variant} with seed {self.seed}"
        if mode not in self.results:
            known = ", ".join(self.results)
            raise InputError(f"{where} has no scores of mode {mode!r}, only of {known}; choose one of these")
        return self.results[mode].counts(protocol, f"{where}, {mode}")


def write_record(record: Record, folder: Path) -> None:
    """Write `RECORD`, all at once, so that a killed process leaves no half of it."""
    text = json.dumps({"format": FORMAT, **to_mapping(record)}, ensure_ascii=False, separators=(",", ":"))
    write_file(folder / RECORD, lzma.compress(f"{text}\n".encode()))


def read_record(path: Path) -> Record:
    """What `write_record` wrote; `InputError` if it is none, is broken, or is of a later version of this package."""
    compressed = read_bytes(path)
    try:
        text = decode(lzma.decompress(compressed), str(path))
    except lzma.LZMAError as error:
        raise InputError(
            f"{path}: is cut off or no xz file ({error}); restore it, or delete it, and the study runs this cell again"
        ) from None
    data = parse_json(text, str(path))
    if not isinstance(data, dict) or "format" not in data:
        raise InputError(f"{path}: is no record of a study; name the {RECORD} of a cell")
    if data.pop("format") != FORMAT:
        raise InputError(
            f"{path}: has another format than {FORMAT}, which this version reads; use the one that wrote it"
        )
    try:
        return from_mapping(Record, data, str(path))
    except InputError as error:
        raise InputError(f"{error}; or delete the file, and the study runs this cell again") from None
