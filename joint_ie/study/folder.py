"""The folder of a study: what it was started with, and its cells."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

from joint_ie.errors import InputError
from joint_ie.settings import differences, to_mapping
from joint_ie.study.cells import Cell, CellFolder
from joint_ie.study.configuration import read_study, write_study
from joint_ie.study.locks import file_lock
from joint_ie.study.plan import Plan, changed_scoring, changed_training

logger = logging.getLogger(__name__)


class StudyFolder:
    """``study.yaml`` and ``cells/``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings_file = path / "study.yaml"
        self.cells = path / "cells"

    def cell(self, cell: Cell) -> CellFolder:
        """The folder of a cell."""
        return CellFolder(self.cells / cell.place)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else works in this folder meanwhile; `InputError` if somebody does now."""
        self.cells.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(file_lock(self.cells / "lock"))
            except BlockingIOError:
                raise InputError(
                    f"{self.path}: another `joint-ie study` works in this folder; wait for it, or choose another folder"
                ) from None
            yield

    def changed(self, cell: Cell) -> str | None:
        """In which setting a cell that was run, or begun, differs from what it is now; None if its result would not.

        How an unfinished cell will be scored may change.
        """
        folder = self.cell(cell)
        if cell.predicted_by:  # whoever says so has looked
            return None
        if not folder.planned or not (folder.finished or folder.begun):
            return None
        old = folder.cell
        found = chain(changed_training(old, cell), changed_scoring(old, cell) if folder.finished else ())
        for key, before, now in found:
            return f"was {'run' if folder.finished else 'begun'} with {key} = {before!r}, now it is {now!r}"
        return None

    def prepare(self, plan: Plan, redo: Collection[Cell] = ()) -> None:
        """Write down what is to be run, inside of `alone`. What finished and interrupted cells have already stays.

        Raises `InputError` if settings of such cells have changed, unless they are among those to ``redo``, of which
        everything is deleted. Cells that failed are of no worth with other settings, and begin anew.
        """
        changed = [cell for cell in plan.cells if self.changed(cell)]
        for cell in changed:
            folder = self.cell(cell)
            if cell not in redo and folder.state != "failed":
                what = (
                    "let --redo run it anew, too" if redo else "give --redo, which deletes this cell and runs it anew"
                )
                raise InputError(f"{folder.path}: {self.changed(cell)}; set it back, choose another folder, or {what}")
        for cell in changed:
            logger.info("%s: %s; it begins anew", cell.name, self.changed(cell))
            self.cell(cell).clear()
        for cell in plan.cells:
            folder = self.cell(cell)
            if folder.finished and cell.predicted_by == ".":
                folder.score_anew()
            self._write(cell)
        self._write_settings(plan)

    def _write(self, cell: Cell) -> None:
        folder = self.cell(cell)
        if folder.finished:
            return
        if folder.planned and folder.failure:
            old = folder.cell
            if any(chain(changed_training(old, cell), changed_scoring(old, cell))):
                folder.forget_failure()  # it was another cell's
        if folder.planned and folder.begun:
            # settings without effect, such as threads, stay as they were: the training insists on them
            cell = replace(cell, config=folder.cell.config)
        folder.write(cell)

    def _write_settings(self, plan: Plan) -> None:
        if self.settings_file.exists():
            old, new = (to_mapping(settings) for settings in (read_study(self.settings_file), plan.settings))
            for key, before, after in differences(old, new):
                logger.info("%s: %s was %.200r, now it is %.200r", self.path, key, before, after)
        write_study(plan.settings, self.settings_file)


def settings_that_differ(cells: Sequence[Cell]) -> dict[str, dict[str, object]]:
    """By variant, the training settings that are not the same in all variants; pipelines have none of their own."""
    configs = {cell.variant: cell.config for cell in cells if not cell.pipeline}
    first = next(iter(configs.values()), {})
    keys = dict.fromkeys(key for config in configs.values() for key, _, _ in differences(first, config))
    keys.pop("training.seed", None)
    return {variant: {key: _value(config, key) for key in keys} for variant, config in configs.items()}


def _value(config: object, key: str) -> object:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config
