"""Everything of golden joint_and_scoring README 3, from submission files and documents built here."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora.submission import Submission, read_submission
from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation import Protocol, Score, Scores, evaluate, gold_entities
from joint_ie.evaluation.docred import divided_as_published, docred
from joint_ie.evaluation.gold_entities import stray_tallies
from joint_ie.evaluation.gold_facts import NamedFact
from joint_ie.evaluation.inference import INFERENCE
from joint_ie.evaluation.related import RELATED
from joint_ie.evaluation.relation_groups import (
    DOCRED_GROUPS,
    DOCRED_RELATIONS,
    head_and_tail,
    relation_counts,
    relation_groups,
)

PREDICTIONS = ["p1_light", "p2_mid", "p3_heavy", "p4_odd"]
PEER_EPSILON = 1e-5
GROUPS = {
    "frequent": "frequent10",
    "long_tail": "long_tail86",
    **{name: name for name in ("head_group", "mid_group", "tail_group")},
}
MACRO = {
    "relations": "all",
    "fewer_than_500": "lt500",
    "fewer_than_200": "lt200",
    "fewer_than_100": "lt100",
    "at_least_500": "ge500",
}


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def build(data: Sequence[dict[str, Any]]) -> list[Document]:
    """Documents in the order of the file, without the package's reader."""
    documents = []
    for item in data:
        document = Document.from_words(item["title"], item["sents"])
        starts = [span[0] for span in document.sentence_spans]
        entities = []
        for vertex in item["vertexSet"]:
            mentions = tuple(
                document.mention(starts[m["sent_id"]] + m["pos"][0], starts[m["sent_id"]] + m["pos"][1], m["name"])
                for m in vertex
            )
            entities.append(Entity(vertex[0]["type"], vertex[0]["name"], mentions))
        facts = [Relation(f["h"], f["t"], f["r"], evidence=tuple(f["evidence"])) for f in item["labels"]]
        documents.append(document.with_annotations(entities, facts))
    return documents


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden" / "joint_and_scoring" / "b_gold_entity"


@pytest.fixture(scope="module")
def dev(shared: Path) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = load(shared / "data" / "redocred" / "dev_revised.json")
    return data


@pytest.fixture(scope="module")
def gold(dev: list[dict[str, Any]]) -> list[Document]:
    return build(dev)


@pytest.fixture(scope="module")
def training(shared: Path) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = load(shared / "data" / "redocred" / "train_partial_992.json")
    return data


@pytest.fixture(scope="module")
def train(training: list[dict[str, Any]]) -> set[NamedFact]:
    """Names of every labelled training fact, straight from the file."""
    return {
        (head["name"], tail["name"], label["r"])
        for item in training
        for label in item["labels"]
        for head in item["vertexSet"][label["h"]]
        for tail in item["vertexSet"][label["t"]]
    }


@pytest.fixture(scope="module")
def submissions(golden: Path, gold: list[Document]) -> dict[str, Submission]:
    return {name: read_submission(golden / f"pred_{name}.json", gold) for name in PREDICTIONS}


def scored(protocol: Protocol, gold: list[Document], submission: Submission) -> Scores:
    strays = stray_tallies(protocol, gold, submission.strays, submission.stray_sentences)
    return evaluate(protocol, gold, submission.documents, strays)


def same(score: Score, want: dict[str, Any]) -> None:
    for part in {"precision", "recall", "f1"} & want.keys():
        assert getattr(score, part) == pytest.approx(want[part], rel=1e-12, abs=0), part
    for part, key in (("true_positives", "tp"), ("predicted", "n_pred"), ("gold", "n_gold")):
        assert getattr(score, part) == want.get(key, getattr(score, part)), part


@pytest.mark.parametrize("name", PREDICTIONS)
def test_all_definitions(
    golden: Path, gold: list[Document], train: set[NamedFact], submissions: dict[str, Submission], name: str
) -> None:
    want, submission = load(golden / "expected_all_definitions.json")[name], submissions[name]
    published = scored(docred(train, as_published=True), gold, submission)
    same(published["relations_ign"], want["ign_eps"])
    scores = divided_as_published(published, 0.0)
    same(scores["relations"], want["relation"])
    same(scores["relations_ign"], want["ign_no_eps"])
    same(scores["evidence"], want["evidence"])
    same(scores["intra"], want["intra"])
    same(scores["inter"], want["inter"])
    peers = divided_as_published(scores, PEER_EPSILON, spare_evidence=1)
    same(peers["relations_ign"], want["ign_eps"])
    same(peers["evidence"], want["evidence_redocred"])
    assert scores.counts["known"] == want["ign_eps"]["n_correct_in_train"] == want["ign_no_eps"]["n_correct_in_train"]
    no_distant = divided_as_published(scored(docred(set()), gold, submission), PEER_EPSILON)
    same(no_distant["relations_ign"], {"f1": want["ign_distant_eps_f1"]})

    related = scored(RELATED, gold, submission)
    same(related["related"], want["related_pairs"])
    pairs = want["related_pairs"]
    same(related.per_label["decisions"]["unrelated"], {"f1": pairs["na_f1"]})
    same(related["decisions"], {"f1": pairs["accuracy"], "n_gold": pairs["n_pairs"], "n_pred": pairs["n_pairs"]})
    assert related["related"].recall == pytest.approx(pairs["recall_as_accuracy"], rel=1e-12)
    both = related.macro["decisions"].f1
    assert both == pytest.approx(pairs["macro_f1_over_related_and_na"], rel=1e-12, abs=0)

    infer = scored(INFERENCE, gold, submission)
    for reading in INFERENCE.measures:
        same(infer[reading], want[reading])


