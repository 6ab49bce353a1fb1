import json
import random
import runpy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.evaluation import end_to_end
from joint_ie.evaluation.jerex import JEREX

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
build, load, read = neutral["build"], neutral["load"], neutral["read"]

TASKS = JEREX.measures
PEER_NAMES = {
    "mentions": "mention",
    "clusters": "cluster",
    "entities": "entity",
    "relations": "relation",
    "relations_strict": "relation_with_types",
}
Clusters = Sequence[tuple[str, Sequence[tuple[int, int]]]]


@pytest.mark.parametrize("name", neutral["PREDICTIONS"])
def test_golden(shared: Path, name: str) -> None:
    gold, predicted = load(shared, "gold"), load(shared, name)
    random.Random(0).shuffle(predicted)
    expected = read(shared, "expected_jerex")[name]
    data = end_to_end(gold, predicted).to_dict()
    assert (data["protocol"], data["documents"], data["missing"], data["without_relations"]) == ("jerex", 60, 0, 0)
    for task, peer in PEER_NAMES.items():
        micro, want = data[task], expected[peer]
        macro = data["macro"].get(task, {**micro, "labels": 1})  # mentions and clusters have one label
        for part in ("precision", "recall", "f1"):
            assert 100 * micro[part] == pytest.approx(want[f"{part}_micro"], rel=1e-12, abs=0), (task, part)
            assert 100 * macro[part] == pytest.approx(want[f"{part}_macro"], rel=1e-12, abs=0), (task, part)
        counts = (micro["true_positives"], micro["gold"], micro["predicted"], macro["labels"])
        assert counts == (want["tp"], want["n_gold"], want["n_pred"], want["n_labels"]), task


@pytest.fixture(scope="module")
def corners(shared: Path) -> list[dict[str, Any]]:
    path = shared / "golden" / "joint_and_scoring" / "d_jerex" / "micro_cases.json"
    cases: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["scoring"]
    return cases


A, B, C = (0, 1), (1, 2), (2, 3)


@pytest.mark.parametrize(
    ("case", "task", "gold_clusters", "predicted_clusters"),
    [
        (1, "mentions", [("X", [A, A, B])], [("X", [A, C, C])]),
        (2, "entities", [("PER", [A]), ("LOC", [B])], [("LOC", [A]), ("LOC", [B])]),
        (3, "entities", [("PER", [A])], [("PER", [A]), ("LOC", [B])]),
    ],
)
def test_golden_corner_cases(
    corners: list[dict[str, Any]], case: int, task: str, gold_clusters: Clusters, predicted_clusters: Clusters
) -> None:
    data = end_to_end([build(gold_clusters)], [build(predicted_clusters)]).to_dict()
    want = corners[case]["result"]
    for short, part in (("prec", "precision"), ("rec", "recall"), ("f1", "f1")):
        assert 100 * data[task][part] == pytest.approx(want[f"{short}_micro"], rel=1e-12)
        assert 100 * data["macro"].get(task, data[task])[part] == pytest.approx(want[f"{short}_macro"], rel=1e-12)


@pytest.mark.parametrize("count", [0, 2])
def test_nothing_anywhere_scores_zero(count: int) -> None:
    empty = [build([], id=str(i)) for i in range(count)]
    data = end_to_end(empty, empty).to_dict()
    assert data["documents"] == count
    for task in TASKS:
        assert data[task] == dict.fromkeys(("precision", "recall", "f1", "true_positives", "predicted", "gold"), 0)
    for task in JEREX.labels:
        assert data["macro"][task] == dict.fromkeys(("precision", "recall", "f1", "labels"), 0)


def test_wrong_type_is_one_miss_and_one_false_alarm() -> None:
    gold = [build([("PER", [A, B]), ("LOC", [C])], [(0, 1, "P19")])]
    predicted = [build([("ORG", [B, A]), ("LOC", [C])], [(0, 1, "P19")])]
    scores = end_to_end(gold, predicted)
    assert scores["clusters"].f1 == 1.0
    assert (scores["entities"].true_positives, scores["entities"].predicted, scores["entities"].gold) == (1, 2, 2)
    assert scores.per_label["entities"]["PER"].gold == 1
    assert scores.per_label["entities"]["PER"].predicted == 0
    assert scores.per_label["entities"]["ORG"].gold == 0
    assert scores.per_label["entities"]["ORG"].predicted == 1
    assert scores["relations"].f1 == 1.0
    assert scores["relations_strict"].true_positives == 0


def test_direction_and_repeats_of_relations() -> None:
    clusters = [("PER", [A]), ("LOC", [B]), ("LOC", [B])]
    gold = [build(clusters, [(0, 1, "P19")])]
    repeated = [build(clusters, [(0, 1, "P19"), (0, 1, "P19"), (0, 2, "P19")])]
    assert end_to_end(gold, repeated)["relations"].to_dict()["predicted"] == 1
    assert end_to_end(gold, [build(clusters, [(1, 0, "P19")])])["relations"].true_positives == 0


def test_missing_documents_count_as_empty() -> None:
    one, two = build([("PER", [A])], id="1"), build([("PER", [A])], id="2")
    scores = end_to_end([one, two], [two])
    assert scores.missing == 1
    assert (scores["entities"].precision, scores["entities"].recall) == (1.0, 0.5)
    assert end_to_end([one, two], [replace(one, entities=()), two])["entities"] == scores["entities"]


