"""Statistics against the data README's numbers, irregularities against a document that has one of each."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from joint_ie.corpora import docred_schema, load_corpus
from joint_ie.corpora.check import check
from joint_ie.corpora.describe import describe
from joint_ie.document import Document, Entity, Relation


@pytest.mark.parametrize(
    ("corpus", "documents", "facts", "types", "evidence"),
    [("redocred/train", 992, 28146, 95, 15215), ("redocred/dev", 500, 17284, 95, 17284 - 9811)],
)
def test_published_numbers(shared: Path, corpus: str, documents: int, facts: int, types: int, evidence: int) -> None:
    statistics = describe(load_corpus(corpus, root=shared / "data"))
    assert (statistics.documents, statistics.relations, statistics.relation_types) == (documents, facts, types)
    assert statistics.relations_with_evidence == evidence
    assert statistics.to_dict()["relation_types"] == types


def test_ordered_pairs_of_dev(shared: Path) -> None:
    documents = load_corpus("redocred/dev", root=shared / "data")
    pairs = sum(len(d.entities) * (len(d.entities) - 1) for d in documents)
    assert pairs == 193_232  # golden README 3, related_pairs
    assert describe(documents).entities_mean == sum(len(d.entities) for d in documents) / 500


def test_intra_and_inter_facts(shared: Path) -> None:
    """Cross-sentence facts by brute force over mention pairs (golden README 3: smallest sentence distance)."""
    documents = load_corpus("redocred/dev", root=shared / "data")
    inter = 0
    for document in documents:
        for relation in document.relations or ():
            head, tail = document.entities[relation.head], document.entities[relation.tail]
            inter += all(
                document.token_sentence[a.start] != document.token_sentence[b.start]
                for a in head.mentions
                for b in tail.mentions
            )
    assert describe(documents).relations_cross_sentence == inter


def test_unlabelled_documents(shared: Path) -> None:
    statistics = describe(load_corpus("docred/unlabelled", root=shared / "data"))
    assert statistics.documents == statistics.documents_without_relation_annotation == 999
    assert statistics.relations == 0 and statistics.mention_width_max == 25


def test_nothing_to_describe() -> None:
    statistics = describe([])
    assert statistics.documents == statistics.words_max == statistics.relation_types == 0
    assert statistics.words_mean == statistics.entities_mean == 0.0


def odd_document() -> Document:
    bare = Document.from_words("odd", [["w"] * 20])
    entities = [
        Entity("PER", "a", (bare.mention(4, 6), bare.mention(2, 3), bare.mention(4, 6))),
        Entity("LOC", "b", (bare.mention(2, 3), bare.mention(5, 7, type="ORG"))),
        Entity("odd", "c", (bare.mention(0, 1),)),
        Entity("LOC", "d", (bare.mention(8, 19),)),
    ]
    return bare.with_annotations(
        entities, [Relation(0, 1, "P17"), Relation(0, 1, "P17"), Relation(2, 2, "P6"), Relation(1, 0, "odd")]
    )


def test_every_kind_of_irregularity() -> None:
    documents = [odd_document(), Document.from_words("empty", [])]
    expected = {
        ("odd", "repeated mention"): 1,
        ("odd", "mentions not in text order"): 1,
        ("odd", "one span, several entities"): 1,
        ("odd", "overlapping mentions"): 1,
        ("odd", "mixed mention types"): 1,
        ("odd", "wide mention"): 1,
        ("odd", "entities not in text order"): 1,
        ("odd", "repeated relation"): 1,
        ("odd", "relation to itself"): 1,
        ("empty", "empty document"): 1,
        ("empty", "no relation annotation"): 1,
    }
    assert Counter((item.document, item.kind) for item in check(documents)) == expected
    labelled = Counter((item.document, item.kind) for item in check(documents, docred_schema()))
    assert labelled == {**expected, ("odd", "unknown label"): 2}
    asked = replace(odd_document(), candidates=((0, 1), (2, 0)))
    outside = Counter((item.document, item.kind) for item in check([asked]))
    assert outside["odd", "relation outside of the candidates"] == 2  # 2 to 2, 1 to 0


def test_a_regular_document_has_none() -> None:
    bare = Document.from_words("fine", [["Ann", "met", "Bo"]])
    people = [Entity("PER", "Ann", (bare.mention(0, 1),)), Entity("PER", "Bo", (bare.mention(2, 3),))]
    assert check([bare.with_annotations(people, [])], docred_schema()) == []


def test_irregularities_of_dev(shared: Path) -> None:
    """Against a second count: pairs of spans, all with all."""
    documents = load_corpus("redocred/dev", root=shared / "data")
    overlaps = shared_spans = 0
    for document in documents:
        spans = sorted({m.span for entity in document.entities for m in entity.mentions})
        overlaps += sum(a[0] < b[1] and b[0] < a[1] for i, a in enumerate(spans) for b in spans[i + 1 :])
        owners = Counter(span for entity in document.entities for span in {m.span for m in entity.mentions})
        shared_spans += sum(count > 1 for count in owners.values())
    found = Counter(item.kind for item in check(documents, docred_schema()))
    assert found["overlapping mentions"] == overlaps and found["one span, several entities"] == shared_spans
    assert found["mixed mention types"] == 9 and found["unknown label"] == 0
