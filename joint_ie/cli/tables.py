"""Scores for people (a table) and for programs (JSON)."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from joint_ie.errors import InputError

WIDTH = 160  # of a table that does not go to a terminal

_ROWS = {
    "mentions": "mentions",
    "clusters": "clusters",
    "entities": "entities",
    "relations": "relations",
    "relations_strict": "relations (strict)",
    "relations_ign": "relations (Ign)",
}
_NOTES = {
    "missing": "without a prediction",
    "without_relations": "without relation annotation",
    "known": "right facts known from training",
}


def print_scores(scores: Mapping[str, Any], title: str, file: TextIO | None = None) -> None:
    """A table of the ``to_dict()`` of any protocol, in percent with two decimals.

    ``file`` is standard output unless given; pass standard error when the JSON goes to standard output.
    """
    notes = [f"documents: {scores['documents']}"]
    notes += [f"{text}: {scores[key]}" for key, text in _NOTES.items() if scores.get(key)]
    table = Table(title=Text(title), caption=Text(", ".join(notes)), title_justify="left", caption_justify="left")
    table.add_column(scores["protocol"])
    for column in ("P", "R", "F1", "right", "predicted", "gold"):
        table.add_column(column, justify="right")
    for key, label in _ROWS.items():
        if key in scores:
            row = scores[key]
            percent = [f"{100 * row[part]:.2f}" for part in ("precision", "recall", "f1")]
            counts = [str(row[part]) for part in ("true_positives", "predicted", "gold")]
            table.add_row(label, *percent, *counts)
    wide_console(file).print(table)


def write_json(data: Mapping[str, Any], target: str) -> None:
    """Write ``data`` in full precision to the file ``target``, or to standard output if that is ``-``."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
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
