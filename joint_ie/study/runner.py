"""Runs the cells of a study, several at a time, each in a process of its own (`joint_ie.study.cell` says why)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from joint_ie.study.cells import BUSY, Cell, CellFolder, State
from joint_ie.study.progress import Running, Snapshot, finished_seconds, seconds_left, training_progress

POLL_SECONDS, WATCH_SECONDS, GRACE_SECONDS = 0.1, 1.0, 10.0
"""Between looks at the processes, between snapshots, and from asking a process to end to forcing it."""


@dataclass(frozen=True)
class Outcome:
    """Why cells failed, by their names, and which parts of the others that were not run failed."""

    failures: Mapping[str, str]
    blocked: Mapping[str, str]


@dataclass(frozen=True)
class _Job:
    cell: Cell
    process: subprocess.Popen[bytes]
    slot: int
    started: float
    again: bool
    """Whether the cell had its record before, and is trained again for its checkpoint."""


class Runner:
    """Runs cells until all are done or have failed, inside of `StudyFolder.alone`.

    Args:
        root: the folder ``cells`` of the study.
        cells: all cells of the study, with their ``cell.json`` written.
        chosen: those of them that shall be run, with what their pipelines need (`plan.with_parts`).
        workers: how many processes at a time.
        devices: GPUs as ``CUDA_VISIBLE_DEVICES`` names them, dealt out to the workers; none on a CPU.
        watch: called about every second, and with the last state.
    """

    def __init__(
        self,
        root: Path,
        cells: Sequence[Cell],
        chosen: Sequence[Cell],
        workers: int,
        devices: Sequence[str],
        watch: Callable[[Snapshot], None],
    ) -> None:
        self.root, self.cells, self.chosen = root, cells, chosen
        self.workers, self.devices, self.watch = workers, devices, watch
        self.jobs: list[_Job] = []
        self.failures: dict[str, str] = {}
        self.blocked: dict[str, str] = {}
        self.waiting = [cell for cell in chosen if not self._folder(cell).finished]
        self.waiting += [cell for cell in chosen if cell not in self.waiting and self._lacks_checkpoint(cell)]
        self.taken = [(cell, seconds) for cell in chosen if (seconds := finished_seconds(cell, root)) is not None]

    def run(self) -> Outcome:
        """`KeyboardInterrupt` on SIGINT and SIGTERM, after all processes have ended; they go on when started again."""
        with _interruptions() as interruptions:
            try:
                self._tidy()
                self.watch(self.snapshot())
                watched = time.monotonic()
                changed = True
                while self.waiting or self.jobs:
                    if interruptions:
                        raise KeyboardInterrupt
                    if changed:  # looking through all cells ten times a second would take a tenth of two cores
                        changed = self._start_what_can_be()
                    ended = self._collect()
                    changed = changed or ended
                    if ended or time.monotonic() - watched > WATCH_SECONDS:
                        watched = time.monotonic()
                        self.watch(self.snapshot())
                    if self.jobs:
                        time.sleep(POLL_SECONDS)
            finally:
                self._end_all()
        self.watch(self.snapshot())
        return Outcome(self.failures, self.blocked)

    def snapshot(self) -> Snapshot:
        """Where the study stands."""
        running = tuple(
            Running(
                job.cell,
                time.monotonic() - job.started,
                training_progress(self._folder(job.cell).run, job.cell.config) if job.cell.trains else None,
            )
            for job in self.jobs
        )
        states: dict[str, State] = {}
        for cell in self.chosen:
            if any(job.cell is cell for job in self.jobs):
                states[cell.name] = "running"
            elif cell.name in self.failures:
                states[cell.name] = "failed"
            else:
                states[cell.name] = "waiting" if cell in self.waiting or cell.name in self.blocked else "done"
        left = seconds_left(self.taken, running, self.waiting, self.workers)
        return Snapshot(states, running, dict(self.failures), left)

    def _folder(self, cell: Cell) -> CellFolder:
        return CellFolder(self.root / cell.place)

    def _needed(self, cell: Cell) -> bool:
        """Whether a pipeline that is not finished needs the checkpoint of a cell."""
        return any(cell.place in other.parts and not self._folder(other).finished for other in self.cells)

    def _lacks_checkpoint(self, cell: Cell) -> bool:
        """Whether a finished cell must be trained again for a pipeline, because its checkpoint was not kept."""
        wanted = any(cell.place in other.parts for other in self.waiting)
        return wanted and not self._folder(cell).best.is_dir()

    def _start_what_can_be(self) -> bool:
        """Whether a cell was given up, for which others may have to be."""
        given_up = False
        for cell in list(self.waiting):
            failed = [other.name for other in self.chosen if other.place in cell.parts and self._is_lost(other)]
            if failed:
                self.waiting.remove(cell)
                self.blocked[cell.name] = " and ".join(failed)
                given_up = True
            elif len(self.jobs) < self.workers and self._has_parts(cell):
                self.waiting.remove(cell)
                self._start(cell)
        return given_up

    def _is_lost(self, cell: Cell) -> bool:
        return cell.name in self.failures or cell.name in self.blocked

    def _has_parts(self, cell: Cell) -> bool:
        at_work = {other.place for other in [*self.waiting, *(job.cell for job in self.jobs)]}
        return not at_work.intersection(cell.parts)

    def _start(self, cell: Cell) -> None:
        slot = min(set(range(self.workers)) - {job.slot for job in self.jobs})
        folder = self._folder(cell)
        environment = dict(os.environ)
        if self.devices:
            environment["CUDA_VISIBLE_DEVICES"] = self.devices[slot % len(self.devices)]
        with folder.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "joint_ie.study.cell", str(folder.path), "--end-with-stdin"],
                stdin=subprocess.PIPE,  # never written to: its end tells the process that this one is gone
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl+C is for this process, which then ends the others
            )
        self.jobs.append(_Job(cell, process, slot, time.monotonic(), folder.finished))

    def _collect(self) -> bool:
        """Take note of processes that have ended; whether there were any."""
        ended = [job for job in self.jobs if job.process.poll() is not None]
        for job in ended:
            self.jobs.remove(job)
            assert job.process.stdin is not None
            job.process.stdin.close()
            folder, status = self._folder(job.cell), job.process.returncode
            if folder.finished and not (job.again and status):
                if not job.cell.predicted_by:
                    self.taken.append((job.cell, time.monotonic() - job.started))
                self._tidy()
                continue
            if status == BUSY:
                self.failures[job.cell.name] = (
                    "another process works at this cell; start the study again when it is done"
                )
                continue
            if folder.failure is None:
                how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
                folder.fail(f"its process {how}; see {folder.log}")
            failure = folder.failure
            assert failure is not None
            self.failures[job.cell.name] = failure.message
        return bool(ended)

    def _tidy(self) -> None:
        """Remove what finished cells leave and nobody needs."""
        at_work = {cell.place for cell in [*self.waiting, *(job.cell for job in self.jobs)]}
        for cell in self.chosen:
            folder = self._folder(cell)
            if folder.finished and cell.place not in at_work:
                folder.tidy("checkpoints" in cell.keep or self._needed(cell))

    def _end_all(self) -> None:
        for job in self.jobs:
            _signal_group(job.process, signal.SIGTERM)
        for job in self.jobs:
            try:
                job.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                _signal_group(job.process, signal.SIGKILL)
                job.process.wait()
        self.jobs.clear()


def default_workers(cells: Sequence[Cell], devices: Sequence[str]) -> int:
    """One for each GPU; without any, as many as there are cores for, given the threads of the cells."""
    if devices:
        return len(devices)
    configs = [config for cell in cells for config in (cell.config.values() if cell.pipeline else (cell.config,))]
    threads = max((config["training"]["threads"] for config in configs), default=1)
    return max(1, _cores() // threads)


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """A list that SIGINT and SIGTERM are added to, for they raise nothing inside.

    An exception out of a signal handler may appear anywhere, even where Python ignores it.
    """
    caught: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
