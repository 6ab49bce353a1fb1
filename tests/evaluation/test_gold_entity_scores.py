import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.evaluation import gold_entities
from joint_ie.evaluation.gold_entities import Fact, NamedFact, score_facts

PREDICTIONS = ["p1_light", "p2_mid", "p3_heavy", "p4_odd"]
PEER_EPSILON = 1e-5


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden" / "joint_and_scoring" / "b_gold_entity"


@pytest.fixture(scope="module")
def dev(shared: Path) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = load(shared / "data" / "redocred" / "dev_revised.json")
    return data


@pytest.fixture(scope="module")
def gold(dev: list[dict[str, Any]]) -> list[Document]:
    documents = []
    for item in dev:
        document = Document.from_words(item["title"], item["sents"])
        starts = [span[0] for span in document.sentence_spans]
        entities = []
        for vertex in item["vertexSet"]:
            mentions = tuple(
                document.mention(starts[m["sent_id"]] + m["pos"][0], starts[m["sent_id"]] + m["pos"][1], m["name"])
                for m in vertex
            )
            entities.append(Entity(vertex[0]["type"], vertex[0]["name"], mentions))
        facts = [Relation(label["h"], label["t"], label["r"]) for label in item["labels"]]
        documents.append(document.with_annotations(entities, facts))
    return documents


@pytest.fixture(scope="module")
def train(shared: Path) -> set[NamedFact]:
    """Names of every labelled training fact, straight from the file."""
    return {
        (head["name"], tail["name"], label["r"])
        for item in load(shared / "data" / "redocred" / "train_partial_992.json")
        for label in item["labels"]
        for head in item["vertexSet"][label["h"]]
        for tail in item["vertexSet"][label["t"]]
    }


@pytest.fixture(scope="module")
def known(golden: Path, dev: list[dict[str, Any]]) -> set[Fact]:
    flags = load(golden / "gold_labels_in_train.json")
    return {
        (item["title"], label["h"], label["t"], label["r"])
        for item, listed in zip(dev, flags, strict=True)
        for label, flag in zip(item["labels"], listed["label_in_train"], strict=True)
        if flag
    }


def submission(golden: Path, name: str) -> list[Fact]:
    return [(item["title"], item["h_idx"], item["t_idx"], item["r"]) for item in load(golden / f"pred_{name}.json")]


@pytest.mark.parametrize("name", PREDICTIONS)
def test_golden_submissions(golden: Path, dev: list[dict[str, Any]], known: set[Fact], name: str) -> None:
    expected = load(golden / "expected_peers.json")[name]
    facts = {(item["title"], label["h"], label["t"], label["r"]) for item in dev for label in item["labels"]}
    predicted = submission(golden, name)

    exact, want = score_facts(facts, predicted, known), expected["docred_official_script"]
    assert exact.relations.f1 == pytest.approx(want["f1"], rel=1e-12, abs=0)
    assert exact.relations.precision == pytest.approx(want["precision"], rel=1e-12, abs=0)
    assert exact.relations.recall == pytest.approx(want["recall"], rel=1e-12, abs=0)
    assert exact.relations_ign.f1 == pytest.approx(want["ign_f1_annotated"], rel=1e-12, abs=0)
    assert exact.relations_ign.precision == pytest.approx(want["ign_precision_annotated"], rel=1e-12, abs=0)
    counts = (exact.relations.true_positives, exact.relations.predicted, exact.relations.gold, exact.known)
    assert counts == (want["n_correct"], want["n_submitted"], want["n_gold"], want["n_correct_in_train"])

    for peer in ("redocred", "atlop", "kd_docre"):
        later = score_facts(facts, predicted, known, epsilon=PEER_EPSILON)
        assert later.relations.f1 == pytest.approx(expected[peer]["f1"], rel=1e-12, abs=0)
        assert later.relations_ign.f1 == pytest.approx(expected[peer]["ign_f1_annotated"], rel=1e-12, abs=0)
        no_distant = score_facts(facts, predicted, epsilon=PEER_EPSILON).relations_ign
        assert no_distant.f1 == pytest.approx(expected[peer]["ign_f1_distant"], rel=1e-12, abs=0)


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("epsilon", [0.0, PEER_EPSILON])
def test_golden_documents(golden: Path, gold: list[Document], train: set[NamedFact], name: str, epsilon: float) -> None:
    """The same numbers from Documents and from the training file; `p4_odd` without its unknown titles."""
    documents = {document.id: replace(document, relations=()) for document in gold}
    for title, head, tail, relation in submission(golden, name):
        if title in documents:
            document = documents[title]
            documents[title] = replace(
                document, relations=(*(document.relations or ()), Relation(head, tail, relation))
            )
    scores = gold_entities(gold, documents.values(), train, epsilon)

    expected = load(golden / "expected_peers.json")[name]
    if name == "p4_odd":
        want = expected["redocred_benchmark_unknown_titles_removed"] if epsilon else None
    else:
        want = expected["redocred"] if epsilon else expected["docred_official_script"]
    assert scores.relations_ign is not None
    assert scores.known == expected["docred_official_script"]["n_correct_in_train"]
    assert scores.relations_ign.f1 < scores.relations.f1
    if want:
        assert scores.relations.f1 == pytest.approx(want["f1"], rel=1e-12, abs=0)
        assert scores.relations_ign.f1 == pytest.approx(want["ign_f1_annotated"], rel=1e-12, abs=0)


