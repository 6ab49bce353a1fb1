"""Cells, each a variant with one seed, and the folders that they have in the folder of a study."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from joint_ie.corpora.files import load_json
from joint_ie.errors import InputError
from joint_ie.evaluation.protocol import Mode
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.study.grid import folder_name
from joint_ie.study.locks import is_locked
from joint_ie.study.records import RECORD, PipelineParts, Record, read_record
from joint_ie.training.folders import write_file

FORMAT = 1
LOG_LINES = 30
"""Lines of a log that are kept with a failure."""

DONE, FAILED, BUSY = 0, 1, 75
"""Exit statuses of a cell's process; why it failed is in ``failure.json``, a busy cell is locked by another process."""

State = Literal["done", "running", "failed", "interrupted", "waiting"]


@dataclass(frozen=True)
class Scoring:
    """How a cell is scored; ``protocols`` by mode, ``corpus`` and ``training_facts`` as in `StudySettings`."""

    protocols: dict[Mode, tuple[str, ...]]
    corpus: str | None = None
    training_facts: str | None = None


@dataclass(frozen=True)
class Cell:
    """What is to be run: ``cell.json``, from which a process of its own runs it.

    ``config`` is a whole training configuration, or, of a ``pipeline``, those of its two parts. ``trained_by`` is the
    variant whose training this one shares: they differ in what is decided afterwards alone (`plan.AFTER_TRAINING`).
    ``predicted_by`` is the folder of a finished cell, as seen from this cell's own, whose predictions are scored
    instead of any training (`kept`); ``.`` is this cell itself.
    """

    study: str
    variant: str
    levels: dict[str, str]
    seed: int
    config: dict[str, Any]
    scoring: Scoring
    keep: tuple[str, ...] = ()
    pipeline: PipelineParts | None = None
    trained_by: str | None = None
    predicted_by: str | None = None

    @property
    def trains(self) -> bool:
        """Whether it has a training of its own."""
        return self.pipeline is None and self.trained_by is None and self.predicted_by is None

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.variant}, seed {self.seed}"

    @property
    def place(self) -> Path:
        """Where it lies, below the ``cells`` of a study."""
        return cell_place(self.variant, self.seed)

    @property
    def parts(self) -> tuple[Path, ...]:
        """The places of the cells whose checkpoints it needs."""
        if self.predicted_by:
            names = []
        elif self.pipeline:
            names = [self.pipeline.entities, self.pipeline.relations]
        else:
            names = [] if self.trained_by is None else [self.trained_by]
        return tuple(cell_place(name, self.seed) for name in names)


@dataclass(frozen=True)
class Failure:
    """Why a cell failed, with the last lines of what it said."""

    message: str
    log: tuple[str, ...] = ()


def cell_place(variant: str, seed: int) -> Path:
    """Where a variant with this seed lies, below the ``cells`` of a study."""
    return Path(folder_name(variant), f"seed-{seed}")


class CellFolder:
    """One cell on disk. It is finished if and only if its record is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run"
        self.best = self.run / "best"
        self.log = path / "output.log"
        self.lock = path / "lock"
        self.predictions = path / "predictions"
        self.record_file = path / RECORD
        self.earlier_file = path / f"earlier-{RECORD}"

    @property
    def cell(self) -> Cell:
        """What it was made for; `InputError` if it says so in another format or not at all."""
        file = self.path / "cell.json"
        data = load_json(file)
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise InputError(f"{file}: is no cell of format {FORMAT}; start the study that it belongs to again")
        return from_mapping(Cell, data, str(file))

    @property
    def planned(self) -> bool:
        """Whether there is anything that says what it was made for."""
        return (self.path / "cell.json").is_file()

    @property
    def finished(self) -> bool:
        """Whether its record is there."""
        return self.record_file.is_file()

    @property
    def begun(self) -> bool:
        """Whether there are checkpoints or states of an unfinished training."""
        return not self.finished and self.run.is_dir()

    @property
    def record(self) -> Record:
        """Its record, checked."""
        return read_record(self.record_file)

    @property
    def failure(self) -> Failure | None:
        """Why the last attempt failed, if it did."""
        file = self.path / "failure.json"
        return from_mapping(Failure, load_json(file), str(file)) if file.is_file() else None

    @property
    def state(self) -> State:
        """Where it stands; ``interrupted`` cells go on from where they were."""
        if self.finished:
            return "done"
        if is_locked(self.lock):
            return "running"
        if self.failure:
            return "failed"
        return "interrupted" if self.begun else "waiting"

    def write(self, cell: Cell) -> None:
        """Write ``cell.json``."""
        self.path.mkdir(parents=True, exist_ok=True)
        _write_json({"format": FORMAT, **to_mapping(cell)}, self.path / "cell.json")

    def fail(self, message: str) -> None:
        """Write ``failure.json``, with the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.is_file() else []
        _write_json(to_mapping(Failure(message, tuple(lines[-LOG_LINES:]))), self.path / "failure.json")

    def forget_failure(self) -> None:
        """Before another attempt."""
        (self.path / "failure.json").unlink(missing_ok=True)

    def score_anew(self) -> None:
        """Put the record aside, which its predictions will be scored from; the cell is finished no more."""
        self.record_file.replace(self.earlier_file)

    def forget_earlier(self) -> None:
        """When it has a new record."""
        self.earlier_file.unlink(missing_ok=True)

    def count_process(self) -> int:
        """How many processes have worked at it, with this one."""
        file = self.path / "processes"
        count = 1 + (int(file.read_text(encoding="utf-8")) if file.is_file() else 0)
        write_file(file, str(count))
        return count

    def clear(self) -> None:
        """Remove everything that an attempt left, results included."""
        self.record_file.unlink(missing_ok=True)  # first, for a cell without it is not finished, whatever else is there
        for folder in (self.run, self.predictions):
            _remove(folder)
        for file in ("failure.json", "processes", "output.log", self.earlier_file.name):
            (self.path / file).unlink(missing_ok=True)

    def tidy(self, keep_checkpoint: bool) -> None:
        """Remove what a finished cell needs no more: states and, unless it is kept, the checkpoint; not the log."""
        for name in ("state", "last", "adaptation", *(() if keep_checkpoint else ("best",))):
            _remove(self.run / name)


def _remove(folder: Path) -> None:
    """At once, so that nobody takes for whole what a killed process has left of it."""
    removed = folder.with_name(f"{folder.name}.removed")
    shutil.rmtree(removed, ignore_errors=True)
    if folder.exists():
        folder.rename(removed)
        shutil.rmtree(removed)


def _write_json(data: Mapping[str, Any], path: Path) -> None:
    write_file(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
