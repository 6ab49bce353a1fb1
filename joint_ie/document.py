"""What everything here reads and writes: a text with its mentions, entities and relations.

Spans are half-open and count tokens of the whole document, unless a name says ``char``.
All classes are frozen; a changed document is a new one (`Document.with_annotations`).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from joint_ie.schema import Schema
from joint_ie.validity import check_validity

Span = tuple[int, int]


@dataclass(frozen=True)
class Sentence:
    """A run of tokens ``[start, end)`` with its text."""

    index: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Mention:
    """A name at tokens ``[start, end)``; ``char_start`` and ``char_end`` are offsets into the document's text.

    ``name`` and ``type`` are set only where a corpus says something else than the text or the entity does.
    """

    start: int
    end: int
    char_start: int
    char_end: int
    text: str
    name: str | None = None
    type: str | None = None

    @property
    def called(self) -> str:
        """The name that the corpus gives it, else its text."""
        return self.name or self.text

    @property
    def span(self) -> Span:
        """``(start, end)`` in tokens."""
        return (self.start, self.end)


@dataclass(frozen=True)
class Entity:
    """All mentions of one thing. ``score`` is in [0, 1] where a model found it, None where people did.

    ``id`` is what its corpus calls it: a concept (``D003409``), or its position in a file that submissions refer to.
    """

    type: str
    name: str
    mentions: tuple[Mention, ...]
    score: float | None = None
    id: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """What its mentions are called."""
        return frozenset(mention.called for mention in self.mentions)


@dataclass(frozen=True)
class Relation:
    """A fact between entities ``head`` and ``tail`` (positions in `Document.entities`).

    ``type`` is the stable id, ``label`` what people read; ``evidence`` are sentence positions,
    and ``evidence_kind`` says how a model found them (see `joint_ie.extraction`).
    """

    head: int
    tail: int
    type: str
    label: str | None = None
    score: float | None = None
    evidence: tuple[int, ...] = ()
    evidence_kind: str | None = None


@dataclass(frozen=True)
class Triple:
    """A relation with its entities and sentences in place of positions."""

    head: Entity
    relation: str
    tail: Entity
    score: float | None
    evidence: tuple[Sentence, ...]
    type: str


@dataclass(frozen=True)
class Document:
    """A tokenised text with (optional) annotations.

    ``tokens`` are character spans into ``text``, ``sentences`` token spans that cover them in order.
    ``relations`` is None where nobody looked for relations, and empty where there are none: a model
    learns "no relation" from the second only. ``candidates`` are the (head, tail) pairs of entities that a corpus
    asks about, None where it asks about all ordered pairs: the others are neither trained on nor scored.
    """

    id: str
    text: str
    tokens: tuple[Span, ...]
    sentence_spans: tuple[Span, ...]
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] | None = None
    candidates: tuple[tuple[int, int], ...] | None = None

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The text of every token."""
        return tuple(self.text[start:end] for start, end in self.tokens)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """Sentences with their text."""
        return tuple(
            Sentence(i, start, end, self.slice(start, end)) for i, (start, end) in enumerate(self.sentence_spans)
        )

    @cached_property
    def token_sentence(self) -> tuple[int, ...]:
        """The sentence of every token."""
        return tuple(i for i, (start, end) in enumerate(self.sentence_spans) for _ in range(start, end))

    def slice(self, start: int, end: int) -> str:
        """The text of tokens ``[start, end)``; empty if the span is."""
        return self.text[self.tokens[start][0] : self.tokens[end - 1][1]] if start < end else ""

    def mention(self, start: int, end: int, name: str | None = None, type: str | None = None) -> Mention:
        """A `Mention` of this document; the caller has checked that the span lies inside."""
        char_start, char_end = self.tokens[start][0], self.tokens[end - 1][1]
        text = self.text[char_start:char_end]
        return Mention(start, end, char_start, char_end, text, None if name == text else name, type)

    def _repr_html_(self) -> str:
        """What a notebook shows: the text with its mentions, and the relations."""
        from joint_ie.displacy import notebook_html

        return notebook_html(self)

    def triples(self) -> tuple[Triple, ...]:
        """Relations as readable triples, in the order of `relations`."""
        return tuple(
            Triple(
                self.entities[r.head],
                r.label or r.type,
                self.entities[r.tail],
                r.score,
                tuple(self.sentences[i] for i in r.evidence),
                r.type,
            )
            for r in self.relations or ()
        )

    def with_annotations(
        self,
        entities: Iterable[Entity],
        relations: Iterable[Relation] | None,
        candidates: Iterable[tuple[int, int]] | None = None,
    ) -> "Document":
        """The same text with other annotations, validated."""
        changed = replace(
            self,
            entities=tuple(entities),
            relations=None if relations is None else tuple(relations),
            candidates=None if candidates is None else tuple(candidates),
        )
        changed.validate()
        return changed

    @classmethod
    def from_words(cls, id: str, sentences: Sequence[Sequence[str]]) -> "Document":
        """From tokenised sentences: words joined by single spaces, as DocRED-like corpora are."""
        tokens: list[Span] = []
        spans: list[Span] = []
        position = 0
        for sentence in sentences:
            first = len(tokens)
            for word in sentence:
                tokens.append((position, position + len(word)))
                position += len(word) + 1
            spans.append((first, len(tokens)))
        text = " ".join(word for sentence in sentences for word in sentence)
        document = cls(id, text, tuple(tokens), tuple(spans))
        document.validate()
        return document

    def validate(self, schema: Schema | None = None) -> None:
        """Raise `InputError`, naming document and field, at the first thing that cannot be.

        Checked: token and sentence spans in order and inside the text, mentions inside the document and
        not empty, entities with at least one mention, head, tail and evidence in range, scores in [0, 1],
        and, with a ``schema``, all labels. Overlapping, nested and repeated mentions are allowed.
        """
        check_validity(self, schema)

    def to_dict(self) -> dict[str, Any]:
        """One line of the JSON Lines format (see the README); optional keys are left out where empty."""
        from joint_ie.document_json import document_to_dict  # it makes documents, too

        return document_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "document") -> "Document":
        """The reverse of `to_dict`; raises `InputError` naming ``where`` (file and line) and the field."""
        from joint_ie.document_json import document_from_dict

        return document_from_dict(data, where)


def text_id(text: str) -> str:
    """The id of a text that came without one: the same for the same text, and another for any other."""
    return f"text-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
