"""Facts of a document as one string, and back (REBEL, Huguet Cabot and Navigli, Findings of EMNLP 2021).

``<triplet> HEAD <head type> TAIL <tail type> RELATION NAME <head type> TAIL ...``: facts with the same head follow each
other. Without types the markers are ``<subj>`` and ``<obj>``. Format and reading: golden joint_and_scoring README 6.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from joint_ie.document import Document, Mention, Relation, Span
from joint_ie.errors import InputError
from joint_ie.schema import Schema

TRIPLET, SUBJECT, OBJECT = "<triplet>", "<subj>", "<obj>"
REMOVED = ("<s>", "<pad>", "</s>")

Order = Literal["text", "listed"]
Part = tuple[str, bool]
"""Some words of a string of facts, and whether they are a marker, since a name may hold what only reads like one."""


@dataclass(frozen=True)
class TextTriple:
    """A fact as text: names of head and tail, the relation's readable name, and entity type ids ("" if untyped)."""

    head: str
    head_type: str
    relation: str
    tail: str
    tail_type: str


@dataclass(frozen=True)
class Located:
    """A triple and how many markers of the string had been read when it was complete."""

    triple: TextTriple
    markers: int


@dataclass(frozen=True)
class Syntax:
    """How triples are written: ``types`` maps markers to entity type ids, and is empty without types.

    ``relations`` maps readable names to relation ids.
    """

    types: Mapping[str, str]
    relations: Mapping[str, str]

    @classmethod
    def build(cls, schema: Schema, typed: bool) -> "Syntax":
        """Markers are the lower-case type ids in angle brackets; raises `InputError` where names are ambiguous."""
        types: dict[str, str] = {}
        for label in schema.entity_types if typed else ():
            marker = f"<{'-'.join(label.id.lower().split())}>"
            if marker in types or marker in (TRIPLET, *REMOVED):
                raise InputError(f"schema: entity type {label.id!r} has the marker {marker}, which is taken; rename it")
            types[marker] = label.id
        relations: dict[str, str] = {}
        for label in schema.relation_types:
            name = _spaced(label.name)
            if not name or name in relations:
                raise InputError(
                    f"schema: relation type {label.id!r} has the name {label.name!r}, which is empty or taken; a model "
                    f"that writes relation names needs different ones"
                )
            relations[name] = label.id
        return cls(types, relations)

    @cached_property
    def markers(self) -> tuple[str, ...]:
        """All markers, `TRIPLET` first."""
        return (TRIPLET, *(self.types or (SUBJECT, OBJECT)))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Relation ids to readable names."""
        return {id: name for name, id in self.relations.items()}

    @cached_property
    def _of_type(self) -> Mapping[str, str]:
        return {id: marker for marker, id in self.types.items()}

    def write(self, document: Document, relations: Sequence[Relation], span: Span | None = None) -> str:
        """The relations in the given order as one string; see `facts`."""
        return " ".join(words for fact in self.facts(document, relations, span) for words, _ in fact)

    def facts(self, document: Document, relations: Sequence[Relation], span: Span | None = None) -> list[list[Part]]:
        """What each of the relations adds to the string, in the given order; a new head begins a new ``<triplet>``.

        Entities are named by their first listed mention (inside of ``span``, if that is given).
        """
        written: list[list[Part]] = []
        last: int | None = None
        for relation in relations:
            head, tail = (first_mention(document, entity, span) for entity in (relation.head, relation.tail))
            before, after = SUBJECT, OBJECT
            if self.types:
                before = self._of_type[head.type or document.entities[relation.head].type]
                after = self._of_type[tail.type or document.entities[relation.tail].type]
            fact = [(before, True), (tail.called, False), (after, True), (self.names[relation.type], False)]
            written.append(fact if relation.head == last else [(TRIPLET, True), (head.called, False), *fact])
            last = relation.head
        return written

    def parts(self, text: str) -> list[Part]:
        """A string word by word; whatever reads like a marker is one."""
        return [(word, word in self.markers) for word in text.split()]

    def read(self, text: str) -> list[TextTriple]:
        """The triples of a string, however malformed."""
        for token in REMOVED:
            text = text.replace(token, "")
        return [located.triple for located in self.locate(self.parts(text))]

    def locate(self, parts: Iterable[Part]) -> list[Located]:
        """The triples, with the places where they end; the state machine of golden README 6."""
        head: list[str] = []
        tail: list[str] = []
        relation: list[str] = []
        collecting: list[str] | None = None  # one of these three
        head_type = tail_type = ""
        found: list[Located] = []
        markers = 0

        def complete() -> None:
            texts = (" ".join(words) for words in (head, relation, tail))
            name, kind, other = texts
            found.append(Located(TextTriple(name, head_type, kind, other, tail_type), markers))

        for word, is_marker in parts:
            if not is_marker:
                if collecting is not None:
                    collecting += word.split()
                continue
            markers += 1
            if word == TRIPLET:
                if relation:
                    complete()
                relation, head = [], []
                collecting = head
            elif word == SUBJECT if not self.types else collecting is head or collecting is relation:
                if relation:
                    complete()
                tail = []
                collecting = tail
                head_type = self.types.get(word, "")
            else:
                relation = []
                collecting = relation
                tail_type = self.types.get(word, "")
        if head and tail and relation and (not self.types or (head_type and tail_type)):
            markers += 1
            complete()
        return found


def ordered_relations(document: Document, order: Order, span: Span | None = None) -> list[Relation]:
    """The document's relations as they are to be written; with ``span`` those with head and tail in it.

    ``listed``: by position of the head, as REBEL's DocRED script does (golden README 6). ``text``: by place of the
    head's first mention, then of the tail's, as the paper describes, each relation once.
    """
    relations = [
        relation
        for relation in document.relations or ()
        if span is None or all(_inside(document, entity, span) for entity in (relation.head, relation.tail))
    ]
    if order == "listed":
        return sorted(relations, key=lambda relation: relation.head)

    def place(entity: int) -> tuple[int, int]:
        return min(mention.start for mention in _inside(document, entity, span)), entity

    unique = {(relation.head, relation.tail, relation.type): relation for relation in relations}
    return sorted(unique.values(), key=lambda relation: (place(relation.head), place(relation.tail), relation.type))


def first_mention(document: Document, entity: int, span: Span | None = None) -> Mention:
    """The first listed mention of an entity, inside of ``span`` if that is given."""
    return _inside(document, entity, span)[0]


def _inside(document: Document, entity: int, span: Span | None) -> Sequence[Mention]:
    mentions = document.entities[entity].mentions
    if span is None:
        return mentions
    return [mention for mention in mentions if span[0] <= mention.start and mention.end <= span[1]]


def _spaced(text: str) -> str:
    return " ".join(text.split())
