"""Facts as names, for scores that ignore what training data already says (Ign F1)."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

from joint_ie.corpora.files import load_json
from joint_ie.document import Document
from joint_ie.errors import InputError

Fact = tuple[str, str, str]


def training_facts(documents: Iterable[Document]) -> frozenset[Fact]:
    """``(head name, tail name, relation id)`` for all combinations of mention names of every labelled fact.

    Names are the corpus's own, which differ from the text here and there (golden README 2.1 and 3).
    """
    return frozenset(
        (head, tail, relation.type)
        for document in documents
        for relation in document.relations or ()
        for head, tail in product(document.entities[relation.head].names, document.entities[relation.tail].names)
    )


def read_facts(path: Path | str) -> frozenset[Fact]:
    """The facts of a DocRED ``.fact`` file, a JSON list of ``[head name, tail name, relation id]``."""
    path = Path(path)
    facts = load_json(path)
    if not isinstance(facts, list):
        raise InputError(f"{path}: should be a list of [head name, tail name, relation id]; check the file")
    for i, fact in enumerate(facts):
        if not isinstance(fact, list) or len(fact) != 3 or not all(isinstance(part, str) for part in fact):
            raise InputError(f"{path}: fact {i + 1} should be [head name, tail name, relation id]; correct it")
    return frozenset((head, tail, relation) for head, tail, relation in facts)
