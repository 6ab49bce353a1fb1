"""Small documents for graphs: plain ones, and ones whose every text tries to break out of its format."""

from collections.abc import Callable, Sequence

import pytest

from joint_ie.document import Document, Entity, Relation

HOSTILE = (
    'Robert"); DROP TABLE node;--',
    "it's \\' a `quote` \\",
    "<script>alert('1')</script>&amp;]]>",
    "line\nbreak\r\nand\ttab\r",
    "\x00null \x01\x08\x0b\x0c\x1b\x7f\x85 control \ufffe\uffff",
    "lone \ud800 surrogate \udfff",
    "\\u0027 and \\\\u0027, \\\x01, \u2028\u2029\ufeff",
    "{\"json\": [1, ';']}; /* no */ // comment",
    "名前 😀 e\u0301 ﬁ İ ß \u202edlrow",
    "=1+1,;|\t",
)

Entities = Sequence[tuple[str, str]]  # type and name
Facts = Sequence[tuple[int, str, int, float | None]]


def make_document(
    id: str, entities: Entities, facts: Facts = (), ids: Sequence[str | None] = (), label: str | None = None
) -> Document:
    """A document of one sentence an entity, which is its name; every fact has the sentences of both its entities."""
    bare = Document.from_words(id, [[name] for _, name in entities])
    found = [
        Entity(type, name, (bare.mention(i, i + 1),), score=0.5, id=ids[i] if ids else None)
        for i, (type, name) in enumerate(entities)
    ]
    relations = [
        Relation(head, tail, type, label, score, tuple(sorted({head, tail})), "mentions")
        for head, type, tail, score in facts
    ]
    return bare.with_annotations(found, relations)


@pytest.fixture(scope="session")
def document() -> Callable[..., Document]:
    """`make_document`."""
    return make_document


@pytest.fixture
def curies() -> list[Document]:
    """Two documents about one family, who share a person and a fact."""
    first = make_document(
        "d1",
        [("PER", "Marie Curie"), ("LOC", "Warsaw"), ("PER", "Pierre Curie")],
        [(0, "P19", 1, 0.9), (0, "P26", 2, 0.5)],
    )
    second = make_document(
        "d2", [("LOC", "warsaw"), ("PER", "Marie  Curie"), ("ORG", "Warsaw")], [(1, "P19", 0, 0.6)], label="born in"
    )
    return [first, second]


@pytest.fixture
def hostile() -> list[Document]:
    """Documents with every hostile text as id, name, type, concept, relation, label and sentence."""
    return [
        make_document(
            text,
            [(text, text), (HOSTILE[i - 1], text), ("PER", HOSTILE[i - 2])],
            [(0, text, 1, None), (1, HOSTILE[i - 3], 2, 1e-7), (2, "P1", 2, 1.0)],
            ids=[None, text, None],
            label=text,
        )
        for i, text in enumerate(HOSTILE)
    ]
