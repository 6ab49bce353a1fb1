"""Relations between given entities as facts: what all gold-entities protocols compare."""

from collections.abc import Mapping, Set
from itertools import permutations, product

from joint_ie.document import Document, Entity

Pair = tuple[int, int]
"""Positions of head and tail in `Document.entities`."""

Fact = tuple[int, int, str]
"""Position of the head entity, position of the tail entity, relation id."""

NamedFact = tuple[str, str, str]
"""Name of a head mention, name of a tail mention, relation id."""


def facts(document: Document, reference: Document | None = None) -> Mapping[Fact, frozenset[int]]:
    """The facts of a document with their evidence sentences; of a repeated fact, the first is kept with its evidence.

    A corpus that names its candidate pairs scores no others: those of the gold ``reference`` hold for its predictions.
    """
    asked = (reference or document).candidates
    candidates = None if asked is None else set(asked)
    found: dict[Fact, frozenset[int]] = {}
    for relation in document.relations or ():
        if candidates is None or (relation.head, relation.tail) in candidates:
            found.setdefault((relation.head, relation.tail, relation.type), frozenset(relation.evidence))
    return found


def pairs_asked(reference: Document) -> frozenset[Pair]:
    """The pairs that a corpus asks about: its candidates, else all ordered pairs of different entities."""
    if reference.candidates is not None:
        return frozenset(reference.candidates)
    return frozenset(permutations(range(len(reference.entities)), 2))


def is_known(head: Entity, tail: Entity, relation: str, training_facts: Set[NamedFact]) -> bool:
    """Whether any name of the head, any name of the tail and the relation are a fact of the training data.

    See `joint_ie.corpora.training_facts`; golden joint_and_scoring README 2.1.
    """
    return any((one, other, relation) in training_facts for one, other in product(head.names, tail.names))
