"""What `joint-ie extract` is given: files, folders, standard input, or texts."""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from joint_ie.cli.arguments import exists, same_file
from joint_ie.corpora.files import check_text_file, decode, field, read_bytes, visible_files
from joint_ie.corpora.jsonl import JSONL, Line, read_objects
from joint_ie.document import Document, text_id
from joint_ie.document_json import text_or_number
from joint_ie.errors import InputError
from joint_ie.text import check_text

logger = logging.getLogger(__name__)

Item = tuple[str, str] | Document
OnError = Callable[[InputError], None]

_LINES = JSONL.extensions
_LIKE_A_PATH = re.compile(r".*(\.[A-Za-z]\w{0,9}|[/\\].*)")  # one word with an extension, or with a folder
_LIKE_A_FILE = re.compile(  # whatever stands before it, in one line
    r".{1,250}\.(txt|text|md|rst|jsonl|ndjson|json|html?|xml|csv|tsv|pdf|docx?|odt|rtf)", re.IGNORECASE
)


def read_inputs(
    inputs: Sequence[str], on_error: OnError, without: Path | None = None, texts: Iterable[str] = ()
) -> Iterator[Item]:
    """Every text with its id, in order; what cannot be read goes to ``on_error``, and the rest follows.

    ``-`` is standard input (JSON Lines, if it begins with an object, else one text), a folder all files in it that end
    in ``.txt``, ``.jsonl`` or ``.ndjson`` and are not hidden, ``without`` a file to pass over there (the output). What
    is neither a file nor looks like one is a text itself; ``texts``, which come last, are never taken for files.

    Ids: those of JSON Lines; of files their paths, and of lines without an id the path and number of the line; of texts
    and standard input the `text_id`.
    """
    for given in inputs:
        try:
            yield from _read(given, on_error, without)
        except InputError as error:
            on_error(error)
    for text in texts:
        yield text_id(text), text


def _read(given: str, on_error: OnError, without: Path | None) -> Iterator[Item]:
    if given == "-":
        yield from _read_stream(sys.stdin.buffer, "standard input", on_error)
        return
    path = Path(given)
    if not given.strip() or not exists(path):
        if (given.split() == [given] and _LIKE_A_PATH.fullmatch(given)) or _LIKE_A_FILE.fullmatch(given):
            raise InputError(f"{given}: no such file; check the path, or give a text that looks like one with --text")
        yield text_id(given), given
        return
    if not path.is_dir():
        yield from _read_file(path, on_error)
        return
    files = visible_files(path, "**/*")
    found = [file for file in files if file.suffix.lower() in (".txt", *_LINES)]
    if not found:
        raise InputError(f"{given}: holds no .txt or .jsonl file; name another folder or the files themselves")
    if len(found) < len(files):
        others = len(files) - len(found)
        logger.info("%s: %d files with other endings than .txt and .jsonl are passed over", given, others)
    for file in found:
        if without is not None and same_file(without, file):
            continue
        try:
            yield from _read_file(file, on_error)
        except InputError as error:
            on_error(error)


def _read_stream(lines: Iterator[bytes], where: str, on_error: OnError) -> Iterator[Item]:
    """JSON Lines, if the first line is an object, else one text."""
    head: list[bytes] = []
    for line in lines:
        head.append(line)
        if line.strip():
            break
    if head and _is_object(head[-1]):
        yield from _read_lines(chain(head, lines), where, None, on_error)
        return
    text = decode(b"".join([*head, *lines]), where)
    yield text_id(text), text


def _is_object(line: bytes) -> bool:
    try:
        return any(read_objects([line], ""))
    except InputError:
        return False


def _read_file(path: Path, on_error: OnError) -> Iterator[Item]:
    if path.suffix.lower() == ".json":
        raise InputError(
            f'{path}: is JSON; give JSON Lines, one {{"id": ..., "text": ...}} a line in a .jsonl file, which '
            f"joint-ie data convert {path} OUT.jsonl makes of a corpus"
        )
    check_text_file(path)
    if not path.is_file():  # a pipe, whose name says nothing
        with path.open("rb") as file:
            yield from _read_stream(file, str(path), on_error)
        return
    id = _file_id(path)
    if path.suffix.lower() not in _LINES:
        yield id, decode(read_bytes(path), str(path))
        return
    with path.open("rb") as file:
        yield from _read_lines(file, str(path), id, on_error)


def _file_id(path: Path) -> str:
    """The path as it was given, with forward slashes; what lies in the current folder has the same id however named."""
    if path.is_absolute():
        with suppress(ValueError):
            path = path.relative_to(Path.cwd())
    return path.as_posix().encode("utf-8", "backslashreplace").decode()  # names may hold bytes that are no text


def _read_lines(lines: Iterable[bytes], source: str, id: str | None, on_error: OnError) -> Iterator[Item]:
    for line in read_objects(lines, source, on_error):
        try:
            yield _item(line, id)
        except InputError as error:
            on_error(error)


def _item(line: Line, source_id: str | None) -> Item:
    """A Document, whose annotations do not matter, or ``{"text": ..., "id": ...}``."""
    data, where = line.value, line.where
    text = field(data, "text", str, where)
    if data.get("id") is not None:
        id = text_or_number(data["id"], f"{where}: id")
    else:
        id = text_id(text) if source_id is None else f"{source_id}:{line.number}"
    try:
        check_text(text, id)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if not data.get("tokens") and not data.get("sentences"):
        return id, text
    return Document.from_dict({**data, "id": id, "entities": (), "relations": None, "candidates": None}, where)