def test_golden_known_flags(gold: list[Document], train: set[NamedFact], known: set[Fact]) -> None:
    """Each flag on its own: a gold fact alone is known exactly if the flag says so."""
    assert gold_entities(gold, gold, train).known == len(known)
    for document in gold:
        facts = [(document.id, r.head, r.tail, r.type) for r in document.relations or ()]
        for fact, relation in zip(facts, document.relations or (), strict=True):
            alone = [replace(document, relations=(relation,))]
            assert gold_entities(alone, alone, train).known == (fact in known), fact


def test_golden_corner_cases(golden: Path, dev: list[dict[str, Any]]) -> None:
    cases = load(golden / "corner_cases.json")
    facts = {(item["title"], label["h"], label["t"], label["r"]) for item in dev for label in item["labels"]}
    assert score_facts(facts, []).relations.f1 == cases["results"]["empty"]["redocred"][0] == 0.0
    one = [(item["title"], item["h_idx"], item["t_idx"], item["r"]) for item in cases["one_correct_fact"]]
    want = cases["results"]["one_correct_fact"]["redocred"]
    scores = score_facts(facts, one, epsilon=PEER_EPSILON)
    assert scores.relations.f1 == pytest.approx(want[0], rel=1e-12)
    assert scores.relations_ign.f1 == pytest.approx(want[2], rel=1e-12)
    assert (scores.relations.precision, scores.relations.recall) == pytest.approx((want[4], want[5]), rel=1e-12)


def build(relations: list[tuple[int, int, str]] | None, id: str = "d") -> Document:
    document = Document.from_words(id, [["Ann", "Annie", "Rome", "Oslo"]])
    entities = [
        Entity("PER", "Ann", (document.mention(0, 1), document.mention(1, 2, "Miss Annie"))),
        Entity("LOC", "Rome", (document.mention(2, 3),)),
        Entity("LOC", "Oslo", (document.mention(3, 4),)),
    ]
    return document.with_annotations(entities, None if relations is None else [Relation(*r) for r in relations])


@pytest.mark.parametrize(
    ("fact", "known"),
    [
        (("Ann", "Rome", "P19"), 1),
        (("Miss Annie", "Rome", "P19"), 1),
        (("Annie", "Rome", "P19"), 0),  # the corpus gives this mention another name than the text
        (("Rome", "Ann", "P19"), 0),
        (("Ann", "Rome", "P20"), 0),
        (("Ann", "Oslo", "P19"), 0),
    ],
)
def test_known_needs_both_names_and_the_relation(fact: NamedFact, known: int) -> None:
    scores = gold_entities([build([(0, 1, "P19")])], [build([(0, 1, "P19"), (0, 2, "P19")])], {fact})
    assert scores.known == known
    assert scores.relations_ign is not None
    assert (scores.relations_ign.predicted, scores.relations_ign.recall) == (2 - known, 1.0)


