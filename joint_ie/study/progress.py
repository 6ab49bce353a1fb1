"""How far running cells are, and how long the rest of a study may take."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joint_ie.study.cells import Cell, CellFolder, State
from joint_ie.training.log import TrainingLog


@dataclass(frozen=True)
class Training:
    """How far a training is: which of ``epochs`` (from 1), its best validation so far, and the share of all steps.

    ``left`` are seconds; what cannot be known yet is None.
    """

    epoch: int
    epochs: int
    best: float | None
    share: float | None
    left: float | None


@dataclass(frozen=True)
class Running:
    """A cell that a process works at; ``training`` is None before its first step, and where there is none."""

    cell: Cell
    seconds: float
    training: Training | None


@dataclass(frozen=True)
class Snapshot:
    """A study at one moment; ``states`` by the cells' names, ``seconds_left`` None while nothing can be said."""

    states: Mapping[str, State]
    running: tuple[Running, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    seconds_left: float | None = None


def training_progress(run: Path, config: Mapping[str, Any]) -> Training | None:
    """What the log of a run says; None before its first record.

    Steps of an epoch are known once the second one has begun.
    """
    settings = config["training"]
    log = TrainingLog(run / "log.jsonl")
    steps, validations = log.read("step"), log.read("validation")
    if not steps:
        return None
    last = steps[-1]
    epochs = settings["stop_after"] or settings["epochs"]
    scores = [record["metrics"][settings["monitor"]] for record in validations]
    share = left = None
    if last["epoch"]:
        before = max(record["step"] for record in steps if record["epoch"] < last["epoch"])
        share = min(1.0, last["step"] * last["epoch"] / (before * epochs))
        left = last["seconds"] * (1 - share) / share
    return Training(last["epoch"] + 1, epochs, max(scores, default=None), share, left)


def finished_seconds(cell: Cell, root: Path) -> float | None:
    """What a finished cell took itself, None for other cells; what it got from other cells is theirs."""
    folder = CellFolder(root / cell.place)
    if not folder.finished:
        return None
    cost = folder.record.cost
    return sum(cost.evaluation_seconds.values()) + (cost.training_seconds if cell.trains else 0.0)


def seconds_left(
    taken: Sequence[tuple[Cell, float]], running: Sequence[Running], waiting: Sequence[Cell], workers: int
) -> float | None:
    """An estimate: waiting cells take what finished ones of their variant took on average, else what all others did.

    None while no cell is finished and no running one can say how far it is. Cells without a training of their own are
    no measure for trainings, and those that are scored from kept predictions take next to nothing.
    """
    known: dict[str, list[float]] = {}
    for cell, seconds in taken:
        known.setdefault(cell.variant, []).append(seconds)
    guesses = [
        now.seconds + now.training.left for now in running if now.training is not None and now.training.left is not None
    ]
    trained = [seconds for cell, seconds in taken if cell.trains] or guesses
    if not trained:
        return None

    def expected(cell: Cell) -> float:
        if cell.predicted_by:
            return 0.0
        return statistics.mean(known.get(cell.variant, trained if cell.trains else [0.0]))

    lefts = [
        now.training.left
        if now.training is not None and now.training.left is not None
        else max(0.0, expected(now.cell) - now.seconds)
        for now in running
    ]
    return max([*lefts, (sum(lefts) + sum(map(expected, waiting))) / workers], default=0.0)
