from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus, read_docred
from joint_ie.corpora.order import in_text_order
from joint_ie.document import Document, Entity, Relation


@st.composite
def documents(draw: st.DrawFn) -> Document:
    bare = Document.from_words("d", [list("abcdef")])
    starts = st.lists(st.integers(0, 5), min_size=1, max_size=3)
    entities = [
        Entity("X", str(i), tuple(bare.mention(start, start + 1) for start in draw(starts)), id=str(i))
        for i in range(draw(st.integers(1, 5)))
    ]
    ends = st.integers(0, len(entities) - 1)
    relations = draw(st.none() | st.lists(st.builds(Relation, ends, ends, st.sampled_from("RS")), max_size=6))
    candidates = draw(st.none() | st.lists(st.tuples(ends, ends), max_size=6, unique=True))
    return bare.with_annotations(entities, relations, candidates)


@given(documents())
def test_entities_come_by_first_mention_and_pairs_row_by_row(document: Document) -> None:
    ordered = in_text_order(document)
    firsts = [min(mention.span for mention in entity.mentions) for entity in ordered.entities]
    assert firsts == sorted(firsts)
    assert sorted(ordered.candidates or ()) == list(ordered.candidates or ())
    pairs = [(relation.head, relation.tail, relation.type) for relation in ordered.relations or ()]
    assert pairs == sorted(pairs)
    assert in_text_order(ordered) == ordered


@given(documents())
def test_nothing_else_changes(document: Document) -> None:
    ordered = in_text_order(document)
    assert {entity.id: entity for entity in ordered.entities} == {entity.id: entity for entity in document.entities}

    def named(one: Document, pairs: list[tuple[int, int, str]]) -> list[tuple[str | None, str | None, str]]:
        return sorted((one.entities[head].id, one.entities[tail].id, type) for head, tail, type in pairs)

    for one, other in ((document, ordered), (ordered, document)):
        facts = [[(r.head, r.tail, r.type) for r in d.relations or ()] for d in (one, other)]
        assert named(one, facts[0]) == named(other, facts[1])
        asked = [[(head, tail, "") for head, tail in d.candidates or ()] for d in (one, other)]
        assert named(one, asked[0]) == named(other, asked[1])
    assert (ordered.relations is None, ordered.candidates is None) == (
        document.relations is None,
        document.candidates is None,
    )


@given(documents(), st.randoms())
def test_the_order_of_the_file_does_not_show(document: Document, random: Random) -> None:
    firsts = [min(mention.span for mention in entity.mentions) for entity in document.entities]
    assume(len(set(firsts)) == len(firsts))  # others, that begin with the same mention, keep the order of the file
    order = random.sample(range(len(document.entities)), len(document.entities))
    relations = document.relations and tuple(
        replace(r, head=order.index(r.head), tail=order.index(r.tail))
        for r in random.sample(document.relations, len(document.relations))
    )
    candidates = document.candidates and tuple(
        random.sample(
            [(order.index(head), order.index(tail)) for head, tail in document.candidates], len(document.candidates)
        )
    )
    shuffled = replace(
        document,
        entities=tuple(document.entities[i] for i in order),
        relations=relations,
        candidates=candidates,
    )
    assert in_text_order(shuffled) == in_text_order(document)


def test_corpora_are_read_in_text_order(shared: Path) -> None:
    path = shared / "data" / "redocred" / "dev_revised.json"
    read, listed = load_corpus(path), list(read_docred(path))
    assert [in_text_order(document) for document in listed] == read != listed


@pytest.mark.parametrize("position", [0, 3])
def test_ids_are_positions_in_the_file(shared: Path, position: int) -> None:
    documents = read_docred(shared / "data" / "redocred" / "dev_revised.json")
    assert [entity.id for entity in next(documents).entities][position] == str(position)