@pytest.mark.parametrize("name", PREDICTIONS)
def test_groups_of_relations(
    golden: Path,
    gold: list[Document],
    training: list[dict[str, Any]],
    submissions: dict[str, Submission],
    name: str,
) -> None:
    want = load(golden / "expected_all_definitions.json")[name]
    protocol = relation_groups({**DOCRED_GROUPS, **head_and_tail(relation_counts(build(training)))})
    scores = scored(protocol, gold, submissions[name])
    same(scores["relations"], want["relation"])
    for measure, key in GROUPS.items():
        same(scores[measure], want[key])
        if "macro_f1" in want[key]:
            assert scores.macro[measure].f1 == pytest.approx(want[key]["macro_f1"], rel=1e-12, abs=0)
    peer = load(golden / "expected_peers.json")[name]["cooccur_macro"]
    for measure, key in MACRO.items():
        assert scores.macro[measure].f1 == pytest.approx(want["macro_f1"][key], rel=1e-12, abs=0), key
        assert scores.macro[measure].f1 == pytest.approx(peer[f"macro_f1_{key}"], rel=1e-12, abs=0), key
    assert scores["relations"].f1 == pytest.approx(peer["micro_f1"], rel=1e-12, abs=0)


def test_group_lists(golden: Path, training: list[dict[str, Any]]) -> None:
    want = load(golden / "relation_groups.json")
    counts = relation_counts(build(training))
    ranked = head_and_tail(counts)
    assert {name: counts[name] for name in DOCRED_RELATIONS} == want["counts_in_train_partial_992"]
    assert [list(ranked[name]) for name in ("head_group", "mid_group", "tail_group")] == [
        want["head10"],
        want["mid66"],
        want["tail20"],
    ]
    assert sorted(DOCRED_GROUPS["frequent"]) == want["frequent10"]
    assert {*DOCRED_GROUPS["long_tail"], *want["frequent10"]} == set(DOCRED_RELATIONS)
    for limit in (500, 200, 100):
        assert set(DOCRED_GROUPS[f"fewer_than_{limit}"]) == set(want[f"fewer_than_{limit}"])
    assert set(DOCRED_GROUPS["at_least_500"]) == set(DOCRED_RELATIONS) - set(want["fewer_than_500"])


@pytest.mark.parametrize("name", PREDICTIONS)
def test_peers(
    golden: Path, gold: list[Document], train: set[NamedFact], submissions: dict[str, Submission], name: str
) -> None:
    expected, submission = load(golden / "expected_peers.json")[name], submissions[name]
    exact = divided_as_published(scored(docred(train, as_published=True), gold, submission), 0.0)
    no_distant = scored(docred(set()), gold, submission)
    want = expected["docred_official_script"]
    same(exact["relations"], want | {"tp": want["n_correct"], "n_pred": want["n_submitted"]})
    for measure, prefix in (("relations_ign", "ign"), ("evidence", "evi")):
        suffix = "_annotated" if prefix == "ign" else ""
        parts = {part: want.get(f"{prefix}_{part}{suffix}") for part in ("f1", "precision", "recall")}
        same(exact[measure], {part: value for part, value in parts.items() if value is not None})
    assert exact.counts["known"] == want["n_correct_in_train"]
    same(no_distant["relations_ign"], {"f1": want["ign_f1_distant"]})

    for peer in ("redocred", "atlop", "kd_docre"):
        want = expected[peer]
        later = divided_as_published(exact, PEER_EPSILON, spare_evidence=peer == "redocred")
        same(later["relations"], want)
        same(later["relations_ign"], {"f1": want["ign_f1_annotated"]})
        same(later["evidence"], {"f1": want["evi_f1"]})
        same(divided_as_published(no_distant)["relations_ign"], {"f1": want["ign_f1_distant"]})
    want, later = expected["dreeam"], divided_as_published(exact)
    same(later["relations"], want["relation"])
    same(later["evidence"], want["evidence"])
    same(later["relations_ign"], want["ign_annotated"])
    same(divided_as_published(no_distant)["relations_ign"], want["ign_distant"])