def test_documents_without_relation_annotation_leave_only_the_relation_scores() -> None:
    clusters = [("PER", [A]), ("LOC", [B])]
    gold = [build(clusters, None, "1"), build(clusters, [(0, 1, "P19")], "2")]
    predicted = [build(clusters, [(0, 1, "P20")], "1"), build(clusters, [(0, 1, "P19")], "2")]
    scores = end_to_end(gold, predicted)
    assert scores.without_relations == 1
    assert scores["entities"].gold == 4
    assert scores["relations"].predicted == scores["relations_strict"].predicted == 1
    assert scores["relations"].f1 == scores["relations_strict"].f1 == 1.0


def test_bad_pairs_are_named() -> None:
    one = build([("PER", [A])], id="one")
    with pytest.raises(InputError, match=r"predicted document 'won' .*did you mean \"one\""):
        end_to_end([one], [replace(one, id="won")])
    with pytest.raises(InputError, match="gold document 'one' is listed twice"):
        end_to_end([one, one], [one])
    with pytest.raises(InputError, match="predicted document 'one' is listed twice"):
        end_to_end([one], [one, one])
    with pytest.raises(InputError, match="'one' has 2 tokens where gold has 6"):
        end_to_end([one], [Document.from_words("one", [["a", "b"]])])


spans = st.sampled_from([(i, j) for i in range(4) for j in range(i + 1, 4)])
clusters = st.lists(st.tuples(st.sampled_from("XY"), st.lists(spans, min_size=1, max_size=3)), max_size=4)


@st.composite
def documents(draw: st.DrawFn, count: int = 2) -> list[Document]:
    found = []
    for i in range(count):
        entities = draw(clusters)
        ends = st.integers(0, len(entities) - 1)
        facts = st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=4) if entities else st.just([])
        found.append(build(entities, draw(facts), str(i)))
    return found


def brute_force(task: str, gold: list[Document], predicted: list[Document]) -> tuple[int, int, int]:
    """Counts by comparing lists, without sets or hashing."""

    def unique(items: list[Any]) -> list[Any]:
        return [item for i, item in enumerate(items) if item not in items[:i]]

    def items(document: Document) -> list[Any]:
        cluster = [sorted(unique([m.span for m in entity.mentions])) for entity in document.entities]
        typed = [[entity.type, spans] for entity, spans in zip(document.entities, cluster, strict=True)]
        listed = {
            "mentions": [m.span for entity in document.entities for m in entity.mentions],
            "clusters": cluster,
            "entities": typed,
            "relations": [[cluster[r.head], cluster[r.tail], r.type] for r in document.relations or ()],
            "relations_strict": [[typed[r.head], typed[r.tail], r.type] for r in document.relations or ()],
        }
        return unique(listed[task])

    pairs = [(items(a), items(b)) for a, b in zip(gold, predicted, strict=True)]
    right = sum(item in b for a, b in pairs for item in a)
    return right, sum(len(b) for _, b in pairs), sum(len(a) for a, _ in pairs)


@given(documents(), documents())
def test_counts_equal_brute_force(gold: list[Document], predicted: list[Document]) -> None:
    scores = end_to_end(gold, predicted)
    for task in TASKS:
        score = scores[task]
        counts = (score.true_positives, score.predicted, score.gold)
        assert counts == brute_force(task, gold, predicted), task
    for task, per_label in scores.per_label.items():
        assert sum(score.true_positives for score in per_label.values()) == scores[task].true_positives
        assert scores.macro[task].labels == len(per_label)


@given(documents())
def test_a_perfect_prediction_scores_one(gold: list[Document]) -> None:
    scores = end_to_end(gold, gold)
    for task in TASKS:
        score = scores[task]
        assert score.f1 == (1.0 if score.gold else 0.0)
        assert task not in scores.macro or scores.macro[task].f1 == score.f1


def shuffled(document: Document, rng: random.Random) -> Document:
    order = list(range(len(document.entities)))
    rng.shuffle(order)
    entities = [
        replace(entity, mentions=tuple(rng.sample(entity.mentions, len(entity.mentions))))
        for entity in (document.entities[i] for i in order)
    ]
    relations = [
        Relation(order.index(r.head), order.index(r.tail), r.type)
        for r in rng.sample(document.relations or (), len(document.relations or ()))
    ]
    return document.with_annotations(entities, relations)


@given(documents(), documents(), st.integers(0, 1000))
def test_order_does_not_matter(gold: list[Document], predicted: list[Document], seed: int) -> None:
    rng = random.Random(seed)
    other = [shuffled(document, rng) for document in rng.sample(predicted, len(predicted))]
    assert end_to_end(gold, other) == end_to_end(gold, predicted)
    assert end_to_end([shuffled(document, rng) for document in gold], predicted) == end_to_end(gold, predicted)


@given(documents(), documents())
def test_swapping_sides_swaps_precision_and_recall(gold: list[Document], predicted: list[Document]) -> None:
    there, back = end_to_end(gold, predicted), end_to_end(predicted, gold)
    for task in TASKS:
        one, two = there[task], back[task]
        assert (one.precision, one.recall, one.f1) == (two.recall, two.precision, two.f1)
        assert task not in there.macro or there.macro[task].f1 == back.macro[task].f1


@given(documents(), documents())
def test_a_wrong_prediction_never_helps(gold: list[Document], predicted: list[Document]) -> None:
    first = predicted[0]
    invented = Entity("X", "e f", (first.mention(4, 6),))
    last = len(first.entities)
    worse = first.with_annotations([*first.entities, invented], [*(first.relations or ()), Relation(last, last, "R")])
    before, after = end_to_end(gold, predicted), end_to_end(gold, [worse, *predicted[1:]])
    for task in TASKS:
        one, two = before[task], after[task]
        assert two.predicted == one.predicted + 1
        assert two.precision <= one.precision
        assert two.recall == one.recall
