"""Scores by distance, mentions, length and frequency: golden intra and inter, sums, and brute force."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus
from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation.error_report import error_report
from joint_ie.evaluation.scores import Score
from joint_ie.evaluation.tally import Tally

KINDS = {
    "sentence_distance": ["0", "1", "2", "3+"],
    "mentions": ["1", "2", "3", "4+"],
    "document_words": ["0-100", "101-200", "201-400", "401-800", "801+"],
    "relation_frequency": ["0", "1-9", "10-99", "100-999", "1000+"],
}
Clusters = Sequence[Sequence[int]]
Facts = Sequence[tuple[int, int, str]]


def build(sentences: Sequence[int], clusters: Clusters, facts: Facts, id: str = "d") -> Document:
    """Sentences of so many words; mentions are single words, given by their positions."""
    document = Document.from_words(id, [["w"] * length for length in sentences])
    entities = [Entity("X", "w", tuple(document.mention(i, i + 1) for i in words)) for words in clusters]
    return document.with_annotations(entities, [Relation(*fact) for fact in facts])


@pytest.fixture(scope="module")
def gold(shared: Path) -> list[Document]:
    return load_corpus("redocred/dev", root=shared / "data")


@pytest.mark.parametrize("name", ["p1_light", "p2_mid", "p3_heavy"])
def test_golden_intra_and_inter(shared: Path, gold: list[Document], name: str) -> None:
    folder = shared / "golden" / "joint_and_scoring" / "b_gold_entity"
    want = json.loads((folder / "expected_all_definitions.json").read_text(encoding="utf-8"))[name]
    relations: dict[str, list[Relation]] = {document.id: [] for document in gold}
    places = {document.id: {entity.id: i for i, entity in enumerate(document.entities)} for document in gold}
    for item in json.loads((folder / f"pred_{name}.json").read_text(encoding="utf-8")):
        place = places[item["title"]]
        relation = Relation(place[str(item["h_idx"])], place[str(item["t_idx"])], item["r"])
        relations[item["title"]].append(relation)
    predicted = [replace(document, relations=tuple(relations[document.id])) for document in gold]
    rows = error_report(gold, predicted, "gold-entities").buckets["sentence_distance"]
    inter = rows["1"] + rows["2"] + rows["3+"]
    for score, part in ((rows["0"].score(), "intra"), (inter.score(), "inter")):
        assert (score.true_positives, score.predicted, score.gold) == tuple(
            want[part][k] for k in ("tp", "n_pred", "n_gold")
        )
        assert score.f1 == pytest.approx(want[part]["f1"], rel=1e-12)


def where(documents: Sequence[Document], kind: str) -> list[str]:
    """The buckets that gold facts are in."""
    return [
        name for name, tally in error_report(documents, documents).buckets[kind].items() for _ in range(int(tally.gold))
    ]


def test_sentence_distance_is_that_of_the_closest_mentions() -> None:
    facts = [(0, 1, "R"), (1, 2, "R"), (0, 2, "R"), (3, 2, "R"), (4, 2, "R")]
    clusters = [[0], [2, 6], [7], [4], [3]]  # sentences 0; 1, 3; 3; 2; 1
    assert where([build([2, 2, 2, 2], clusters, facts)], "sentence_distance") == ["0", "1", "1", "2", "3+"]


def test_a_mention_across_sentences_is_in_both() -> None:
    document = build([2, 2, 2], [[0], [5]], [(0, 1, "R")])
    across = Entity("X", "w w", (document.mention(3, 5),))
    assert where([replace(document, entities=(document.entities[0], across))], "sentence_distance") == ["1"]


def test_mentions_are_those_of_the_end_that_has_fewer_without_repeats() -> None:
    clusters = [[0], [1, 2], [3, 4, 5], [6, 7, 8, 9], [10, 11, 12, 13, 14], [15, 15]]
    facts = [(3, 4, "R"), (2, 3, "R"), (4, 1, "R"), (0, 4, "R"), (5, 4, "R")]
    assert where([build([20], clusters, facts)], "mentions") == ["1", "1", "2", "3", "4+"]


@pytest.mark.parametrize(
    ("words", "bucket"),
    [(100, "0-100"), (101, "101-200"), (200, "101-200"), (201, "201-400"), (800, "401-800"), (801, "801+")],
)
def test_document_words(words: int, bucket: str) -> None:
    assert where([build([words], [[0], [1]], [(0, 1, "R")])], "document_words") == [bucket]


def test_relation_frequency_is_that_of_gold_facts() -> None:
    pairs = [(head, tail) for head in range(4) for tail in range(4) if head != tail]
    gold = build(
        [9], [[0], [1], [2], [3]], [*((*pair, "R") for pair in pairs[:10]), *((*pair, "S") for pair in pairs[:9])]
    )
    predicted = replace(gold, relations=(*(gold.relations or ()), Relation(0, 1, "T")))
    rows = error_report([gold], [predicted]).buckets["relation_frequency"]
    assert {name: (tally.predicted, tally.gold) for name, tally in rows.items()} == {
        "0": (1, 0),
        "1-9": (9, 9),
        "10-99": (10, 10),
        "100-999": (0, 0),
        "1000+": (0, 0),
    }


clusters = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), min_size=1, max_size=4)


@st.composite
def documents(draw: st.DrawFn, entities: Clusters | None = None) -> Document:
    found = draw(clusters) if entities is None else entities
    ends = st.integers(0, len(found) - 1)
    return build([3, 1, 0, 4, 2], found, draw(st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=8)))


def check_sums(buckets: dict[str, dict[str, Tally]], whole: Score) -> None:
    assert {kind: list(rows) for kind, rows in buckets.items()} == KINDS
    for kind, rows in buckets.items():
        assert sum(rows.values(), Tally()).score() == whole, kind


@given(documents(), documents())
def test_buckets_add_up_to_the_whole(gold: Document, predicted: Document) -> None:
    report = error_report([gold], [predicted])
    check_sums(report.buckets, report.relations)


@given(clusters, st.data())
def test_buckets_add_up_to_the_whole_and_equal_brute_force_with_gold_entities(
    entities: Clusters, data: st.DataObject
) -> None:
    gold, predicted = data.draw(documents(entities)), data.draw(documents(entities))
    report = error_report([gold], [predicted], "gold-entities")
    check_sums(report.buckets, report.relations)
    sentence = [0, 0, 0, 1, 3, 3, 3, 3, 4, 4]
    gaps = [
        min(abs(sentence[i] - sentence[j]) for i in entities[head] for j in entities[tail])
        for head, tail, _ in {(r.head, r.tail, r.type) for r in gold.relations or ()}
    ]
    rows = report.buckets["sentence_distance"]
    assert [tally.gold for tally in rows.values()] == [*(gaps.count(i) for i in range(3)), sum(gap > 2 for gap in gaps)]
