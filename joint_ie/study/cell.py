"""One cell in a process of its own: ``python -m joint_ie.study.cell FOLDER``, where FOLDER has a ``cell.json``.

Processes rather than threads or ``accelerate launch``: a cell is a small run of its own with its own random
generators, its own peak memory, and the right to fail alone; there is nothing that cells would have to tell each other.
What accelerate is there for, one training on whatever device there is, happens inside of a cell (`training.loop`).
"""

import argparse
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from joint_ie.errors import InputError
from joint_ie.extraction import Extractor, load
from joint_ie.models.checkpoint import parameters
from joint_ie.study.cells import BUSY, DONE, FAILED, Cell, CellFolder
from joint_ie.study.kept import rescored
from joint_ie.study.locks import file_lock
from joint_ie.study.measuring import machine, peak_memory, versions
from joint_ie.study.records import Cost, CurvePoint, ModeResult, Record, write_record
from joint_ie.study.scoring import Scorer
from joint_ie.training.configuration import Experiment
from joint_ie.training.data import dev_documents, schema_for
from joint_ie.training.experiment import decide_anew, run_experiment
from joint_ie.training.finish import tune_checkpoint
from joint_ie.training.folders import write_folder
from joint_ie.training.log import TrainingLog

logger = logging.getLogger(__name__)

LOCK_SECONDS = 30.0
"""How long to wait for a process that is about to end: that of a study which was killed a moment ago."""


@dataclass(frozen=True)
class _Model:
    """What a cell scores, and what it took to make it."""

    extractor: Extractor
    cost: Cost
    best_epoch: int | None = None
    curve: tuple[CurvePoint, ...] = ()


def run_cell(folder: CellFolder) -> None:
    """Train (or go on with it), predict, score, and write the record; the caller has the lock.

    A cell that has its record already, but whose checkpoint is needed and gone, is trained only.
    """
    cell = folder.cell
    config = cell.config["relations"] if cell.pipeline else cell.config
    experiment = Experiment.from_mapping(config, str(folder.path))
    processes = folder.count_process()
    if experiment.training.threads:
        torch.set_num_threads(experiment.training.threads)
    if folder.finished:
        if cell.trained_by:
            _decide_anew(folder, cell, experiment)
        else:
            run_experiment(experiment, folder.run, resume=folder.run.is_dir())
        return
    scorer = Scorer(cell.scoring, experiment.data)
    if cell.predicted_by:
        write_record(rescored(cell, scorer, folder), folder.path)
        folder.forget_earlier()
        return
    if cell.pipeline:
        model = _pipeline(folder, cell, experiment)
    elif cell.trained_by:
        model = _trained_elsewhere(folder, cell, experiment, processes)
    else:
        model = _trained(folder, experiment, processes)
    results, seconds = _results(scorer, model.extractor, folder, "predictions" in cell.keep)
    memory = max(model.cost.peak_memory, peak_memory())
    record = Record(
        study=cell.study,
        variant=cell.variant,
        levels=cell.levels,
        seed=cell.seed,
        config=cell.config,
        corpus=scorer.corpus,
        versions=versions(),
        machine=machine(experiment.training.precision),
        cost=replace(model.cost, evaluation_seconds=seconds, peak_memory=memory),
        results=results,
        best_epoch=model.best_epoch,
        curve=model.curve,
        pipeline=cell.pipeline,
        trained_by=cell.trained_by,
        relation_names=scorer.relation_names,
    )
    write_record(record, folder.path)


def _trained(folder: CellFolder, experiment: Experiment, processes: int) -> _Model:
    started = time.process_time()
    result = run_experiment(experiment, folder.run, resume=folder.run.is_dir())
    used = time.process_time() - started
    extractor = load(folder.best, precision=experiment.training.precision)
    validations = TrainingLog(folder.run / "log.jsonl").read("validation")
    curve = tuple(CurvePoint(made["epoch"], made["step"], made["seconds"], made["metrics"]) for made in validations)
    cost = Cost(
        training_seconds=curve[-1].seconds,
        cpu_seconds=validations[-1].get("cpu_seconds", used),  # the log is of an older version
        evaluation_seconds={},
        peak_memory=0,
        parameters=parameters(extractor.model),
        steps=result.steps,
        processes=processes,
        cpu_complete="cpu_seconds" in validations[-1],
    )
    return _Model(extractor, cost, result.best_epoch, curve)


