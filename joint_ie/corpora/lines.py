"""Text files in which every line is a record."""

from collections.abc import Iterator
from pathlib import Path

from joint_ie.corpora.files import decode, read_bytes
from joint_ie.errors import InputError


def numbered_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Every line without its end, after ``file: line 7`` for errors; `InputError` if no line has anything in it.

    Lines end with ``\\n`` or ``\\r\\n`` alone: a text may contain the other characters that `str.splitlines` cuts at.
    """
    read_bytes(path, limit=0)  # says it when there is no such file
    filled = False
    with path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            where = f"{path}: line {number}"
            line = decode(data, where).removesuffix("\n").removesuffix("\r")
            filled = filled or bool(line.strip())
            yield where, line
    if not filled:
        raise InputError(f"{path}: is empty; fetch or write it again")
