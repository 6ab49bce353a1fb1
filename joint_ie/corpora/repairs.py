"""What a reader had to change or leave out: every one is kept, and told at the end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count


@dataclass(frozen=True)
class Finding:
    """Something odd about a document: its id, the kind (the same words for all of a kind), and what exactly."""

    document: str
    kind: str
    message: str


class Repairs:
    """Collects what a reader repaired or left out, in the order of reading."""

    def __init__(self) -> None:
        self._found: list[Finding] = []

    @property
    def found(self) -> Sequence[Finding]:
        """All repairs so far."""
        return tuple(self._found)

    def note(self, document: str, kind: str, message: str) -> None:
        """Add one; ``kind`` in the plural, for the summary: ``mentions outside the text left out``."""
        self._found.append(Finding(document, kind, message))

    def summary(self) -> str:
        """One line with the number of each kind, most frequent first; empty if there is nothing to tell."""
        kinds = Counter(repair.kind for repair in self._found)
        return ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())


def unique_id(id: str, used: set[str], where: str, repairs: Repairs) -> str:
    """The id, or, where it is one of the ``used``, the id with ``#2`` and so on; it joins the used ones."""
    numbered = (f"{id}#{i}" for i in count(2))
    new = next(name for name in chain([id], numbered) if name not in used)
    used.add(new)
    if new != id:
        repairs.note(new, "ids of an earlier document numbered", f"{where} has the id {id!r} again")
    return new
