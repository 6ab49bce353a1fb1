"""Documents joined to one keep everything they say."""

from dataclasses import replace

import pytest

from joint_ie.document import Document, Relation
from joint_ie.encoding.joining import join
from joint_ie.encoding.training_set import Joining


def test_parts_are_found_again(toy) -> None:
    """Brute force: every span, fact and sentence of a part stands at its place in the whole, and nothing else does."""
    parts = [toy.document(i, sentences=2 + i, entities=3 + i) for i in range(3)]
    whole = join(parts)
    whole.validate(toy.SCHEMA)
    assert whole.text == "\n\n".join(part.text for part in parts)
    assert whole.words == tuple(word for part in parts for word in part.words)
    assert [s.text for s in whole.sentences] == [s.text for part in parts for s in part.sentences]
    expected_facts, expected_mentions, words = set(), set(), 0
    for part in parts:
        for entity in part.entities:
            expected_mentions |= {(entity.type, m.start + words, m.end + words, m.text) for m in entity.mentions}
        for r in part.relations:
            for head in part.entities[r.head].mentions:
                for tail in part.entities[r.tail].mentions:
                    expected_facts.add((head.start + words, tail.start + words, r.type))
        words += len(part.tokens)
    found_mentions = {(e.type, m.start, m.end, m.text) for e in whole.entities for m in e.mentions}
    assert found_mentions == expected_mentions
    assert all(whole.text[m.char_start : m.char_end] == m.text for e in whole.entities for m in e.mentions)
    found_facts = {
        (head.start, tail.start, r.type)
        for r in whole.relations
        for head in whole.entities[r.head].mentions
        for tail in whole.entities[r.tail].mentions
    }
    assert expected_facts <= found_facts
    names = [(entity.type, entity.name.casefold()) for entity in whole.entities]
    assert len(set(names)) == len(names)
    facts = [(r.head, r.tail, r.type) for r in whole.relations]
    assert len(set(facts)) == len(facts)


def test_equal_names_of_equal_type_are_one_entity() -> None:
    one = Document.from_words("1", [["Paris", "and", "May"]])
    entities = [replace_type(one, 0, "LOC"), replace_type(one, 2, "PER")]
    first = one.with_annotations(entities, ())
    two = Document.from_words("2", [["PARIS", "in", "May"]])
    second = two.with_annotations([replace_type(two, 0, "LOC"), replace_type(two, 2, "TIME")], None)
    whole = join([first, second])
    assert [(e.type, [m.span for m in e.mentions]) for e in whole.entities] == [
        ("LOC", [(0, 1), (3, 4)]),
        ("PER", [(2, 3)]),
        ("TIME", [(5, 6)]),
    ]
    assert whole.relations is None  # nobody looked for relations in one of the parts


def test_entities_of_one_part_are_never_merged() -> None:
    """Father and son, and two that could be merged with one of an earlier part."""

    def part(id: str, names: str, facts: tuple[tuple[int, int, str], ...] = ()) -> Document:
        bare = Document.from_words(id, [names.split()])
        entities = [replace_type(bare, i, "PER") for i in range(len(bare.tokens))]
        return bare.with_annotations(entities, [Relation(*fact) for fact in facts])

    whole = join([part("1", "Bach Bach", ((0, 1, "father"),)), part("2", "Bo"), part("3", "BACH bach bo")])
    assert [[m.span[0] for m in e.mentions] for e in whole.entities] == [[0, 3], [1], [2, 5], [4]]
    assert [(r.head, r.tail, r.type) for r in whole.relations] == [(0, 1, "father")]
    alone = part("1", "Bach Bach bach", ((0, 2, "a"), (1, 2, "a"), (2, 0, "a")))
    joined = join([replace(alone, candidates=((2, 1), (0, 1)))])
    assert (joined.entities, joined.relations) == (alone.entities, alone.relations)
    assert joined.candidates == ((0, 1), (2, 1))


def test_pairs_across_a_seam_are_not_asked_about(toy, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = toy.document(1, entities=3), toy.document(2, entities=2)
    entities = [replace(entity, name=f"{i}") for i, entity in enumerate((*first.entities, *second.entities))]
    first = replace(first, entities=tuple(entities[:3]), candidates=((0, 2),), relations=())
    second = replace(second, entities=tuple(entities[3:]))
    assert join([first, second]).candidates == ((0, 2), (3, 4), (4, 3))
    monkeypatch.setattr("joint_ie.encoding.joining.permutations", None)  # nobody asks: no pairs are built
    assert join([second]).candidates is None


def replace_type(document: Document, word: int, type: str):
    from joint_ie.document import Entity

    mention = document.mention(word, word + 1)
    return Entity(type, mention.text, (mention,))


def test_an_epoch_visits_every_document_once(toy) -> None:
    model = toy.model()
    documents = [toy.document(i) for i in range(10)]
    documents += [replace(toy.document(i), relations=None) for i in range(10, 15)]
    training = toy.training_set(model, documents, joining=Joining(0.6, 3))
    sizes = set()
    for epoch in range(4):
        items = [item for group in training(epoch).groups for item in group]
        assert sorted(i for item in items for i in item) == list(range(15))
        assert all(len({documents[i].relations is None for i in item}) == 1 for item in items)
        assert sum(len(item) == 1 for item in items) >= 4
        sizes |= {len(item) for item in items}
        for batch in training(epoch):
            for document in batch.given.documents:
                document.validate(toy.SCHEMA)
    assert sizes == {1, 2, 3}
