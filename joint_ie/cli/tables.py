"""Scores for people (a table) and for programs (JSON)."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.evaluation.error_tables import Table as ErrorTable

WIDTH = 160  # of a table that does not go to a terminal

_NOTES = {
    "missing": "without a prediction",
    "without_relations": "without relation annotation",
    "strays": "predicted facts about nothing in gold",
    "without_evidence": "without evidence labels (left out of evidence)",
    "known": "right facts known from training",
    "untagged_gold": "gold mentions that tags cannot hold",
    "untagged_predicted": "predicted mentions that tags cannot hold",
}


def print_scores(scores: Mapping[str, Any], title: str, file: TextIO | None = None, per_type: bool = False) -> None:
    """A table of the ``to_dict()`` of any protocol, in percent with two decimals.

    ``file`` is standard output unless given; pass standard error when the JSON goes to standard output. Intervals are
    shown where ``scores`` has them, every label with ``per_type``. A row says how many items precision counts as right;
    where recall counts others (those of Ign F1 that training knew), a note below says how many.
    """
    from joint_ie.evaluation.protocol import measure_name  # imported here so that other tables are quickly there

    notes = [f"documents: {scores['documents']}"]
    notes += [f"{text}: {scores[key]}" for key, text in _NOTES.items() if scores.get(key)]
    measured = {key: row for key, row in scores.items() if isinstance(row, dict) and "true_positives" in row}
    recalled = {key: round(row["recall"] * row["gold"], 6) for key, row in measured.items()}
    apart = [
        f"{_number(recalled[key])} ({measure_name(key)})"
        for key, row in measured.items()
        if abs(recalled[key] - row["true_positives"]) > 0.05
    ]
    caption = ", ".join(notes) + (f"\nright is what P counts; R counts {', '.join(apart)}" if apart else "")
    table = Table(title=Text(title), caption=Text(caption), title_justify="left", caption_justify="left")
    table.add_column(scores["protocol"])
    intervals = scores.get("intervals")
    for column in ("P", "R", "F1", *(("95 %",) if intervals else ()), "right", "predicted", "gold"):
        table.add_column(column, justify="right")

    def add(label: str, row: Mapping[str, float], measure: str) -> None:
        percent = [f"{100 * row[part]:.2f}" for part in ("precision", "recall", "f1")]
        counts = [_number(row[part]) if part in row else "" for part in ("true_positives", "predicted", "gold")]
        table.add_row(Text(label), *percent, *_between(intervals, measure), *counts)

    for key, row in measured.items():
        add(measure_name(key), row, f"{key}.f1")
        if key in scores["macro"]:
            average = scores["macro"][key]
            add(f"  macro over {average['labels']} types", average, f"macro.{key}.f1")
        for label, part in scores["per_label"].get(key, {}).items() if per_type else ():
            add(f"  {label}", part, "")
    for key, value in scores.items():
        if isinstance(value, float):
            cells = ("", "", f"{100 * value:.2f}", *_between(intervals, key), "", "", "")
            table.add_row(f"{measure_name(key)} (mean)", *cells)
    wide_console(file).print(table)


def print_comparison(compared: Sequence[Mapping[str, Any]], file: TextIO | None = None) -> None:
    """Differences to other systems, in points of percent, with the p of each; adjusted for the number of systems."""
    table = Table(title="Difference to the other systems", title_justify="left")
    for column in ("measure", "system", "difference", "95 %", "p", "p (Holm)"):
        table.add_column(column, justify="left" if column in ("measure", "system") else "right")
    for row in compared:
        table.add_row(
            row["measure"],
            Text(row["system"]),
            f"{100 * row['difference']:+.2f}",
            f"{100 * row['low']:+.2f} to {100 * row['high']:+.2f}",
            f"{row['p']:.4f}",
            f"{row['p_holm']:.4f}",
        )
    wide_console(file).print(table)


def print_tables(tables: Iterable["ErrorTable"], file: TextIO | None = None) -> None:
    """The tables of an error analysis."""
    for made in tables:
        table = Table(title=Text(made.title), caption=Text(made.note), title_justify="left", caption_justify="left")
        for i, column in enumerate(made.columns):
            table.add_column(column, justify="right" if i else "left")
        for row in made.rows:
            table.add_row(*map(Text, row))
        wide_console(file).print(table)


def _number(value: float) -> str:
    """A count; partly right items make fractions."""
    return f"{value:.1f}" if value % 1 else f"{value:.0f}"


def _between(intervals: Mapping[str, Any] | None, measure: str) -> tuple[str, ...]:
    if not intervals:
        return ()
    found = intervals.get(measure)
    return (f"{100 * found['low']:.2f} to {100 * found['high']:.2f}",) if found else ("",)


def write_json(data: Mapping[str, Any], target: str) -> None:
    """Write ``data`` in full precision to the file ``target``, or to standard output if that is ``-``."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    write_text(text, target)


def write_text(text: str, target: str | Path) -> None:
    """Write a file in a folder that exists."""
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); name a file in a folder that exists"
        ) from None


def wide_console(file: TextIO | None = None) -> Console:
    """A console that does not break lines early where nobody looks at a terminal."""
    console = Console(file=file, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    return console
