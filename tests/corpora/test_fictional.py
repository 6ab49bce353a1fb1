"""The corpus of our own: what its README says about it is true."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from joint_ie.corpora import read_jsonl, recognise
from joint_ie.corpora.check import check
from joint_ie.corpora.derive import derive_schema
from joint_ie.corpora.order import in_text_order
from joint_ie.document import Document, Entity
from joint_ie.schema import Schema
from joint_ie.text import Tokeniser

FOLDER = Path(__file__).parents[2] / "data" / "fictional"
CORPUS = FOLDER / "chronicle.jsonl"


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return list(read_jsonl(CORPUS))


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.load(FOLDER / "schema.json")


def rows() -> Iterator[list[str]]:
    """The cells of every line of a table in the README, without headings."""
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[-1].isdigit():
            yield cells


def sentences_of(document: Document, entity: Entity) -> set[int]:
    return {document.token_sentence[mention.start] for mention in entity.mentions}


def test_documents_are_valid_and_in_text_order(documents: list[Document], schema: Schema) -> None:
    for document in documents:
        document.validate(schema)
        assert in_text_order(document) == document
    assert recognise(CORPUS).name == "jsonl"
    assert check(documents, schema) == []


def test_no_id_and_no_text_comes_twice(documents: list[Document]) -> None:
    assert len({document.id for document in documents}) == len({document.text for document in documents}) == 40


def test_derived_schema_is_the_schema(documents: list[Document], schema: Schema) -> None:
    derived = derive_schema(documents)
    assert set(derived.entity_index) == set(schema.entity_index)
    assert set(derived.relation_types) == set(schema.relation_types)


def test_tokens_and_sentences_are_those_of_raw_text(documents: list[Document]) -> None:
    tokenise = Tokeniser()
    for document in documents:
        bare = tokenise(document.text, document.id)
        assert (bare.tokens, bare.sentence_spans) == (document.tokens, document.sentence_spans)


def test_entity_types_are_those_of_the_readme(documents: list[Document], schema: Schema) -> None:
    found = Counter(entity.type for document in documents for entity in document.entities)
    said = {cells[0].strip("`"): int(cells[2]) for cells in rows() if len(cells) == 3}
    assert said == found
    assert list(said) == list(schema.entity_index)


def test_relation_types_are_those_of_the_readme(documents: list[Document], schema: Schema) -> None:
    listed = [(document, relation) for document in documents for relation in document.relations or ()]
    facts = Counter(relation.type for _, relation in listed)
    spread = Counter(relation for _, relation in {(document.id, relation.type) for document, relation in listed})
    ends = {(r.type, document.entities[r.head].type, document.entities[r.tail].type) for document, r in listed}
    table = [cells for cells in rows() if len(cells) == 5]
    said = {cells[0].strip("`"): (int(cells[3]), int(cells[4])) for cells in table}
    assert said == {relation: (facts[relation], spread[relation]) for relation in facts}
    assert list(said) == list(schema.relation_index)
    directions = set()
    for cells in table:
        heads, tails = (re.findall(r"`(\w+)`", side) for side in cells[1].split("→"))
        directions |= {(cells[0].strip("`"), head, tail) for head in heads for tail in tails}
    assert directions == ends
    assert all(number >= 25 and in_documents >= 12 for number, in_documents in said.values())


def test_counts_are_those_of_the_readme(documents: list[Document]) -> None:
    facts: set[tuple[str, str, str, str]] = set()
    count: Counter[str] = Counter()
    for document in documents:
        entities, relations = document.entities, document.relations or ()
        related = {end for relation in relations for end in (relation.head, relation.tail)}
        surnames = Counter(entity.name.split()[-1] for entity in entities if entity.type == "PERSON")
        types_of: dict[str, set[str]] = {}
        for entity in entities:
            for mention in entity.mentions:
                types_of.setdefault(mention.text, set()).add(entity.type)
        facts |= {(document.id, entities[r.head].name, r.type, entities[r.tail].name) for r in relations}
        count["documents"] += 1
        count["sentences"] += len(document.sentences)
        count["tokens"] += len(document.tokens)
        count["mentions"] += sum(len(entity.mentions) for entity in entities)
        count["entities"] += len(entities)
        count["entities with several mentions"] += sum(len(entity.mentions) > 1 for entity in entities)
        count["facts"] += len(relations)
        count["facts across sentences (no sentence names both entities)"] += sum(
            sentences_of(document, entities[r.head]).isdisjoint(sentences_of(document, entities[r.tail]))
            for r in relations
        )
        count["documents with two people of one surname"] += max(surnames.values(), default=0) > 1
        count["documents with one name for entities of two types"] += any(len(types) > 1 for types in types_of.values())
        count["documents with exactly one entity without a relation"] += len(entities) - len(related) == 1
        count["documents without relations"] += not relations
    told = Counter(fact[1:] for fact in facts)
    count["facts that stand in several documents"] = sum(number > 1 for number in told.values())
    assert {cells[0]: int(cells[1]) for cells in rows() if len(cells) == 2} == dict(count)


def test_evidence_names_both_entities(documents: list[Document]) -> None:
    for document in documents:
        for relation in document.relations or ():
            evidence = relation.evidence
            assert evidence and list(evidence) == sorted(set(evidence))
            for end in (relation.head, relation.tail):
                assert sentences_of(document, document.entities[end]) & set(evidence), (document.id, relation)


def test_no_occurrence_of_a_name_is_left_out(documents: list[Document]) -> None:
    for document in documents:
        mentions = [mention for entity in document.entities for mention in entity.mentions]
        marked = {i for mention in mentions for i in range(mention.start, mention.end)}
        for words in {document.words[mention.start : mention.end] for mention in mentions}:
            for start in range(len(document.words) - len(words) + 1):
                if document.words[start : start + len(words)] == words:
                    assert marked.issuperset(range(start, start + len(words))), (document.id, words, start)
