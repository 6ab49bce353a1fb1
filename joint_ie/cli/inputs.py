"""What `joint-ie extract` is given: files, folders, standard input, or texts."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from joint_ie.corpora.files import decode, parse_json, read_bytes
from joint_ie.document import Document
from joint_ie.errors import InputError

Item = tuple[str, str] | Document

_LINES = (".jsonl", ".ndjson")
_LIKE_A_PATH = re.compile(r".*(\.[A-Za-z]\w{0,9}|[/\\].*)")  # one word with an extension, or with a folder


def read_inputs(
    inputs: Sequence[str], on_error: Callable[[InputError], None], without: Path | None = None
) -> Iterator[Item]:
    """Every text with its id, in order; what cannot be read goes to ``on_error``, and the rest follows.

    ``-`` is standard input, a folder all files in it that end in ``.txt``, ``.jsonl`` or ``.ndjson``, ``without`` a
    file to pass over there (the output). What is neither a file nor looks like one is a text itself.
    """
    for number, given in enumerate(inputs, start=1):
        try:
            yield from _read(given, number, on_error, without)
        except InputError as error:
            on_error(error)


def _read(given: str, number: int, on_error: Callable[[InputError], None], without: Path | None) -> Iterator[Item]:
    if given == "-":
        yield "stdin", decode(sys.stdin.buffer.read(), "standard input")
        return
    path = Path(given)
    if not given.strip() or not exists(path):
        if given.split() == [given] and _LIKE_A_PATH.fullmatch(given):
            raise InputError(f"{given}: no such file; check the path")
        yield f"text-{number}", given
        return
    if not path.is_dir():
        yield from _read_file(path, path.name, on_error)
        return
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".txt", *_LINES) and p.is_file())
    if not found:
        raise InputError(f"{given}: holds no .txt or .jsonl file; name another folder or the files themselves")
    for file in found:
        if without is not None and without.exists() and file.samefile(without):
            continue
        try:
            yield from _read_file(file, file.relative_to(path).as_posix(), on_error)
        except InputError as error:
            on_error(error)


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; any text may be asked for."""
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, or with a null character: a text
        return False


def _read_file(path: Path, id: str, on_error: Callable[[InputError], None]) -> Iterator[Item]:
    # names of files may hold bytes that are no text
    id = id.encode("utf-8", "backslashreplace").decode()
    if path.suffix.lower() == ".json":
        raise InputError(f"{path}: is JSON, not text; write it as JSON Lines, for a corpus with joint-ie data convert")
    if path.suffix.lower() not in _LINES:
        yield id, decode(read_bytes(path), str(path))
        return
    read_bytes(path, limit=0)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield _read_line(line, f"{path}: line {number}", f"{id}:{number}")
            except InputError as error:
                on_error(error)


def _read_line(line: bytes, where: str, id: str) -> Item:
    """A Document, whose annotations do not matter, or ``{"text": ..., "id": ...}``."""
    data = parse_json(decode(line, where), where)
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        raise InputError(f'{where}: should be an object such as {{"id": ..., "text": ...}}')
    if data.get("id") is not None:
        id = str(data["id"])
    if "tokens" not in data and "sentences" not in data:
        return id, data["text"]
    return Document.from_dict({**data, "id": id, "entities": (), "relations": None}, where)
