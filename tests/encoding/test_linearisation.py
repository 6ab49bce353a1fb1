"""REBEL's strings: golden joint_and_scoring README 6, and reading back what was written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus
from joint_ie.corpora.docred import docred_schema
from joint_ie.document import Document, Entity, Relation
from joint_ie.encoding.linearisation import Syntax, TextTriple, ordered_relations
from joint_ie.errors import InputError
from joint_ie.schema import Schema

SCHEMA = Schema.from_names(["PER", "LOC"], {"P19": "place of birth", "P27": "country"})
TYPED, UNTYPED = Syntax.build(SCHEMA, True), Syntax.build(SCHEMA, False)


def values(triple: TextTriple) -> list[str]:
    return [triple.head, triple.head_type, triple.relation, triple.tail, triple.tail_type]


def test_reference_strings_are_written_and_read(shared):
    cases = json.loads((shared / "golden/joint_and_scoring/e_rebel/linearisation.json").read_text())
    documents = {d.id: d for d in load_corpus(shared / "data/redocred/dev_revised.json", text_order=False)}
    schema = docred_schema()
    typed, untyped = Syntax.build(schema, True), Syntax.build(schema, False)
    assert len(cases) == 30
    for case in cases:
        document = documents[case["title"]]
        listed = ordered_relations(document, "listed")
        assert typed.write(document, listed) == case["target_typed"]
        assert untyped.write(document, listed) == case["target_untyped"]
        assert [values(t) for t in typed.read(case["target_typed"])] == case["decoded_typed"]
        without_types = [[h, r, t] for h, _, r, t, _ in case["decoded_typed"]]
        assert [[t.head, t.relation, t.tail] for t in untyped.read(case["target_untyped"])] == without_types


def test_malformed_reference_strings_are_read_as_the_original_does(shared):
    cases = json.loads((shared / "golden/joint_and_scoring/e_rebel/decoder_cases.json").read_text())
    schema = docred_schema()
    typed, untyped = Syntax.build(schema, True), Syntax.build(schema, False)
    assert len(cases["typed"]) == len(cases["untyped"]) == 14
    for case in cases["typed"]:
        assert [values(t) for t in typed.read(case["text"])] == case["triplets"], case["text"]
    for case in cases["untyped"]:
        read = [[t.head, t.relation, t.tail] for t in untyped.read(case["text"])]
        assert read == case["triplets"], case["text"]


@st.composite
def documents(draw) -> Document:
    names = draw(st.lists(st.lists(st.text("abÄ中<>.", min_size=1, max_size=4), min_size=1, max_size=3), min_size=2))
    bare = Document.from_words("d", [[word for name in names for word in name]])
    entities, start = [], 0
    for name in names:
        mention = bare.mention(start, start + len(name))
        entities.append(Entity(draw(st.sampled_from(["PER", "LOC"])), mention.text, (mention,)))
        start += len(name)
    places = st.integers(0, len(names) - 1)
    relation = st.builds(Relation, places, places, st.sampled_from(["P19", "P27"]))
    return bare.with_annotations(entities, draw(st.lists(relation)))


@given(documents(), st.sampled_from([TYPED, UNTYPED]), st.sampled_from(["text", "listed"]))
def test_what_is_written_is_read(document, syntax, order):
    relations = ordered_relations(document, order)
    text = syntax.write(document, relations)
    assert text == " ".join(text.split())

    def typed(kind: str) -> str:
        return kind if syntax.types else ""

    expected = [
        [head.name, typed(head.type), syntax.names[r.type], tail.name, typed(tail.type)]
        for r in relations
        for head, tail in [(document.entities[r.head], document.entities[r.tail])]
    ]
    assert [values(triple) for triple in syntax.read(text)] == expected
    # a fact is complete at the marker that follows what is written up to it, or at the end
    for i, located in enumerate(syntax.locate(syntax.parts(text))):
        before = syntax.write(document, relations[: i + 1]).split()
        assert located.markers == 1 + sum(word in syntax.markers for word in before)


@given(st.lists(st.sampled_from(["<triplet>", "<per>", "<loc>", "<subj>", "<obj>", "a", "b", "</s>", "<pad>"])))
def test_any_string_can_be_read(words):
    for syntax in (TYPED, UNTYPED):
        located = syntax.locate(syntax.parts(" ".join(words)))
        markers = [item.markers for item in located]
        assert markers == sorted(markers)
        assert markers == [] or markers[-1] <= 1 + sum(word in syntax.markers for word in words)


def test_names_may_hold_what_reads_like_a_marker():
    bare = Document.from_words("d", [["<triplet>", "a", "knows", "b", "<per>", "</s>"]])
    entities = [Entity("PER", "", (bare.mention(0, 2),)), Entity("LOC", "", (bare.mention(3, 6),))]
    document = bare.with_annotations(entities, [Relation(0, 1, "P19"), Relation(0, 0, "P27"), Relation(1, 0, "P27")])
    for syntax in (TYPED, UNTYPED):
        facts = syntax.facts(document, document.relations)
        assert [sum(is_marker for _, is_marker in fact) for fact in facts] == [3, 2, 3]
        located = syntax.locate(part for fact in facts for part in fact)
        assert [item.markers for item in located] == [4, 6, 9]
        first, second = "<triplet> a", "b <per> </s>"
        ends = [(item.triple.head, item.triple.relation, item.triple.tail) for item in located]
        assert ends == [(first, "place of birth", second), (first, "country", first), (second, "country", first)]


def people() -> Document:
    bare = Document.from_words("d", [["Rome", "greets", "Ann", "."], ["Ann", "Lee", "left", "Rome", "for", "Oslo"]])
    rome = Entity("LOC", "Rome", (bare.mention(7, 8), bare.mention(0, 1)))
    ann = Entity("PER", "Ann Lee", (bare.mention(4, 6), bare.mention(2, 3)))
    oslo = Entity("LOC", "Oslo", (bare.mention(9, 10),))
    facts = [Relation(1, 2, "P27"), Relation(0, 1, "P19"), Relation(1, 0, "P19"), Relation(1, 2, "P27")]
    return bare.with_annotations([rome, ann, oslo], facts)


def test_orders():
    document = people()
    listed = [(r.head, r.tail) for r in ordered_relations(document, "listed")]
    assert listed == [(0, 1), (1, 2), (1, 0), (1, 2)]
    # by place in the text, each once
    assert [(r.head, r.tail) for r in ordered_relations(document, "text")] == [(0, 1), (1, 0), (1, 2)]


def test_a_window_has_its_own_facts_and_names():
    document = people()
    first = ordered_relations(document, "text", (0, 4))
    assert [(r.head, r.tail) for r in first] == [(0, 1), (1, 0)]
    assert UNTYPED.write(document, first, (0, 4)).startswith("<triplet> Rome <subj> Ann <obj> place of birth")
    second = ordered_relations(document, "text", (4, 10))
    assert [(r.head, r.tail) for r in second] == [(1, 0), (1, 2), (0, 1)]  # Ann Lee comes first here
    assert TYPED.write(document, second, (4, 10)).startswith("<triplet> Ann Lee <per> Rome <loc> place of birth")


@pytest.mark.parametrize(
    ("entity_types", "relations", "message"),
    [
        (["PER", "per"], ["r"], "'per' has the marker <per>, which is taken"),
        (["triplet"], ["r"], "marker <triplet>, which is taken"),
        (["PER"], {"P1": "is", "P2": "is "}, "'P2' has the name 'is ', which is empty or taken"),
    ],
)
def test_names_that_cannot_be_told_apart(entity_types, relations, message):
    with pytest.raises(InputError, match=message):
        Syntax.build(Schema.from_names(entity_types, relations), True)


def test_type_names_of_several_words():
    assert Syntax.build(Schema.from_names(["Medical Device"], ["r"]), True).markers == ("<triplet>", "<medical-device>")
