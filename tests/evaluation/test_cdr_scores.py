import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation import evaluate, gold_entities
from joint_ie.evaluation.cdr import CDR, as_published
from joint_ie.evaluation.tally import Tally

Labels = dict[tuple[str, str], bool]


def rows(path: Path) -> dict[str, Labels]:
    """By document, whether argument 1 (chemical) and argument 2 (disease) of every block are related."""
    found: dict[str, Labels] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        for start in range(2, len(fields), 17):
            if fields[start] != "not_include":
                found[fields[0]][fields[start + 5], fields[start + 11]] = fields[start] == "1:CID:2"
    return found


def build(id: str, pairs: Labels, asked: Labels | None = None) -> Document:
    concepts = sorted({concept for pair in {*pairs, *(asked or ())} for concept in pair})
    place = {concept: i for i, concept in enumerate(concepts)}
    document = Document.from_words(id, [["w"]])
    entities = [Entity("X", concept, (document.mention(0, 1),), id=concept) for concept in concepts]
    relations = [Relation(place[one], place[other], "CID") for (one, other), related in pairs.items() if related]
    candidates = None if asked is None else [(place[one], place[other]) for one, other in asked]
    return document.with_annotations(entities, relations, candidates)


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, dict[str, Any]]:
    path = shared / "golden" / "joint_and_scoring" / "c_cdr_gda" / "predictions_and_scores.json"
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


NAMES = ["noisy", "poor", "all_negative", "all_positive"]


@pytest.mark.parametrize("name", NAMES)
def test_golden_predictions(shared: Path, golden: dict[str, dict[str, Any]], name: str) -> None:
    want = golden["cdr/dev_filter.data"][name]
    labels = rows(shared / "data" / "cdr" / "dev_filter.data")
    gold = [build(id, pairs, asked=pairs) for id, pairs in labels.items()]
    predicted = [
        build(id, {(one, other): bool(label) for one, other, label in listed}, asked=labels[id])
        for id, listed in want["predictions"]
    ]
    scores = evaluate(CDR, gold, predicted)
    score = scores["relations"]
    assert score.true_positives == want["tp"]
    assert score.predicted - score.true_positives == want["fp"]
    assert score.gold - score.true_positives == want["fn"]
    assert score.f1 == pytest.approx(want["f1_exact"], rel=1e-12, abs=0)
    assert as_published(score).f1 == pytest.approx(want["f1_with_the_three_epsilons_float64"], rel=1e-12, abs=0)
    assert as_published(score).f1 == pytest.approx(want["peer_f1_float32"], abs=1e-6)
    assert scores["relations_unfiltered"] == score == gold_entities(gold, predicted)["relations"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["cdr/dev_filter.data", "cdr/test_filter.data", "gda/test.data"])
def test_golden_counts(golden: dict[str, dict[str, Any]], part: str, name: str) -> None:
    """Also for the files that are not here."""
    want = golden[part][name]
    score = Tally(want["tp"], want["tp"] + want["fp"], want["tp"], want["tp"] + want["fn"]).score()
    assert score.f1 == pytest.approx(want["f1_exact"], rel=1e-12, abs=0)
    assert as_published(score).f1 == pytest.approx(want["f1_with_the_three_epsilons_float64"], rel=1e-12, abs=0)
    assert as_published(score).f1 == pytest.approx(want["peer_f1_float32"], abs=1e-6)


def test_hypernym_filter_of_the_real_files(shared: Path, golden: dict[str, dict[str, Any]]) -> None:
    """Who says yes to every pair of the unfiltered file is wrong about fewer with the filter."""
    labels, kept = (rows(shared / "data" / "cdr" / f"dev{part}.data") for part in ("", "_filter"))
    gold = [build(id, pairs, asked=kept[id]) for id, pairs in labels.items()]
    predicted = [build(id, dict.fromkeys(pairs, True), asked=kept[id]) for id, pairs in labels.items()]
    scores = evaluate(CDR, gold, predicted)
    want = golden["cdr/dev_filter.data"]["all_positive"]
    filtered, everything = scores["relations"], scores["relations_unfiltered"]
    assert (filtered.true_positives, filtered.predicted) == (want["tp"], want["tp"] + want["fp"])
    assert everything.predicted == sum(len(pairs) for pairs in labels.values()) > filtered.predicted
    assert everything.gold == everything.true_positives == sum(sum(pairs.values()) for pairs in labels.values())


def test_candidates_direction_and_documents_without_annotation() -> None:
    gold = build("d", {("A", "D"): True, ("A", "E"): True, ("B", "D"): False}, asked={("A", "D"): True})
    predicted = replace(gold, relations=(*gold.relations[:1], Relation(2, 0, "CID"), Relation(1, 2, "CID")))
    scores = evaluate(CDR, [gold], [predicted])
    counts = {m: (s.true_positives, s.predicted, s.gold) for m, s in scores.micro.items()}
    assert counts == {"relations": (1, 1, 1), "relations_unfiltered": (1, 3, 2)}
    backwards = [Relation(tail, head, type) for head, tail, type in ((r.head, r.tail, r.type) for r in gold.relations)]
    assert evaluate(CDR, [gold], [replace(gold, relations=tuple(backwards))])["relations_unfiltered"].f1 == 0.0
    unasked = evaluate(CDR, [replace(gold, candidates=None)], [predicted])
    assert unasked["relations"] == unasked["relations_unfiltered"]
    assert evaluate(CDR, [replace(gold, relations=None)], [predicted])["relations"].predicted == 0
    assert as_published(evaluate(CDR, [], [])["relations"]).f1 == 0.0
