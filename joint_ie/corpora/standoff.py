"""Mentions, coreference links and relations between mentions, as annotation tools store them, made into Documents."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from joint_ie.corpora.offsets import Offsets
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError


@dataclass(frozen=True)
class Marked:
    """Characters ``[start, end)`` of a text, marked as a mention of a type."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Standoff:
    """A text with its marked mentions by id, pairs of ids that are one entity, and relations (head, type, tail) of ids.

    Whoever makes one has checked that spans have text and that ids are known. ``where`` names it in errors.
    """

    id: str
    text: str
    mentions: Mapping[str, Marked]
    same: Sequence[tuple[str, str]]
    relations: Sequence[tuple[str, str, str]]
    where: str


def standoff_documents(corpus: Sequence[Standoff], repairs: Repairs) -> Iterator[Document]:
    """The texts of a corpus with entities in place of mentions.

    Linked mentions are one entity: of the type that most of them have (of these, the first in the text), named after
    its first mention, with that one's id. A relation between mentions holds between their entities, once. Tools
    do not say whether somebody looked for relations: nobody did where the whole corpus has none (``relations=None``).
    """
    related = any(standoff.relations for standoff in corpus)
    for standoff in corpus:
        yield _document(standoff, related, repairs)


def _document(standoff: Standoff, related: bool, repairs: Repairs) -> Document:
    try:
        offsets = Offsets(standoff.id, standoff.text, [(m.start, m.end) for m in standoff.mentions.values()])
    except InputError as error:
        raise InputError(f"{standoff.where}: {error}") from None
    if offsets.removed_ends:
        repairs.note(
            standoff.id, "documents with sentence ends inside mentions removed", f"{offsets.removed_ends} sentence ends"
        )
    in_text = sorted(standoff.mentions, key=lambda id: (standoff.mentions[id].start, standoff.mentions[id].end))
    members: dict[str, list[str]] = {}
    first_of = _united(in_text, standoff.same)
    for id in in_text:
        members.setdefault(first_of[id], []).append(id)
    entities = [_entity([(id, standoff.mentions[id]) for id in ids], offsets, repairs) for ids in members.values()]
    place = {first: i for i, first in enumerate(members)}
    facts: dict[tuple[int, int, str], None] = {}
    for head, type, tail in standoff.relations:
        fact = (place[first_of[head]], place[first_of[tail]], type)
        told = f"{type} from {head} to {tail}"
        if fact[0] == fact[1]:
            repairs.note(standoff.id, "relations between mentions of one entity left out", told)
        elif fact in facts:
            repairs.note(standoff.id, "relations between the same entities merged", told)
        else:
            facts[fact] = None
    return offsets.document.with_annotations(entities, [Relation(*fact) for fact in facts] if related else None)


def _entity(members: Sequence[tuple[str, Marked]], offsets: Offsets, repairs: Repairs) -> Entity:
    """One entity of the mentions, which come in text order."""
    types = Counter(marked.type for _, marked in members)
    type = types.most_common(1)[0][0]  # of equally frequent ones the first that was counted
    mentions = tuple(
        offsets.document.mention(
            *offsets.span(marked.start, marked.end), type=None if marked.type == type else marked.type
        )
        for _, marked in members
    )
    first = members[0][0]
    if len(types) > 1:
        told = f"{first} ({mentions[0].text!r}) is linked as {', '.join(types)}: {type} is taken"
        repairs.note(offsets.document.id, "entities of several types given the most frequent", told)
    return Entity(type, mentions[0].text, mentions, id=first)


def _united(ids: Sequence[str], same: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """For every id the first of those it is linked with, directly or by way of others."""
    rank = {id: i for i, id in enumerate(ids)}
    first = dict(zip(ids, ids, strict=True))

    def find(id: str) -> str:
        while first[id] != id:
            first[id] = id = first[first[id]]
        return id

    for one, other in same:
        earlier, later = sorted((find(one), find(other)), key=rank.__getitem__)
        first[later] = earlier
    return {id: find(id) for id in ids}
