"""What the registry knows about a format."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document


@dataclass(frozen=True)
class Reader:
    """One published format: how it is called, recognised, read and, where it makes sense, written.

    ``read`` says in the `Repairs` what it changed or left out, and otherwise gives what the file says.
    ``recognises`` judges the first characters of a file; ``extensions`` decide where no reader's
    ``recognises`` did, so they are given only for endings that no other format uses.
    ``binary`` files are recognised by their extension alone. ``folder``: a corpus may be a folder of files.
    """

    name: str
    description: str
    read: Callable[[Path, Repairs], Iterator[Document]]
    recognises: Callable[[str], bool]
    extensions: tuple[str, ...] = ()
    write: Callable[[Iterable[Document], Path], int] | None = None
    binary: bool = False
    folder: bool = False
