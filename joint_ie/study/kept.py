"""Results from predictions that are kept already, of this study or of another one, instead of a training."""

import logging
import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from joint_ie.errors import InputError
from joint_ie.study.cells import Cell, CellFolder
from joint_ie.study.folder import StudyFolder
from joint_ie.study.plan import Plan, changed_scoring, changed_training
from joint_ie.study.records import ModeResult, Record, read_record
from joint_ie.study.scoring import Scorer

logger = logging.getLogger(__name__)


def with_kept_predictions(plan: Plan, asked: Collection[Cell], folder: StudyFolder, others: Sequence[Path]) -> Plan:
    """The plan, where cells of those ``asked`` for have ``predicted_by`` if that saves their training.

    Such are cells of the study that are finished, but shall be scored otherwise now, and new cells that one of the
    ``others``, folders of studies, has trained alike: with all settings that matter, the seed, and predictions of every
    mode. Cells whose checkpoint is needed by another, and is not there, are not among them.
    """
    for other in others:
        if not StudyFolder(other).cells.is_dir():
            raise InputError(f"{other}: is no folder of a study; name one that has a folder `cells`")
    known = [(found, found.cell) for other in others for found in _finished(StudyFolder(other))]
    needed = {place for cell in plan.cells if not folder.cell(cell).finished for place in cell.parts}

    def source(cell: Cell) -> CellFolder | None:
        own = folder.cell(cell)
        if cell.place in needed and not own.best.is_dir():
            return None
        if own.earlier_file.is_file() or (own.finished and _changed_in_scoring_alone(own, cell)):
            return own if _serves(own, own.cell, cell) else None
        if own.finished or own.begun:
            return None
        return next((other for other, old in known if _serves(other, old, cell)), None)

    def planned(cell: Cell) -> Cell:
        found = source(cell) if cell in asked else None
        if found is None:
            return cell
        logger.info("%s: no training, but the predictions of %s", cell.name, found.path)
        return replace(cell, predicted_by=os.path.relpath(found.path.resolve(), folder.cell(cell).path.resolve()))

    return Plan(plan.settings, tuple(map(planned, plan.cells)))


def rescored(cell: Cell, scorer: Scorer, folder: CellFolder) -> Record:
    """The record of a cell with ``predicted_by``: training, cost and versions are those of that cell.

    Its predictions are copied into the ``folder`` of this one if they shall be kept. Raises `InputError` if they are
    not of the documents that the scorer has.
    """
    assert cell.predicted_by is not None
    source = CellFolder((folder.path / cell.predicted_by).resolve())
    own = source.path == folder.path.resolve()
    record = read_record(source.earlier_file if own and source.earlier_file.is_file() else source.record_file)
    if record.corpus.fingerprint != scorer.corpus.fingerprint:
        raise InputError(
            f"{source.path}: was scored on {record.corpus.name}, data {record.corpus.fingerprint[:12]}, which is now "
            f"{scorer.corpus.name}, data {scorer.corpus.fingerprint[:12]}: its predictions are of no use; "
            f"{'delete this folder' if own else 'start without --reuse'} to train the cell anew"
        )
    results: dict[str, ModeResult] = {
        mode: scorer.score_file(source.predictions / f"{mode}.jsonl", mode) for mode in scorer.modes
    }
    if not own and "predictions" in cell.keep:
        folder.predictions.mkdir(exist_ok=True)
        for mode in scorer.modes:
            shutil.copy(source.predictions / f"{mode}.jsonl", folder.predictions)
    seconds: dict[str, float] = {mode: record.cost.evaluation_seconds[mode] for mode in scorer.modes}
    return replace(
        record,
        study=cell.study,
        variant=cell.variant,
        levels=cell.levels,
        config=cell.config,
        corpus=scorer.corpus,
        cost=replace(record.cost, evaluation_seconds=seconds),
        results=results,
        pipeline=cell.pipeline,
        trained_by=cell.trained_by,
        relation_names=scorer.relation_names,
        predicted_by=record.predicted_by if own else f"{record.study}: {record.variant}",
    )


def _finished(study: StudyFolder) -> Iterable[CellFolder]:
    return (cell for path in sorted(study.cells.glob("*/*")) if (cell := CellFolder(path)).planned and cell.finished)


def _changed_in_scoring_alone(own: CellFolder, cell: Cell) -> bool:
    return any(changed_scoring(own.cell, cell)) and not any(changed_training(own.cell, cell))


def _serves(source: CellFolder, old: Cell, cell: Cell) -> bool:
    """Whether the predictions of a finished cell, ``old``, are all that this cell would make."""
    return (
        old.seed == cell.seed  # what costs least is asked first
        and (old.pipeline is None) == (cell.pipeline is None)
        and old.scoring.corpus == cell.scoring.corpus
        and bool(cell.scoring.protocols)
        and all((source.predictions / f"{mode}.jsonl").is_file() for mode in cell.scoring.protocols)
        and not any(changed_training(old, cell))
    )