def test_only_right_facts_are_left_out() -> None:
    scores = gold_entities([build([(0, 1, "P19")])], [build([(0, 2, "P19")])], {("Ann", "Oslo", "P19")})
    assert scores.known == 0
    assert scores.relations_ign == scores.relations


def test_repeats_and_direction() -> None:
    gold = [build([(0, 1, "P19"), (0, 1, "P19"), (0, 2, "P20")])]
    scores = gold_entities(gold, [build([(0, 1, "P19"), (0, 1, "P19"), (2, 0, "P20")])])
    counts = (scores.relations.true_positives, scores.relations.predicted, scores.relations.gold)
    assert counts == (1, 2, 2)


def test_without_training_facts_there_is_no_ign_score() -> None:
    document = build([(0, 1, "P19")])
    data = gold_entities([document], [document]).to_dict()
    assert "relations_ign" not in data
    assert data["relations"]["f1"] == 1.0
    everything_known = gold_entities([document], [document], {("Ann", "Rome", "P19")}).to_dict()
    assert everything_known["relations_ign"]["f1"] == 0.0
    assert everything_known["known"] == 1
    assert gold_entities([document], [document], set()).to_dict()["relations_ign"]["f1"] == 1.0


def test_nothing_anywhere_scores_zero() -> None:
    assert gold_entities([], [], set()).to_dict()["relations"]["f1"] == 0.0
    assert gold_entities([build([])], [build([])], set()).to_dict()["relations_ign"]["f1"] == 0.0


def test_missing_and_unannotated_documents() -> None:
    facts = [(0, 1, "P19")]
    gold = [build(facts, "1"), build(facts, "2"), build(None, "3")]
    scores = gold_entities(gold, [build(facts, "2"), build(facts, "3")])
    assert (scores.documents, scores.missing, scores.without_relations) == (3, 1, 1)
    assert (scores.relations.precision, scores.relations.recall) == (1.0, 0.5)
    assert scores.relations.predicted == 1


def test_bad_input_is_named() -> None:
    document = build([])
    with pytest.raises(InputError, match="'d' has 2 entities where gold has 3"):
        gold_entities([document], [replace(document, entities=document.entities[:2])])
    with pytest.raises(InputError, match="'e' is not among"):
        gold_entities([document], [replace(document, id="e")])
    with pytest.raises(InputError, match="negative"):
        score_facts([], [], epsilon=-1e-5)


facts = st.sets(
    st.tuples(st.sampled_from("de"), st.integers(0, 2), st.integers(0, 2), st.sampled_from("RS")), max_size=12
)


@given(facts, facts, facts, st.sampled_from([0.0, PEER_EPSILON]))
def test_ign_never_exceeds_f1(gold: set[Fact], predicted: set[Fact], known: set[Fact], epsilon: float) -> None:
    scores = score_facts(gold, list(predicted) * 2, known, epsilon)
    assert scores.relations_ign.f1 <= scores.relations.f1
    assert scores.relations_ign.recall == scores.relations.recall
    assert scores.known == sum(fact in predicted and fact in known for fact in gold)
    left = [fact for fact in predicted if not (fact in gold and fact in known)]
    right = sum(fact in gold for fact in left)
    denominator = len(left) + epsilon
    assert scores.relations_ign.precision == pytest.approx(right / denominator if denominator else 0.0, rel=1e-12)


@given(facts, facts)
def test_unknown_documents_stay_in_the_denominator(gold: set[Fact], predicted: set[Fact]) -> None:
    before = score_facts(gold, predicted).relations
    after = score_facts(gold, {*predicted, ("no such document", 0, 1, "R")}).relations
    assert after.predicted == before.predicted + 1
    assert after.precision <= before.precision
    assert after.recall == before.recall


@given(facts, facts)
def test_swapping_sides_swaps_precision_and_recall(gold: set[Fact], predicted: set[Fact]) -> None:
    there, back = score_facts(gold, predicted).relations, score_facts(predicted, gold).relations
    assert (there.precision, there.recall, there.f1) == (back.recall, back.precision, back.f1)