def _trained_elsewhere(folder: CellFolder, cell: Cell, experiment: Experiment, processes: int) -> _Model:
    """The checkpoint of the cell with the same training, with the thresholds that this one asks for."""
    started = time.process_time()
    trainer = _decide_anew(folder, cell, experiment).record
    used = time.process_time() - started
    cost = replace(
        trainer.cost,
        cpu_seconds=trainer.cost.cpu_seconds + used,
        evaluation_seconds={},
        processes=max(processes, trainer.cost.processes),
    )
    extractor = load(folder.best, precision=experiment.training.precision)
    return _Model(extractor, cost, trainer.best_epoch, trainer.curve)


def _decide_anew(folder: CellFolder, cell: Cell, experiment: Experiment) -> CellFolder:
    """Fill ``best`` of a cell from that of the cell with the same training, which is returned."""
    (place,) = cell.parts
    trainer = CellFolder(folder.path.parents[1] / place)
    write_folder(folder.best, lambda output: decide_anew(trainer.best, output, experiment))
    return trainer


def _pipeline(folder: CellFolder, cell: Cell, experiment: Experiment) -> _Model:
    parts = [CellFolder(folder.path.parents[1] / place) for place in cell.parts]
    entities, relations = (part.best for part in parts)
    costs = [part.record.cost for part in parts]
    cost = Cost(
        training_seconds=sum(cost.training_seconds for cost in costs),
        cpu_seconds=sum(cost.cpu_seconds for cost in costs),
        evaluation_seconds={},
        peak_memory=max(cost.peak_memory for cost in costs),
        parameters=sum(cost.parameters for cost in costs),
        steps=sum(cost.steps for cost in costs),
        processes=max(cost.processes for cost in costs),
        cpu_complete=all(cost.cpu_complete for cost in costs),
    )
    if experiment.tune and experiment.generation is None:
        # on the entities that are found, as one model's threshold is: the comparison would be unfair without
        write_folder(folder.best, lambda output: _tuned_between(entities, relations, output, experiment))
        relations = folder.best
    return _Model(load(entities, relations=relations, precision=experiment.training.precision), cost)


def _tuned_between(entities: Path, relations: Path, output: Path, experiment: Experiment) -> None:
    shutil.copytree(relations, output, dirs_exist_ok=True)
    tune_checkpoint(output, dev_documents(experiment.data, schema_for(experiment.data)), entities)


def _results(
    scorer: Scorer, extractor: Extractor, folder: CellFolder, keep: bool
) -> tuple[dict[str, ModeResult], dict[str, float]]:
    """By mode, and the seconds that predicting took."""
    results: dict[str, ModeResult] = {}
    seconds: dict[str, float] = {}
    for mode in scorer.modes:
        logger.info("predicting: %s", mode)
        file = folder.predictions / f"{mode}.jsonl" if keep else None
        results[mode], seconds[mode] = scorer.score(extractor, mode, file)
    return results, seconds


def end_with_parent() -> None:
    """End this process when standard input does, whose other end the process of the study holds.

    However that ends: a study that was killed leaves no training behind.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):  # not sys.stdin.read, whose lock would be held when Python shuts down
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cell of a folder; standard output and error are its log."""
    parser = argparse.ArgumentParser(prog="python -m joint_ie.study.cell", description="Run one cell of a study.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input ends")
    args = parser.parse_args(arguments)
    if args.end_with_stdin:
        end_with_parent()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("joint_ie").setLevel(logging.INFO)
    folder = CellFolder(args.folder)
    try:
        with file_lock(folder.lock, LOCK_SECONDS):
            return _attempt(folder)
    except BlockingIOError:
        logger.error("%s: another process works at this cell", args.folder)
        return BUSY


def _attempt(folder: CellFolder) -> int:
    folder.forget_failure()
    try:
        run_cell(folder)
    except InputError as error:
        logger.error("%s", error)
        folder.fail(str(error))
    except Exception as error:
        traceback.print_exc()
        folder.fail(f"{type(error).__name__}: {error}")
    else:
        return DONE
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