@pytest.mark.parametrize("name", PREDICTIONS)
def test_benchmark_variant(golden: Path, gold: list[Document], submissions: dict[str, Submission], name: str) -> None:
    """It fails on unknown titles; without them, evidence is as with them."""
    expected, submission = load(golden / "expected_peers.json")[name], submissions[name]
    want = expected.get("redocred_benchmark_unknown_titles_removed", expected["redocred_benchmark"])
    known = replace(submission, strays=())
    scores = divided_as_published(scored(docred(as_published=True), gold, known), spare_evidence=1)
    same(scores["relations"], want)
    same(scores["evidence"], {"f1": want["evi_f1"]})
    groups = scored(relation_groups(), gold, known)
    for measure, short in (("intra", "intra"), ("inter", "inter"), ("frequent", "freq"), ("long_tail", "long_tail")):
        score = scores[measure] if measure in scores.micro else groups[measure]
        same(score, {part: want[key] for part in ("f1", "precision", "recall") if (key := f"{part}_{short}") in want})


def reduced(document: Document) -> Document:
    """Facts on triangles only, found by trying all three different entities."""
    pairs = {(r.head, r.tail) for r in document.relations or ()}
    corners = {entity for pair in pairs for entity in pair}
    kept = set()
    for head, other, tail in permutations(corners, 3):
        if {(head, other), (other, tail), (head, tail)} <= pairs:
            kept |= {(head, other), (other, tail), (head, tail)}
    return replace(document, relations=tuple(r for r in document.relations or () if (r.head, r.tail) in kept))


@pytest.fixture(scope="module")
def triangles(gold: list[Document]) -> list[Document]:
    return [reduced(document) for document in gold]


@pytest.mark.parametrize("name", PREDICTIONS)
def test_script_on_triangles(
    golden: Path, triangles: list[Document], train: set[NamedFact], submissions: dict[str, Submission], name: str
) -> None:
    want = load(golden / "expected_peers.json")[name]["kd_docre_script_on_triangle_gold"]
    scores = divided_as_published(scored(docred(train, as_published=True), triangles, submissions[name]), 0.0)
    same(scores["relations"], want | {"tp": want["n_correct"], "n_pred": want["n_submitted"]})
    same(scores["evidence"], {part: want[f"evi_{part}"] for part in ("f1", "precision", "recall")})
    assert scores.counts["known"] == want["n_correct_in_train"]
    same(scores["relations_ign"], {"f1": want["ign_f1_annotated"], "precision": want["ign_precision_annotated"]})


def test_known_flags(golden: Path, dev: list[dict[str, Any]], gold: list[Document], train: set[NamedFact]) -> None:
    """Each flag on its own: a gold fact alone is known exactly if the flag says so."""
    flags = load(golden / "gold_labels_in_train.json")
    assert gold_entities(gold, gold, train).counts["known"] == sum(sum(item["label_in_train"]) for item in flags)
    for item, listed, document in zip(dev, flags, gold, strict=True):
        for label, flag in zip(item["labels"], listed["label_in_train"], strict=True):
            alone = [replace(document, relations=(Relation(label["h"], label["t"], label["r"]),))]
            assert gold_entities(alone, alone, train).counts["known"] == flag, label


def test_corner_cases(golden: Path, gold: list[Document], tmp_path: Path) -> None:
    """The benchmark variant throws a submission of one fact away; ours scores it as the other scorers do."""
    cases = load(golden / "corner_cases.json")
    (tmp_path / "empty.json").write_text("[]")
    empty = scored(docred(set(), as_published=True), gold, read_submission(tmp_path / "empty.json", gold))
    assert [empty[measure].f1 for measure in empty.micro] == [0.0] * 5
    assert cases["results"]["empty"]["redocred"] == [0.0] * 6
    (tmp_path / "one.json").write_text(json.dumps(cases["one_correct_fact"]))
    scores = scored(docred(set(), as_published=True), gold, read_submission(tmp_path / "one.json", gold))
    for peer, spare in (("redocred", 1), ("atlop", 0)):
        want, later = cases["results"]["one_correct_fact"][peer], divided_as_published(scores, PEER_EPSILON, spare)
        found = [later["relations"].f1, later["evidence"].f1, later["relations_ign"].f1, later["relations_ign"].f1]
        if peer == "redocred":
            found += [later["relations"].precision, later["relations"].recall]
        assert found == pytest.approx(want, rel=1e-12, abs=0)


def test_evidence_is_scored_where_somebody_looked(
    gold: list[Document], submissions: dict[str, Submission], dev: list[dict[str, Any]]
) -> None:
    """The seven documents without any evidence are left out of evidence, counted, and scored otherwise."""
    looked = {item["title"] for item in dev if any(label["evidence"] for label in item["labels"])}
    assert len(gold) - len(looked) == 7
    submission = submissions["p4_odd"]
    scores = scored(docred(), gold, submission)
    assert scores.counts == {"without_evidence": 7}
    part = replace(
        submission,
        documents=tuple(document for document in submission.documents if document.id in looked),
        stray_sentences={title: n for title, n in submission.stray_sentences.items() if title in looked},
    )
    want = scored(docred(as_published=True), [document for document in gold if document.id in looked], part)
    assert scores["evidence"] == want["evidence"]
    everywhere = scored(docred(as_published=True), gold, submission)
    assert everywhere["evidence"].predicted > scores["evidence"].predicted
    assert everywhere["relations"] == scores["relations"]
