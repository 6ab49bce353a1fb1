"""What `joint-ie study` shows: the plan, the running study, and how it ended."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from joint_ie.cli.tables import wide_console
from joint_ie.study.cells import Cell, State
from joint_ie.study.folder import StudyFolder, settings_that_differ
from joint_ie.study.progress import Running, Snapshot

if TYPE_CHECKING:
    from joint_ie.study.plan import Plan
    from joint_ie.study.runner import Outcome

logger = logging.getLogger(__name__)

QUIET_SECONDS = 600.0
"""Between lines that say how far the cells are, where there is no terminal."""


@contextmanager
def study_view(question: str) -> Iterator[Callable[[Snapshot], None]]:
    """What a runner shows itself with: a live table on a terminal, else lines in the log, now and then."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines()
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda snapshot: live.update(_table(question, snapshot), refresh=True)


class _Lines:
    """Says what has changed, and every ten minutes how far the running cells are."""

    def __init__(self) -> None:
        self.states: dict[str, State] | None = None
        self.said = time.monotonic()

    def __call__(self, snapshot: Snapshot) -> None:
        if self.states is None:
            logger.info("%s", _counts(snapshot))
            self.states = dict(snapshot.states)
        for name, state in snapshot.states.items():
            if state != self.states[name]:
                reason = f": {snapshot.failures[name]}" if state == "failed" else ""
                logger.info("%s: %s%s (%s)", name, state, reason, _counts(snapshot))
        self.states = dict(snapshot.states)
        if time.monotonic() - self.said > QUIET_SECONDS:
            self.said = time.monotonic()
            for now in snapshot.running:
                logger.info("%s: %s", now.cell.name, ", ".join(filter(None, _progress(now))))
            logger.info("%s", _counts(snapshot))


def print_plan(folder: StudyFolder, plan: "Plan", chosen: Sequence[Cell]) -> None:
    """Every variant with the states of its seeds and the settings that the variants do not have in common."""
    differing = settings_that_differ(plan.cells)
    table = Table("variant", "seeds", "modes", "settings", title=Text(plan.settings.question), title_justify="left")
    for variant in dict.fromkeys(cell.variant for cell in chosen):
        cells = [cell for cell in chosen if cell.variant == variant]
        states = [f"{cell.seed} {_state(folder, cell)}" for cell in cells]
        parts = cells[0].pipeline
        if parts:
            settings = [f"entities of {parts.entities}", f"relations of {parts.relations}"]
        else:
            settings = [f"{key} = {value}" for key, value in differing[variant].items()]
        if cells[0].trained_by:
            settings.append(f"(trained as {cells[0].trained_by})")
        modes = "\n".join(f"{mode}: {', '.join(names)}" for mode, names in cells[0].scoring.protocols.items())
        table.add_row(Text(variant), Text("\n".join(states)), Text(modes), Text("\n".join(settings)))
        table.add_section()
    table.caption = Text(f"{len(chosen)} cells in {folder.path}")
    table.caption_justify = "left"
    wide_console(sys.stdout).print(table)


def print_summary(folder: StudyFolder, chosen: Sequence[Cell], outcome: "Outcome") -> None:
    """How many cells are done, and why the others are not."""
    console = wide_console(sys.stdout)
    done = [cell for cell in chosen if folder.cell(cell).finished]
    print(f"{len(done)} of {len(chosen)} cells are done: {folder.path}")
    if not outcome.failures and not outcome.blocked:
        return
    table = Table("not done", "why", title_justify="left")
    for name, message in outcome.failures.items():
        table.add_row(Text(name), Text(message))
    for name, parts in outcome.blocked.items():
        table.add_row(Text(name), Text(f"needs {parts}, which failed"))
    console.print(table)
    print("Started again, the study tries these again; failure.json and output.log in their folders tell more.")


def _state(folder: StudyFolder, cell: Cell) -> str:
    if cell.predicted_by:
        return "from predictions"
    changed = folder.changed(cell)
    return f"{folder.cell(cell).state}{f', but {changed}' if changed else ''}"


def _table(question: str, snapshot: Snapshot) -> Group:
    table = Table("running", "time", "epoch", "best so far", "left", box=None, pad_edge=False)
    for now in snapshot.running:
        table.add_row(Text(now.cell.name), *map(Text, _progress(now)))
    failed = [Text(f"failed: {name}: {reason}", overflow="ellipsis") for name, reason in snapshot.failures.items()]
    return Group(Text(question, style="bold"), table, *failed, Text(_counts(snapshot)))


def _progress(now: Running) -> tuple[str, str, str, str]:
    """Time, epoch, best score and time left of a running cell; empty where nothing is known."""
    training = now.training
    if training is None:
        return duration(now.seconds), "", "", ""
    best = "" if training.best is None else f"{100 * training.best:.2f}"
    left = "" if training.left is None else f"about {duration(training.left)}"
    return duration(now.seconds), f"{training.epoch} of {training.epochs}", best, left


def _counts(snapshot: Snapshot) -> str:
    counts = Counter(snapshot.states.values())
    said = [f"{counts[state]} {state}" for state in ("done", "running", "failed", "waiting") if counts[state]]
    if snapshot.seconds_left is not None and counts["done"] < len(snapshot.states):
        said.append(f"about {duration(snapshot.seconds_left)} left")
    return ", ".join(said)


def duration(seconds: float) -> str:
    """Such as ``2 h 05 min``, ``12 min`` or ``40 s``."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
