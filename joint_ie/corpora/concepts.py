"""Documents whose mentions name concepts of a vocabulary: what PubTator and BioC files have in common.

Mentions of one concept are one entity. A mention of several concepts ("renal and hepatic failure") belongs to each of
them, as in the ``.data`` rows of CDR; a mention without a concept is an entity of its own.
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from joint_ie.corpora.offsets import Offsets, trimmed
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document, Entity, Mention, Relation
from joint_ie.errors import InputError

_NOTHING = {"", "-", "-1"}  # no concept: BioRED, CDR
_VARIANT = re.compile(r"[a-z]?\|")  # c|SUB|C|643|T and |DEL|46|S are one concept, D014786|D006311 two


@dataclass(frozen=True)
class Annotation:
    """A mention: characters ``[start, end)``, the text there, and its concepts as the file writes them.

    ``names`` are what a mention of several concepts stands for, if the file says it: ``visual toxicity`` and
    ``auditory toxicity`` in "visual or auditory toxicity". ``where`` names file and record in errors.
    """

    start: int
    end: int
    text: str
    type: str
    concepts: str
    where: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """A relation between two concepts; ``novelty`` is what the file says about its being new, if anything."""

    type: str
    head: str
    tail: str
    where: str
    novelty: str | None = None


@dataclass(frozen=True)
class Record:
    """A document in the file; ``breaks`` are characters of the text where a sentence begins."""

    id: str
    text: str
    breaks: tuple[int, ...]
    annotations: Sequence[Annotation]
    statements: Sequence[Statement]
    where: str


def split_concepts(listed: str) -> tuple[str | None, ...]:
    """The concepts of ``D014786|D006311`` or ``836,840``; None for ``-1``, ``-`` or nothing."""
    parts = [
        part.strip() for item in listed.split(",") for part in ([item] if _VARIANT.match(item) else item.split("|"))
    ]
    return tuple(None if part in _NOTHING else part for part in parts)


def concept_documents(
    records: Sequence[Record], labels: Mapping[str, str], undirected: Container[str], repairs: Repairs
) -> Iterator[Document]:
    """The texts of a file in tokens, with entities and relations in the order of the file.

    Where all relations of the file are of ``undirected`` types, their head is the entity that the text mentions first,
    and the candidates of every document are its pairs in this direction.

    A concept in several types is several entities. Relations of concepts without a mention are left out, as are the
    labels of novelty, for which a `Document` has no place, and documents whose id comes again. Nobody looked for
    relations where the whole file has none (``relations=None``). ``labels`` are readable names of relation types.
    """
    types = {statement.type for record in records for statement in record.statements}
    one_way = bool(types) and all(type in undirected for type in types)
    used: set[str] = set()
    for record in records:
        if record.id in used:
            repairs.note(record.id, "repeated documents left out", f"{record.where} has the id of an earlier document")
            continue
        used.add(record.id)
        document = _document(record, bool(types), labels, repairs)
        yield _forwards(document, repairs) if one_way else document


def _document(record: Record, related: bool, labels: Mapping[str, str], repairs: Repairs) -> Document:
    id = record.id
    for annotation in record.annotations:
        _check(annotation, record.text)
    spans = [(annotation.start, annotation.end) for annotation in record.annotations]
    try:
        offsets = Offsets(id, record.text, spans, breaks=record.breaks)
    except InputError as error:
        raise InputError(f"{record.where}: {error}") from None
    if offsets.removed_ends:
        repairs.note(id, "sentence ends inside a mention removed", f"{offsets.removed_ends} sentence ends")
    mentions: dict[tuple[str, str | int], list[Mention]] = {}  # by type and concept, or a number for none
    for annotation in record.annotations:
        for concept, mention in _mentions(annotation, offsets, repairs):
            mentions.setdefault((annotation.type, len(mentions) if concept is None else concept), []).append(mention)
    entities = [
        Entity(type, listed[0].name or listed[0].text, tuple(listed), id=key if isinstance(key, str) else None)
        for (type, key), listed in mentions.items()
    ]
    places: dict[str, list[int]] = {}
    for i, entity in enumerate(entities):
        if entity.id is not None:
            places.setdefault(entity.id, []).append(i)
    relations = [
        Relation(head, tail, statement.type, labels.get(statement.type))
        for statement in record.statements
        for head, tail in _pairs(statement, places, id, repairs)
    ]
    novelty = sum(statement.novelty is not None for statement in record.statements)
    if novelty:
        message = f"{novelty} relations say whether they are novel, which is not kept"
        repairs.note(id, "documents whose labels of novelty are left out", message)
    return offsets.document.with_annotations(entities, relations if related else None)


def _forwards(document: Document, repairs: Repairs) -> Document:
    """With heads before tails in the text, and the pairs of this direction as candidates."""
    firsts = [min(mention.span for mention in entity.mentions) for entity in document.entities]
    order = sorted(range(len(firsts)), key=firsts.__getitem__)  # that of `in_text_order`
    place = {entity: number for number, entity in enumerate(order)}
    relations: dict[tuple[int, int, str], Relation] = {}
    for relation in document.relations or ():
        head, tail = sorted((relation.head, relation.tail), key=place.__getitem__)
        at = f"{relation.type} of {document.entities[head].name} and {document.entities[tail].name}"
        if head == tail:
            repairs.note(document.id, "relations of a concept with itself not among the candidates", at)
        if (head, tail, relation.type) in relations:
            repairs.note(document.id, "relations stated in both directions merged", at)
        relations.setdefault((head, tail, relation.type), replace(relation, head=head, tail=tail))
    return document.with_annotations(document.entities, relations.values(), combinations(order, 2))


def _check(annotation: Annotation, text: str) -> None:
    start, end = annotation.start, annotation.end
    if trimmed(text, start, end) is None:
        raise InputError(
            f"{annotation.where}: mention {annotation.text!r} is at characters [{start}, {end}], which are empty or "
            f"outside the text of {len(text)} characters; correct it or remove it"
        )
    if text[start:end] != annotation.text:
        raise InputError(
            f"{annotation.where}: mention {annotation.text!r} is at characters [{start}, {end}], where the text says "
            f"{text[start:end]!r}; correct its offsets, or fetch the file again if many are wrong"
        )


def _mentions(annotation: Annotation, offsets: Offsets, repairs: Repairs) -> list[tuple[str | None, Mention]]:
    """The concepts of a mention, each with the mention under its name; None for no concept."""
    document = offsets.document
    start, end = offsets.span(annotation.start, annotation.end)
    concepts = split_concepts(annotation.concepts)
    names: Sequence[str | None] = annotation.names or (None,) * len(concepts)
    at = f"{annotation.where}: {annotation.text!r} ({annotation.concepts!r})"
    if None in concepts:
        repairs.note(document.id, "mentions without a concept read as entities of their own", at)
    if len(concepts) > 1:
        repairs.note(document.id, "mentions of several concepts given to each", at)
    if len(names) != len(concepts):
        repairs.note(document.id, "names that do not fit their concepts left out", at)
        names = (None,) * len(concepts)
    return [(concept, document.mention(start, end, name)) for concept, name in zip(concepts, names, strict=True)]


def _pairs(
    statement: Statement, places: Mapping[str, Sequence[int]], id: str, repairs: Repairs
) -> Sequence[tuple[int, int]]:
    """The entities that a relation is about."""

    def find(listed: str) -> Sequence[int]:
        return [i for concept in split_concepts(listed) if concept for i in places.get(concept, ())]

    at = f"{statement.where}: {statement.type} of {statement.head} and {statement.tail}"
    pairs = [(head, tail) for head in find(statement.head) for tail in find(statement.tail)]
    if not pairs:
        repairs.note(id, "relations of concepts without a mention left out", at)
    if len(pairs) > 1:
        repairs.note(id, "relations of several concepts given to each", at)
    return pairs
