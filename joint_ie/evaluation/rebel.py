"""Surface triples, end to end (Huguet Cabot and Navigli 2021, REBEL; golden joint_and_scoring README 2.6)."""

from collections.abc import Iterable
from typing import Any

from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally, by_label


def rebel(
    relations: Iterable[str] | None = None, ignore_unlisted: bool = False, normalise_space: bool = True
) -> Protocol:
    """Triples of texts: ``strict`` with the types of both entities, ``boundaries`` without.

    ``relations`` are the ids or the names of all relations of a schema; macro averages run over all of them, those
    that neither gold nor prediction has counting 0, so a perfect prediction may have a macro F1 below 1. None: over
    those that gold or prediction has. A relation outside the list counts in micro scores, as wrong unless gold has
    it too; the original ignores it, and so does ``ignore_unlisted``. ``normalise_space`` turns every run of white
    space in a name into one space, as the original does when it reads its target strings back.
    """
    listed = None if relations is None else tuple(dict.fromkeys(relations))

    def label(relation: Relation) -> str | None:
        if listed is None or relation.type in listed:
            return relation.type
        if relation.label is not None and relation.label in listed:
            return relation.label
        return None if ignore_unlisted else relation.type

    def text(document: Document, entity: Entity) -> str:
        first = entity.mentions[0]
        joined = " ".join(document.words[first.start : first.end])
        return " ".join(joined.split()) if normalise_space else joined

    def triples(document: Document, typed: bool) -> set[tuple[str, Any]]:
        ends = [(text(document, entity), entity.type if typed else None) for entity in document.entities]
        return {
            (name, (ends[relation.head], ends[relation.tail]))
            for relation in document.relations or ()
            if (name := label(relation)) is not None
        }

    def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
        if gold.relations is None:
            return {}
        return {
            **by_label("strict", triples(gold, typed=True), triples(predicted, typed=True)),
            **by_label("boundaries", triples(gold, typed=False), triples(predicted, typed=False)),
        }

    return Protocol(
        name="rebel-as-published" if ignore_unlisted else "rebel",
        mode="end-to-end",
        description="Texts: an entity is the words of its first listed mention, so entities of one name are one"
        + ("; relations that the corpus does not know are ignored" if ignore_unlisted else ""),
        measures=("strict", "boundaries"),
        count=count,
        labels={"strict": listed, "boundaries": listed},
    )
