"""Documents with fewer relation labels than they came with, to measure what missing labels cost.

Guo, Kok and Bing 2023 (PEMSCL), section 4.2, train on DocRED's original labels, of which more than half are missing,
and evaluate on those of Re-DocRED.
"""

import json
from collections.abc import Set
from dataclasses import replace
from hashlib import blake2b

from joint_ie.corpora.facts import Fact, training_facts
from joint_ie.document import Document, Relation


def hide_relations(document: Document, share: float, seed: int) -> Document:
    """The document without a random ``share`` of its relations; pairs that lose all are then without relations.

    Whether a relation is hidden depends on the seed, the document's id and the relation alone: neither on the other
    documents nor on their order. What is hidden at one share is hidden at every larger share, too.
    """
    if document.relations is None or not share:
        return document
    kept = tuple(relation for relation in document.relations if _draw(document.id, relation, seed) >= share)
    return replace(document, relations=kept)


def keep_known(document: Document, facts: Set[Fact]) -> Document:
    """The document with those relations alone that ``facts`` names (see `joint_ie.corpora.read_facts`).

    With the facts of DocRED's original training labels, documents of Re-DocRED get these labels back: on the 74
    documents whose labels are at hand from both sources, all of the original ones that Re-DocRED has kept, and 8 %
    more, which other documents state.
    """
    if document.relations is None:
        return document
    kept = tuple(
        relation
        for relation in document.relations
        if not training_facts([replace(document, relations=(relation,))]).isdisjoint(facts)
    )
    return replace(document, relations=kept)


def _draw(document: str, relation: Relation, seed: int) -> float:
    """A number in [0, 1), even over everything that tells two relations apart."""
    key = json.dumps([seed, document, relation.head, relation.tail, relation.type])
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64
