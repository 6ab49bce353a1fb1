import hashlib
import json
import re
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation, text_id
from joint_ie.errors import InputError
from joint_ie.schema import Schema

SCHEMA = Schema.from_names({"PER": "person", "LOC": "location"}, {"P19": "place of birth"})


@pytest.fixture
def document() -> Document:
    bare = Document.from_words("doc-1", [["Marie", "Curie", "left", "Warsaw", "."], ["Curie", "came", "back", "."]])
    curie = Entity("PER", "Marie Curie", (bare.mention(0, 2), bare.mention(5, 6)), 0.9)
    warsaw = Entity("LOC", "Warsaw", (bare.mention(3, 4, name="Warszawa", type="ORG"),))
    return bare.with_annotations([curie, warsaw], [Relation(0, 1, "P19", "place of birth", 0.8, (0,), "both-entities")])


def test_what_people_read(document: Document) -> None:
    assert document.text == "Marie Curie left Warsaw . Curie came back ."
    assert document.words[3] == "Warsaw"
    assert [s.text for s in document.sentences] == ["Marie Curie left Warsaw .", "Curie came back ."]
    mention = document.entities[0].mentions[0]
    assert (mention.text, mention.char_start, mention.char_end) == ("Marie Curie", 0, 11)
    (triple,) = document.triples()
    assert (triple.head.name, triple.relation, triple.tail.name, triple.type) == (
        "Marie Curie",
        "place of birth",
        "Warsaw",
        "P19",
    )
    assert [sentence.index for sentence in triple.evidence] == [0]
    assert document.token_sentence == (0, 0, 0, 0, 0, 1, 1, 1, 1)
    with pytest.raises(FrozenInstanceError):
        document.id = "other"  # type: ignore[misc]


def test_unannotated_relations_are_not_no_relations(document: Document) -> None:
    silent, none = replace(document, relations=None), replace(document, relations=())
    assert "relations" not in silent.to_dict() and none.to_dict()["relations"] == []
    assert Document.from_dict(silent.to_dict()).relations is None
    assert silent.triples() == none.triples() == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tokens": [[0, 5], [4, 11]]}, "tokens[1]"),
        ({"tokens": [[0, 500]]}, "tokens[0]"),
        ({"tokens": [[0, 5, 6]]}, "tokens[0] should be two whole numbers"),
        ({"tokens": [[0, 0.9]]}, "tokens[0] should be two whole numbers"),
        ({"tokens": [[0, True]]}, "tokens[0] should be two whole numbers"),
        ({"tokens": [[0, 5], None]}, "tokens[1] should be two whole numbers"),
        ({"tokens": "no"}, "tokens should be a list, but is a string"),
        ({"text": None}, "text should be a string, but is null"),
        ({"sentences": [[0, 5], [6, 9]]}, "sentences[1]"),
        ({"sentences": [[0, 5]]}, "sentences end at token 5 of 9"),
        ({"entities": [{"type": "PER", "mentions": [[0, 10]]}]}, "[0, 10]"),
        ({"entities": [{"type": "PER", "mentions": [[2, 2]]}]}, "[2, 2]"),
        ({"entities": [{"type": "PER", "mentions": []}]}, "entities[0].mentions"),
        ({"entities": [{"mentions": [[0, 1]]}]}, "entities[0].type is missing"),
        ({"entities": [{"mentions": [[0, 1]], "type": None}]}, "entities[0].type should be a string, but is null"),
        ({"entities": [None]}, "entities[0] should be an object, but is null"),
        ({"entities": {"type": "PER"}}, "entities should be a list, but is an object"),
        ({"entities": [{"type": "PER", "mentions": [None]}]}, "entities[0].mentions[0] should be two whole numbers"),
        ({"entities": [{"type": "PER", "mentions": [[0, 1]], "name": 5}]}, "entities[0].name should be a string"),
        ({"entities": [{"type": "PER", "mentions": [[0, 1]], "id": 0.5}]}, "entities[0].id should be a string"),
        ({"entities": [{"type": "PER", "mentions": [[0, 1]], "score": True}]}, "entities[0].score should be a number"),
        (
            {"entities": [{"type": "PER", "mentions": [[0, 1]], "mention_names": ["a", "b"]}]},
            "entities[0].mention_names should be a list of a string or null for each mention (1)",
        ),
        (
            {"entities": [{"type": "PER", "mentions": [[0, 1]], "mention_types": [5]}]},
            "entities[0].mention_types should be a list of a string or null",
        ),
        ({"entities": [{"type": "PER", "mentions": [[0, 1]], "score": 1.5}]}, "entities[0].score"),
        ({"entities": [{"type": "PER", "mentions": [[0, 1]], "score": "high"}]}, "entities[0].score"),
        ({"relations": [{"head": 0, "tail": 2, "type": "P19"}]}, "relations[0].tail"),
        ({"relations": [{"head": -1, "tail": 1, "type": "P19"}]}, "relations[0].head"),
        ({"relations": [{"head": 0, "tail": 1, "type": "P19", "evidence": [2]}]}, "relations[0].evidence"),
        ({"relations": [{"head": 0, "tail": 1}]}, "relations[0].type is missing"),
        ({"relations": [{"head": 0.9, "tail": 1, "type": "P19"}]}, "relations[0].head should be a whole number"),
        ({"relations": [{"head": 0, "tail": None, "type": "P19"}]}, "relations[0].tail should be a whole number"),
        ({"relations": [{"head": 0, "tail": 1, "type": None}]}, "relations[0].type should be a string, but is null"),
        ({"relations": [{"head": 0, "tail": 1, "type": "P19", "label": 5}]}, "relations[0].label should be a string"),
        (
            {"relations": [{"head": 0, "tail": 1, "type": "P19", "evidence": [0.5]}]},
            "relations[0].evidence[0] should be a whole number",
        ),
        ({"relations": [{"head": 0, "tail": 1, "type": "P19", "evidence": "0"}]}, "relations[0].evidence should be a"),
        ({"relations": 3}, "relations should be a list, but is a number"),
        ({"candidates": [[0, 1.5]]}, "candidates[0] should be two whole numbers"),
        ({"candidates": [[0, 2]]}, "candidates[0] = [0, 2]"),
    ],
)
def test_impossible_documents_name_document_and_field(document: Document, change: dict, field: str) -> None:
    data = json.loads(json.dumps(document.to_dict())) | change
    with pytest.raises(InputError) as error:
        Document.from_dict(data, "file.jsonl line 3")
    message = str(error.value)
    assert message.startswith("file.jsonl line 3: ") and "doc-1" in message and field in message
    assert "\n" not in message and message.rpartition("; ")[2].split()[0] in {"correct", "add"}
    assert not re.search("None|NoneType|iterable|unpack|argument", message)


