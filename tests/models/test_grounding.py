from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus
from joint_ie.corpora.docred import docred_schema
from joint_ie.document import Document, Entity
from joint_ie.encoding.linearisation import Syntax, TextTriple, ordered_relations
from joint_ie.evaluation import end_to_end, gold_entities
from joint_ie.models.grounding import SELF, UNTYPED, Generated, Grounding, _occurrences
from joint_ie.schema import Schema

SCHEMA = Schema.from_names(["PER", "LOC"], {"P19": "place of birth", "P27": "country"})


def keys(texts):
    """As an uncased tokenizer leaves them."""
    return ["".join(text.lower().split()) for text in texts]


GROUNDING = Grounding(SCHEMA, {"place of birth": "P19", "country": "P27"}, keys)

TEXT = Document.from_words(
    "d",
    [
        ["Ann", "Lee", "left", "New", "York", "."],
        ["In", "New", "York", "City", "Ann", "met", "Bob", "."],
        ["Rome", "."],
    ],
)


def fact(head, relation, tail, types=("PER", "LOC"), score=0.5) -> Generated:
    """Names as an uncased model writes them."""
    return Generated(TextTriple(head.lower(), types[0], relation, tail.lower(), types[1]), score)


def found(document: Document) -> dict[str, tuple[str, list[tuple[int, int]]]]:
    return {e.name: (e.type, [m.span for m in e.mentions]) for e in document.entities}


def test_every_occurrence_is_a_mention():
    grounded = GROUNDING.in_text(TEXT, [fact("ann lee", "place of birth", "new york"), fact("ann", "country", "rome")])
    assert found(grounded.document) == {
        "Ann Lee": ("PER", [(0, 2)]),
        "Ann": ("PER", [(10, 11)]),  # the first one is Ann Lee's
        "New York": ("LOC", [(3, 5), (7, 9)]),
        "Rome": ("LOC", [(14, 15)]),
    }
    assert [e.name for e in grounded.document.entities] == ["Ann Lee", "New York", "Ann", "Rome"]
    assert not grounded.left_out
    [first, second] = grounded.document.relations
    assert (first.head, first.tail, first.type, first.label, first.score) == (0, 1, "P19", "place of birth", 0.5)
    assert (first.evidence, first.evidence_kind) == ((0,), "both-entities")
    assert (second.head, second.tail) == (2, 3)
    assert (second.evidence, second.evidence_kind) == ((1, 2), "nearest-mentions")


def test_a_name_that_only_stands_inside_another_keeps_its_places():
    grounded = GROUNDING.in_text(TEXT, [fact("city", "country", "new york city", ("LOC", "LOC"))])
    assert found(grounded.document) == {"New York City": ("LOC", [(7, 10)]), "City": ("LOC", [(9, 10)])}


def test_what_cannot_be_grounded_is_counted():
    facts = [
        fact("Ann Lee", "country", "Rome"),
        fact("Ann Lee", "country", "Paris"),
        fact("", "country", "Rome"),
        fact("nn", "country", "Rome"),  # part of a word
        fact("Ann Lee", "capital", "Rome"),
    ]
    grounded = GROUNDING.in_text(TEXT, facts)
    assert grounded.left_out == Counter(
        {
            "generated facts have an end that does not stand in the text": 3,
            "generated facts have a relation that the schema does not know": 1,
        }
    )
    assert set(found(grounded.document)) == {"Ann Lee", "Rome"}  # nothing of facts that were left out
    assert len(grounded.document.relations) == 1


def test_no_fact_is_of_an_entity_with_itself():
    facts = [fact("Ann Lee", "country", "Ann Lee"), fact("Rome", "country", "ROME"), fact("Ann", "country", "Rome")]
    grounded = GROUNDING.in_text(TEXT, facts)
    assert set(found(grounded.document)) == {"Ann", "Rome"}
    assert [(r.head, r.tail) for r in grounded.document.relations] == [(0, 1)] and grounded.left_out == {SELF: 2}
    # by different names, too
    entities = (
        Entity("PER", "Ann Lee", (TEXT.mention(0, 2), TEXT.mention(10, 11))),
        Entity("LOC", "Rome", (TEXT.mention(14, 15),)),
    )
    grounded = GROUNDING.in_entities(TEXT.with_annotations(entities, None), [*facts, fact("Ann", "country", "Ann Lee")])
    assert [(r.head, r.tail) for r in grounded.document.relations] == [(0, 1)] and grounded.left_out == {SELF: 3}


