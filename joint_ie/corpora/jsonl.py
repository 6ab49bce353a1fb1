"""Documents as JSON Lines: what every command writes and reads back (`Document.to_dict`)."""

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from joint_ie.corpora.files import check_text_file, decode, parse_json, writing
from joint_ie.corpora.reader import Reader
from joint_ie.document import Document
from joint_ie.document_json import kind_of
from joint_ie.errors import InputError


@dataclass(frozen=True)
class Line:
    """An object of JSON Lines: its number, counted from 1, and file and number for errors."""

    number: int
    where: str
    value: dict[str, Any]


def read_jsonl(path: Path | str, on_error: Callable[[InputError], None] | None = None) -> Iterator[Document]:
    """The documents of a file, one line at a time; blank lines are skipped.

    A line that is no document raises `InputError` naming file and line, or, with ``on_error``, is handed
    over as that error and reading goes on; a file that does not begin as JSON Lines do always raises it.
    """
    path = Path(path)
    check_text_file(path)  # a file that is not there is an error of the file, not of a line
    with path.open("rb") as file:
        for line in read_objects(file, str(path), on_error):
            try:
                yield Document.from_dict(line.value, line.where)
            except InputError as error:
                if on_error is None:
                    raise
                on_error(error)


def read_objects(
    lines: Iterable[bytes], source: str, on_error: Callable[[InputError], None] | None = None
) -> Iterator[Line]:
    """The objects of ``source``, one a line; blank lines are skipped.

    What is no object raises `InputError`, or goes to ``on_error``. Of a source whose first line does not even begin as
    one, or is printed for people, no other line is looked at: that is an error of the source, and raised.
    """
    first = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{source}: line {number}"
        other_format = first and not _begins_object(line)
        first = False
        try:
            yield Line(number, where, _object(decode(line, where), where))
        except InputError as error:
            if on_error is None or other_format:
                raise
            on_error(error)


def _begins_object(line: bytes) -> bool:
    start = line.removeprefix(BOM_UTF8).strip()
    return start.startswith(b"{") and start != b"{"


def _object(line: str, where: str) -> dict[str, Any]:
    if line.strip() in ("{", "["):  # printed for people
        raise InputError(f'{where}: has "{line.strip()}" alone, not a whole document; write one document a line')
    value = parse_json(line, where)
    if not isinstance(value, dict):
        raise InputError(
            f'{where}: should be an object such as {{"id": ..., "text": ...}}, but is {kind_of(value)}; write one '
            f"document a line"
        )
    return value


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