def test_ids_may_be_numbers_but_must_be_there(document: Document) -> None:
    data = document.to_dict()
    data["entities"][0]["id"] = 7
    read = Document.from_dict(data | {"id": 7})
    assert (read.id, read.entities[0].id) == ("7", "7")
    for wrong in (None, 0.5, True, []):
        with pytest.raises(InputError, match=r"line 1: id should be a string or a whole number, but is .*; correct it"):
            Document.from_dict(data | {"id": wrong}, "line 1")


@pytest.mark.parametrize("key", ["id", "text", "tokens", "sentences"])
def test_missing_keys(document: Document, key: str) -> None:
    data = document.to_dict()
    del data[key]
    with pytest.raises(InputError, match=f'line 1: field "{key}" is missing'):
        Document.from_dict(data, "line 1")
    with pytest.raises(InputError, match="should be an object"):
        Document.from_dict([1, 2], "line 1")  # type: ignore[arg-type]


def test_labels_outside_the_schema(document: Document) -> None:
    document.validate(SCHEMA)
    with pytest.raises(InputError, match=r"'doc-1': entities\[1\]\.type: entity type 'LOK'.*did you mean \"LOC\""):
        replace(document, entities=(document.entities[0], replace(document.entities[1], type="LOK"))).validate(SCHEMA)
    with pytest.raises(InputError, match=r"relations\[0\]\.type: relation type 'P20'"):
        replace(document, relations=(Relation(0, 1, "P20"),)).validate(SCHEMA)


WORD = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    bare = Document.from_words(draw(st.text(max_size=5)), draw(st.lists(st.lists(WORD, max_size=5), max_size=4)))
    count = len(bare.tokens)
    if not count:
        return bare
    scores = st.none() | st.floats(0, 1)
    entities = []
    for _ in range(draw(st.integers(0, 3))):
        starts = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3))
        spans = [(start, draw(st.integers(start + 1, count))) for start in starts]
        optional = st.none() | st.text(max_size=4)
        mentions = tuple(bare.mention(*span, draw(optional), draw(optional)) for span in spans)
        entities.append(Entity(draw(st.sampled_from(["PER", "x"])), draw(WORD), mentions, draw(scores)))
    if not entities or draw(st.booleans()):
        return bare.with_annotations(entities, None)
    place = st.integers(0, len(entities) - 1)
    evidence = st.lists(st.integers(0, len(bare.sentence_spans) - 1), max_size=2).map(tuple)
    relation = st.builds(
        Relation, place, place, WORD, st.none() | WORD, scores, evidence, st.none() | st.just("context")
    )
    return bare.with_annotations(entities, draw(st.lists(relation, max_size=3)))


@given(documents())
def test_json_round_trip(document: Document) -> None:
    assert Document.from_dict(json.loads(json.dumps(document.to_dict()))) == document


def test_ids_of_texts() -> None:
    assert text_id("Bob.") == text_id("Bob.") == "text-" + hashlib.sha256(b"Bob.").hexdigest()[:12]
    assert len({text_id(text) for text in ("", " ", "Bob.", "Bob", "half: \ud800")}) == 5
