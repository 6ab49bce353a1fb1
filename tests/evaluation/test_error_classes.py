"""Classes of errors with gold entities: on golden predictions, by hand, and against brute force."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.evaluation.error_classes import Judged, confusion, judge_gold_entities, unrelated_pairs
from joint_ie.evaluation.error_report import ErrorReport, error_report

Facts = Sequence[tuple[int, int, str]]


def build(facts: Facts | None, id: str = "d", entities: int = 3) -> Document:
    document = Document.from_words(id, [["a", "b", "c", "d"]])
    found = [Entity("X", document.words[i], (document.mention(i, i + 1),)) for i in range(entities)]
    return document.with_annotations(found, None if facts is None else [Relation(h, t, r) for h, t, r in facts])


def classes(judged: Judged) -> tuple[dict[Any, str], dict[Any, str]]:
    """By (head, tail, relation)."""
    gold, predicted = (
        {(fact.head.key, fact.tail.key, fact.type): error for fact, error in side.items()}
        for side in (judged.gold, judged.predicted)
    )
    return gold, predicted


@pytest.fixture(scope="module")
def dev(shared: Path) -> list[Document]:
    return load_corpus("redocred/dev", root=shared / "data")


def submitted(gold: Sequence[Document], submission: Sequence[dict[str, Any]]) -> list[Document]:
    """A submission for known documents as Documents, repeats included."""
    relations: dict[str, list[Relation]] = {document.id: [] for document in gold}
    places = {document.id: {entity.id: i for i, entity in enumerate(document.entities)} for document in gold}
    for item in submission:
        if item["title"] in relations:
            place = places[item["title"]]
            head, tail = place[str(item["h_idx"])], place[str(item["t_idx"])]
            relations[item["title"]].append(Relation(head, tail, item["r"]))
    return [replace(document, relations=tuple(relations[document.id])) for document in gold]


@pytest.mark.parametrize("name", ["p1_light", "p2_mid", "p3_heavy", "p4_odd"])
def test_golden(shared: Path, dev: list[Document], name: str) -> None:
    """The golden numbers have no such table, but they have what its parts must add up to, for facts and for pairs."""
    folder = shared / "golden" / "joint_and_scoring" / "b_gold_entity"
    submission = json.loads((folder / f"pred_{name}.json").read_text(encoding="utf-8"))
    want = json.loads((folder / "expected_all_definitions.json").read_text(encoding="utf-8"))[name]
    report = error_report(dev, submitted(dev, submission), "gold-entities")
    titles = {document.id for document in dev}
    strays = {(s["title"], s["h_idx"], s["t_idx"], s["r"]) for s in submission if s["title"] not in titles}
    selves = {(s["title"], s["h_idx"]) for s in submission if s["h_idx"] == s["t_idx"] and s["title"] in titles}

    facts = want["relation"]
    assert sum(report.gold.values()) == facts["n_gold"]
    assert sum(report.predicted.values()) == facts["n_pred"] - len(strays)
    assert report.gold["correct"] == report.predicted["correct"] == facts["tp"]
    assert report.relations.recall == pytest.approx(facts["recall"], rel=1e-12)

    pairs = want["related_pairs"]
    missed, spurious = (
        {
            (case.gold.id, fact.pair)
            for case in report.cases
            for fact in side(case.judged)
            if side(case.judged)[fact] == error
        }
        for side, error in ((lambda j: j.gold, "missed"), (lambda j: j.predicted, "spurious"))
    )
    assert len(missed) == pairs["n_gold"] - pairs["tp"]
    assert len(spurious) == pairs["n_pred"] - pairs["tp"] - len({stray[:3] for stray in strays})
    assert report.unrelated_pairs == pairs["n_pairs"] - pairs["n_gold"] - len(spurious) + len(selves)
    assert report.gold["missed"] >= len(missed) and report.predicted["spurious"] >= len(spurious)
    shares = report.to_dict()["table7"]
    assert list(shares) == ["correct", "wrong", "missed", "spurious"]
    assert sum(row["share"] for row in shares.values()) == pytest.approx(1)


def test_table7_counts_wrong_and_spurious_as_predicted_and_missed_as_gold_facts() -> None:
    gold = build([(0, 1, "R"), (0, 1, "S"), (1, 0, "R"), (1, 2, "R"), (1, 2, "S")])
    predicted = build([(0, 1, "R"), (0, 1, "T"), (0, 1, "U"), (2, 1, "R"), (2, 1, "S"), (2, 1, "S")])
    of_gold, of_predicted = classes(judge_gold_entities(gold, predicted))
    assert of_gold == {
        (0, 1, "R"): "correct",
        (0, 1, "S"): "wrong",
        (1, 0, "R"): "missed",
        (1, 2, "R"): "missed",
        (1, 2, "S"): "missed",
    }
    assert of_predicted == {
        (0, 1, "R"): "correct",
        (0, 1, "T"): "wrong",
        (0, 1, "U"): "wrong",
        (2, 1, "R"): "spurious",
        (2, 1, "S"): "spurious",
    }
    report = error_report([gold], [predicted], "gold-entities")
    assert report.table7 == {"correct": 1, "wrong": 2, "missed": 3, "spurious": 2}
    assert report.gold == {"correct": 1, "wrong": 1, "missed": 3}
    assert report.predicted == {"correct": 1, "wrong": 2, "spurious": 2}
    assert report.unrelated_pairs == 2  # (0, 2) and (2, 0)
    assert report.to_dict()["table7"]["missed"] == {"count": 3, "share": 3 / 8}


def test_a_relation_of_an_entity_with_itself_is_a_fact_but_no_pair() -> None:
    gold, predicted = build([]), build([(1, 1, "R")])
    judged = judge_gold_entities(gold, predicted)
    assert classes(judged)[1] == {(1, 1, "R"): "spurious"}
    assert unrelated_pairs(gold, judged) == 6


def test_entities_with_the_same_mentions_stay_apart() -> None:
    gold = build([(0, 2, "R")])
    twins = replace(gold, entities=(gold.entities[0], gold.entities[0], gold.entities[2]))
    predicted = replace(twins, relations=(Relation(1, 2, "R"),))
    of_gold, of_predicted = classes(judge_gold_entities(twins, predicted))
    assert (of_gold, of_predicted) == ({(0, 2, "R"): "missed"}, {(1, 2, "R"): "spurious"})


def test_pairs_that_nobody_asked_about_are_not_scored() -> None:
    gold = replace(build([(0, 1, "R"), (0, 2, "R")]), candidates=((0, 1), (1, 2)))
    judged = judge_gold_entities(gold, build([(0, 1, "R"), (2, 0, "R")]))
    assert classes(judged) == ({(0, 1, "R"): "correct"}, {(0, 1, "R"): "correct"})
    assert unrelated_pairs(gold, judged) == 1
    assert (len(judged.gold_listed), len(judged.predicted_listed)) == (2, 2)


def test_documents_without_relation_annotation_count_nowhere() -> None:
    gold = [build(None, "1"), build([(0, 1, "R")], "2")]
    predicted = [build([(0, 1, "R")], "1")]
    report = error_report(gold, predicted, "gold-entities")
    assert (report.documents, report.missing, report.without_relations) == (2, 1, 1)
    assert report.table7 == {"correct": 0, "wrong": 0, "missed": 1, "spurious": 0}
    assert report.unrelated_pairs == 5
    assert report.cases[0].judged.predicted == {}


def test_other_entities_are_refused() -> None:
    with pytest.raises(InputError, match="predicted document 'd' has 2 entities where gold has 3"):
        error_report([build([])], [build([], entities=2)], "gold-entities")


def test_confusion() -> None:
    gold = build([(0, 1, "R"), (0, 1, "S"), (1, 0, "R"), (1, 2, "R"), (2, 1, "R")])
    predicted = build([(0, 1, "R"), (0, 1, "T"), (1, 0, "S"), (1, 0, "T"), (2, 0, "S"), (2, 1, "R"), (2, 1, "T")])
    assert confusion([judge_gold_entities(gold, predicted)]) == {
        ("R", "R"): 2,
        (None, "S"): 1,  # on (2, 0)
        (None, "T"): 1,  # beside the right one on (2, 1)
        ("R", None): 1,  # on (1, 2)
        ("R", "S"): 1,  # on (1, 0), as is the next
        ("R", "T"): 1,
        ("S", "T"): 1,  # on (0, 1), where R was right
    }
    report = error_report([gold], [predicted], "gold-entities")
    assert report.to_dict()["confusion"][0] == {"gold": "R", "predicted": "R", "count": 2}
    json.dumps(report.to_dict(), allow_nan=False)


facts = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from("RST")), max_size=10)


def report_of(gold: Facts, predicted: Facts) -> ErrorReport:
    return error_report([build(gold)], [build(predicted)], "gold-entities")


@given(facts, facts)
def test_classes_equal_brute_force(gold: Facts, predicted: Facts) -> None:
    report = report_of(gold, predicted)
    wanted, found = sorted(set(gold)), sorted(set(predicted))
    correct = [fact for fact in found if fact in wanted]
    wrong = [f for f in found if f not in wanted and any(f[:2] == other[:2] for other in wanted)]
    missed = [f for f in wanted if not any(f[:2] == other[:2] for other in found)]
    assert report.table7 == {
        "correct": len(correct),
        "wrong": len(wrong),
        "missed": len(missed),
        "spurious": len(found) - len(correct) - len(wrong),
    }
    assert sum(report.gold.values()) == report.relations.gold == len(wanted)
    assert sum(report.predicted.values()) == report.relations.predicted == len(found)
    silent = [
        (head, tail)
        for head in range(3)
        for tail in range(3)
        if head != tail and not any(fact[:2] == (head, tail) for fact in (*wanted, *found))
    ]
    assert report.unrelated_pairs == len(silent)


@given(facts, facts)
def test_confusion_accounts_for_every_fact(gold: Facts, predicted: Facts) -> None:
    report, back = report_of(gold, predicted), report_of(predicted, gold)
    assert {(one, other): count for (other, one), count in back.confusion.items()} == dict(report.confusion)
    for relation in "RST":
        row = {other: count for (one, other), count in report.confusion.items() if one == relation}
        facts = [fact for fact in set(gold) if fact[2] == relation]
        assert row.get(relation, 0) == sum(fact in predicted for fact in facts)
        alone = [
            f for f in facts if f not in predicted and not any(f[:2] == p[:2] and p not in gold for p in predicted)
        ]
        assert row.get(None, 0) == len(alone)
        assert sum(row.values()) >= len(facts)
