"""Strict set matching, end to end (Eberts and Ulges 2021, JEREX; golden joint_and_scoring README 2.2)."""

from typing import Any

from joint_ie.document import Document, Span
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Tally, by_label

Item = tuple[str, frozenset[Span]]
"""The type and the spans of an entity."""


def count(gold: Document, predicted: Document) -> dict[tuple[str, str], Tally]:
    """Sets of items: repeats inside a document count once on both sides, and order never matters.

    A mention is a span, a cluster the set of spans of an entity, an entity its cluster and its type, a relation
    its type and the clusters of head and tail, and a strict relation has both entity types right as well.
    """
    references, predictions = _entities(gold), _entities(predicted)
    tallies = {
        ("mentions", ""): Tally.of_sets(_spans(references), _spans(predictions)),
        ("clusters", ""): Tally.of_sets({spans for _, spans in references}, {spans for _, spans in predictions}),
        **by_label("entities", set(references), set(predictions)),
    }
    if gold.relations is not None:
        tallies |= by_label("relations", _relations(gold, typed=False), _relations(predicted, typed=False))
        tallies |= by_label("relations_strict", _relations(gold, typed=True), _relations(predicted, typed=True))
    return tallies


def _entities(document: Document) -> list[Item]:
    return [(entity.type, frozenset(mention.span for mention in entity.mentions)) for entity in document.entities]


def _spans(entities: list[Item]) -> set[Span]:
    return {span for _, spans in entities for span in spans}


def _relations(document: Document, typed: bool) -> set[tuple[str, Any]]:
    ends: list[Any] = [entity if typed else entity[1] for entity in _entities(document)]
    return {(relation.type, (ends[relation.head], ends[relation.tail])) for relation in document.relations or ()}


JEREX = Protocol(
    name="jerex",
    mode="end-to-end",
    description="Sets: an entity is right if all of its mentions are, a relation if both of its entities are",
    measures=("mentions", "clusters", "entities", "relations", "relations_strict"),
    count=count,
    labels={"entities": None, "relations": None, "relations_strict": None},
)
