"""What the registry knows about a format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from joint_ie.document import Document


@dataclass(frozen=True)
class Reader:
    """One published format: how it is called, recognised and read.

    ``recognises`` judges the first characters of a file; ``extensions`` decide where no reader's
    ``recognises`` did, so they are given only for endings that no other format uses.
    """

    name: str
    description: str
    read: Callable[[Path], Iterator[Document]]
    recognises: Callable[[str], bool]
    extensions: tuple[str, ...] = ()
