"""Documents as JSON Lines: what every command writes and reads back (`Document.to_dict`)."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from joint_ie.corpora.files import decode, parse_json, read_bytes, writing
from joint_ie.corpora.reader import Reader
from joint_ie.document import Document
from joint_ie.errors import InputError


def read_jsonl(path: Path | str, on_error: Callable[[InputError], None] | None = None) -> Iterator[Document]:
    """The documents of a file, one line at a time; blank lines are skipped.

    A line that is no document raises `InputError` naming file and line, or, with ``on_error``, is handed
    over as that error and reading goes on.
    """
    path = Path(path)
    read_bytes(path, limit=0)  # a file that is not there is an error of the file, not of a line
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}: line {number}"
            try:
                yield Document.from_dict(_value(decode(line, where), where), where)
            except InputError as error:
                if on_error is None:
                    raise
                on_error(error)


def _value(line: str, where: str) -> Any:
    if line.strip() in ("{", "["):  # printed for people
        raise InputError(f'{where}: has "{line.strip()}" alone, not a whole document; write one document a line')
    return parse_json(line, where)


def write_jsonl(documents: Iterable[Document], target: Path | str | TextIO) -> int:
    """Write every document as soon as it comes, to a path or an open text file; returns how many."""
    if isinstance(target, Path | str):
        with writing(Path(target)):
            # A lone surrogate, which UTF-8 cannot hold, becomes its JSON escape.
            file = open(target, "w", encoding="utf-8", errors="backslashreplace", newline="\n")  # noqa: SIM115
        with file:
            return write_jsonl(documents, file)
    count = 0
    for document in documents:
        target.write(json.dumps(document.to_dict(), ensure_ascii=False) + "\n")
        target.flush()
        count += 1
    return count


JSONL = Reader(
    name="jsonl",
    description="Documents, one JSON object a line (what joint-ie writes)",
    read=lambda path, _: read_jsonl(path),
    write=write_jsonl,
    recognises=lambda head: head.lstrip().startswith("{") and '"tokens"' in head and '"text"' in head,
    extensions=(".jsonl", ".ndjson"),
)
