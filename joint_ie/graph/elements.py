"""What a graph is made of. Every element keeps where it comes from."""

from dataclasses import dataclass

CharSpan = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """Entities of all documents that the merge rule takes for one thing.

    ``name`` is the most frequent of ``names``, which are all names of the members, most frequent first (ties: longest,
    then alphabetical). ``members`` and ``documents`` are counts, ``score`` is the best of the members', None where
    no member has one, and ``concept`` is the concept (`Entity.id`) that the members were linked to.
    """

    id: str
    type: str
    name: str
    names: tuple[str, ...]
    members: int
    documents: int
    score: float | None = None
    concept: str | None = None


@dataclass(frozen=True)
class Member:
    """Entity number ``entity`` of ``document``, with the character offsets of its ``mentions``."""

    node: str
    document: str
    entity: int
    name: str
    mentions: tuple[CharSpan, ...]
    score: float | None = None


@dataclass(frozen=True)
class Provenance:
    """One relation of one document: entities ``head`` and ``tail`` of it, and its evidence.

    ``sentences`` are ``(number, first character, end character)``, and ``texts`` what stands there.
    """

    document: str
    head: int
    tail: int
    sentences: tuple[tuple[int, int, int], ...]
    texts: tuple[str, ...]
    score: float | None = None
    evidence_kind: str | None = None


@dataclass(frozen=True)
class Edge:
    """All relations of one type from the members of node ``head`` to those of node ``tail``.

    ``support`` is in how many documents they stand, ``provenance`` all of them, ordered by document.
    ``confidence`` is 1 - prod(1 - s) over the best score s of each document that has one, None where no document has:
    the chance that not all of them are wrong, if documents were independent and scores were calibrated. They are not,
    so it orders edges and is no probability.
    """

    head: str
    type: str
    tail: str
    label: str
    confidence: float | None
    support: int
    provenance: tuple[Provenance, ...]


@dataclass(frozen=True)
class GraphCounts:
    """How much a graph holds; ``statements`` are the relations of single documents that make up the edges."""

    documents: int
    nodes: int
    edges: int
    members: int
    statements: int


@dataclass(frozen=True)
class Added:
    """What became of documents: ``new``, the ``same`` as already there, or ``replaced`` by one of the same id.

    ``repeated`` of the replaced ones had come a moment before: two documents that were added together have one id.
    """

    new: int = 0
    same: int = 0
    replaced: int = 0
    repeated: int = 0
