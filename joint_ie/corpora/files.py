"""Reading a corpus file, with errors that people can act on."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from joint_ie.document_json import kind_of
from joint_ie.errors import InputError

_HEAD = 4096  # bytes of a file that tell whether it is text
_T = TypeVar("_T")


def read_bytes(path: Path, limit: int = -1) -> bytes:
    """The first ``limit`` bytes of a file (all by default); `InputError` if there is no such file."""
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; name a file in it") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None


def decode(data: bytes, where: str) -> str:
    """UTF-8, with or without a byte order mark; ``where`` names file (and line) in errors."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if _is_binary(data):
            raise InputError(f"{where}: is not a text file; name one that holds text in UTF-8") from None
        raise InputError(
            f"{where}: is not UTF-8 text (byte 0x{data[error.start]:02x} at position {error.start}); "
            f"save it as UTF-8, for instance with iconv"
        ) from None


def check_text_file(path: Path) -> None:
    """Raise `InputError` for what is no file, cannot be read, or is no text (a picture, a database, a PDF)."""
    if path.exists() and not path.is_file() and not path.is_dir():
        if not os.access(path, os.R_OK):
            raise InputError(f"{path}: cannot be read; check its permissions")
        return  # a pipe is opened once: who writes into it sees the first reader leave
    if _is_binary(read_bytes(path, _HEAD)):
        raise InputError(f"{path}: is not a text file; name one that holds text in UTF-8")


def _is_binary(data: bytes) -> bool:
    """Whether there is a zero byte, which UTF-8 text never has; UTF-16 does, and is text."""
    return b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


def parse_json(text: str, where: str) -> Any:
    """The value of a JSON text; ``where`` names file (and line) in errors."""
    if not text.strip():
        raise InputError(f"{where}: is empty, expected JSON; fetch the file again")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # a line of JSON Lines is already named by ``where``
        one_line = "\n" not in text.rstrip()
        place = f"column {error.pos + 1}" if one_line else f"line {error.lineno}, column {error.colno}"
        raise InputError(
            f"{where}: is cut off or not valid JSON ({error.msg}, {place}); correct it or fetch it again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not usable JSON ({error}); correct it or fetch it again") from None


def load_json(path: Path) -> Any:
    """The value of a JSON file in UTF-8."""
    return parse_json(decode(read_bytes(path), str(path)), str(path))


def field(record: Any, key: str, kind: type[_T] | tuple[type[_T], ...], where: str) -> _T:
    """``record[key]``, which must be of this kind."""
    if not isinstance(record, dict):
        raise InputError(f"{where} should be an object, but is {kind_of(record)}; correct it")
    if key not in record:
        raise InputError(f'{where}: field "{key}" is missing; add it, or check the format')
    value = record[key]
    if not isinstance(value, kind):
        raise InputError(f'{where}: field "{key}" should not be {kind_of(value)}; correct it')
    return value


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Makes the folder of a file that is written inside; `InputError` if it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None


def visible_files(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder that match, sorted, without hidden ones (and those in hidden folders)."""
    found = (path for path in folder.glob(pattern) if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))