def test_types_and_scores_of_several_facts():
    facts = [
        fact("Ann Lee", "country", "Rome", ("LOC", "LOC"), 0.25),
        fact("Ann Lee", "country", "New York", ("PER", "LOC"), 0.5),
        fact("Ann Lee", "place of birth", "Rome", ("PER", "LOC"), 0.75),
        fact("ann lee", "country", "Rome", ("PER", "LOC"), 0.375),
    ]
    document = GROUNDING.in_text(TEXT, facts).document
    ann = document.entities[0]
    assert (ann.type, ann.score) == ("PER", 0.75)
    assert [(r.type, r.score) for r in document.relations] == [("P27", 0.375), ("P27", 0.5), ("P19", 0.75)]
    assert GROUNDING.in_text(TEXT, [fact("Ann", "country", "Rome", ("", ""))]).document.entities[0].type == UNTYPED


@pytest.mark.parametrize("ground", [GROUNDING.in_text, GROUNDING.in_entities])
def test_no_facts(ground):
    document = ground(TEXT, []).document
    assert (document.entities, document.relations) == ((), ())


def test_given_entities_keep_what_they_are():
    entities = (
        Entity("LOC", "Ann", (TEXT.mention(4, 5), TEXT.mention(10, 11))),  # named York first, Ann second
        Entity("PER", "Ann", (TEXT.mention(10, 11), TEXT.mention(0, 2))),
        Entity("LOC", "Rome", (TEXT.mention(14, 15),)),
        Entity("PER", "Rome", (TEXT.mention(14, 15, name="Roma"),)),
        Entity("PER", "Rome", (TEXT.mention(14, 15),)),
    )
    given_ = TEXT.with_annotations(entities, None)
    facts = [
        fact("ann", "country", "Rome"),  # the first listed mention decides, then the type
        fact("Ann Lee", "country", "Rome", ("PER", "PER")),  # the same entity by another mention
        fact("York", "country", "roma", ("PER", "LOC")),
        fact("Bob", "country", "Rome"),
        fact("Ann", "knows", "Rome"),
    ]
    grounded = GROUNDING.in_entities(given_, facts)
    assert grounded.document.entities == entities
    assert [(r.head, r.tail) for r in grounded.document.relations] == [(1, 2), (1, 4), (0, 3)]
    assert grounded.left_out == Counter(
        {
            "generated facts have an end that is none of the entities": 1,
            "generated facts have a relation that the schema does not know": 1,
        }
    )


def test_candidates_are_those_of_given_entities():
    entities = [Entity("X", w, (TEXT.mention(i, i + 1),)) for i, w in ((10, "Ann"), (12, "Bob"), (14, "Rome"))]
    given_ = TEXT.with_annotations(entities, None, [(0, 2), (1, 2)])
    facts = [fact("Ann", "country", "Rome")]
    assert GROUNDING.in_entities(given_, facts).document.candidates == given_.candidates
    assert GROUNDING.in_text(given_, facts).document.candidates is None  # they name other entities


def test_gold_facts_of_real_documents_come_back(shared):
    """What is lost with given entities are different ones of one name."""
    documents = load_corpus(str(shared / "data/redocred/dev_revised.json"))[:60]
    schema = docred_schema()
    syntax = Syntax.build(schema, True)
    grounding = Grounding(schema, syntax.relations, keys)
    given_, found_ = [], []
    for document in documents:
        text = syntax.write(document, ordered_relations(document, "text")).lower()
        facts = [Generated(triple, 1.0) for triple in syntax.read(text)]
        given_.append(grounding.in_entities(document, facts))
        found_.append(grounding.in_text(document, facts))
    assert not any(g.left_out for g in given_) and sum(g.left_out.total() for g in found_) < 5
    assert gold_entities(documents, [g.document for g in given_])["relations"].f1 > 0.99
    # other names of an entity are out of reach: this is the most that REBEL can have by strict cluster matching
    assert 0.55 < end_to_end(documents, [g.document for g in found_])["relations_strict"].f1 < 0.75


@given(st.lists(st.text("ab", max_size=2), max_size=8), st.sets(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_occurrences_by_brute_force(words, names):
    spans = {
        name: [
            (i, j)
            for i in range(len(words))
            for j in range(i + 1, len(words) + 1)
            if "".join(words[i:j]) == name and words[i] and words[j - 1]
        ]
        for name in names
    }
    expected = {
        name: [
            (i, j)
            for i, j in listed
            if not any(
                a <= i and j <= b and (a, b) != (i, j) for other in names for a, b in found_in(spans, other, name)
            )
        ]
        or listed
        for name, listed in spans.items()
        if listed
    }
    result = _occurrences(words, names)
    assert set(result) == set(expected)
    for name, listed in result.items():
        assert set(listed) <= set(spans[name]) and listed == sorted(listed)
        assert set(listed) >= set(expected[name])


def found_in(spans, other, name):
    return spans[other] if len(other) > len(name) else []
