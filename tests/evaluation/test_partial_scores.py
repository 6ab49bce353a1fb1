"""Partial credit on small cases, against brute force, and between strict matching and nothing."""

import random
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Span
from joint_ie.evaluation.jerex import JEREX
from joint_ie.evaluation.partial import PARTIAL
from joint_ie.evaluation.protocol import Scores, evaluate

build = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))["build"]

A, B, C, D, E = ((i, i + 1) for i in range(5))
ITEMS = ("clusters", "entities", "relations", "relations_strict")


def score(gold: Document, predicted: Document) -> Scores:
    return evaluate(PARTIAL, [gold], [predicted])


def right(gold: Document, predicted: Document) -> dict[str, float]:
    return {measure: found.true_positives for measure, found in score(gold, predicted).micro.items()}


@pytest.mark.parametrize(
    ("gold", "predicted", "half", "share"),
    [
        ([A, B, C, D], [A, B], 1, 1),  # half of gold's mentions, all of the predicted
        ([A, B], [A, B, C, D], 1, 1),
        ([A, B, C], [A], 0, 1),
        ([A], [A, B, C], 0, 1),
        ([A, B, C, D], [A, B, E], 1, 1),
        ([A, B], [B, C], 1, 1),
        ([A, B], [C, D], 0, 0),
        ([A, A, B], [A, A, A], 1, 1),  # repeats count once
    ],
)
def test_how_much_is_enough(gold: list[Span], predicted: list[Span], half: int, share: int) -> None:
    found = right(build([("X", gold)]), build([("X", predicted)]))
    assert (found["clusters_half"], found["clusters_any"]) == (half, share)
    assert (found["entities_half"], found["entities_any"]) == (half, share)


def test_nothing_counts_twice() -> None:
    whole, halves = build([("X", [A, B])]), build([("X", [A]), ("X", [B])])
    for gold, predicted in ((whole, halves), (halves, whole)):
        scores = score(gold, predicted)
        for measure in ("clusters_half", "clusters_any", "entities_half", "entities_any"):
            assert scores[measure].true_positives == 1, measure
            assert scores[measure].predicted == len(predicted.entities)
            assert scores[measure].gold == len(gold.entities)


def test_pairs_give_way_so_that_more_fit() -> None:
    """The first gold entity could take either predicted one, the second only the first."""
    gold, predicted = build([("X", [A, B]), ("X", [C])]), build([("X", [A, C]), ("X", [B])])
    assert right(gold, predicted)["clusters_half"] == 2
    assert right(predicted, gold)["clusters_half"] == 2


def test_types_count_in_entities_and_strict_relations_only() -> None:
    gold = build([("X", [A, B]), ("Y", [C])], [(0, 1, "R")])
    retyped = build([("Z", [A, B]), ("Y", [C])], [(0, 1, "R")])
    for name in ("half", "any"):
        found = right(gold, retyped)
        assert (found[f"clusters_{name}"], found[f"entities_{name}"]) == (2, 1)
        assert (found[f"relations_{name}"], found[f"relations_strict_{name}"]) == (1, 0)
    scores = score(gold, retyped)
    assert {*scores.per_label["entities_half"]} == {"X", "Y", "Z"}
    assert scores.macro["entities_half"].f1 == pytest.approx(1 / 3)


def test_relations_follow_their_ends() -> None:
    gold = build([("X", [A, B, C]), ("Y", [D])], [(0, 1, "R"), (0, 1, "S")])
    predicted = build([("X", [A]), ("X", [B]), ("Y", [D])], [(0, 2, "R"), (1, 2, "R"), (2, 0, "S")])
    scores = score(gold, predicted)
    assert scores["relations_half"].true_positives == 0
    found = scores["relations_any"]
    assert (found.true_positives, found.predicted, found.gold) == (1, 3, 2)
    assert scores.per_label["relations_any"]["S"].true_positives == 0


def test_one_entity_of_everything_has_no_relations_to_others() -> None:
    gold = build([("X", [A]), ("X", [B])], [(0, 1, "R")])
    assert right(gold, build([("X", [A, B])], [(0, 0, "R")])) == {
        **dict.fromkeys(PARTIAL.measures, 0),
        **dict.fromkeys(("clusters_half", "clusters_any", "entities_half", "entities_any"), 1),
    }
    itself = build([("X", [A, B])], [(0, 0, "R")])
    assert right(itself, itself)["relations_strict_any"] == 1


def test_documents_without_relation_annotation_leave_only_the_relation_scores() -> None:
    scores = score(build([("X", [A])], None), build([("X", [A])], [(0, 0, "R")]))
    assert scores["entities_half"].f1 == 1.0
    assert scores["relations_any"].predicted == scores["relations_strict_half"].predicted == 0


spans = st.sampled_from([(i, j) for i in range(4) for j in range(i + 1, 5)])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Overlapping, nested, repeated and identical things included."""
    clusters = draw(st.lists(st.tuples(st.sampled_from("XY"), st.lists(spans, min_size=1, max_size=4)), max_size=5))
    ends = st.integers(0, len(clusters) - 1)
    facts = st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=5) if clusters else st.just([])
    return build(clusters, draw(facts))


def unique(items: list[Any]) -> list[Any]:
    return [item for i, item in enumerate(items) if item not in items[:i]]


def brute_force(measure: str, gold: Document, predicted: Document) -> tuple[int, int, int]:
    """By trying every way to pair items off."""
    items, name = measure.rsplit("_", 1)

    def listed(document: Document) -> list[Any]:
        typed = items in ("entities", "relations_strict")
        entities = [
            [entity.type if typed else None, sorted({mention.span for mention in entity.mentions})]
            for entity in document.entities
        ]
        facts = [[entities[r.head], entities[r.tail], r.type] for r in document.relations or ()]
        return unique(facts if items.startswith("relations") else entities)

    def alike(one: Any, other: Any) -> bool:
        if len(one) == 3:
            heads, tails = alike(one[0], other[0]), alike(one[1], other[1])
            return heads and tails and one[2] == other[2] and (one[0] == one[1]) is (other[0] == other[1])
        shared = sum(span in other[1] for span in one[1])
        enough = shared >= 1 if name == "any" else shared >= len(one[1]) / 2 and shared >= len(other[1]) / 2
        return one[0] == other[0] and enough

    def most(left: list[Any], free: list[Any]) -> int:
        if not left:
            return 0
        first, *rest = left
        taking = [1 + most(rest, [x for x in free if x is not other]) for other in free if alike(first, other)]
        return max([most(rest, free), *taking])

    one, other = listed(gold), listed(predicted)
    return most(one, other), len(other), len(one)


@given(documents(), documents())
def test_counts_equal_brute_force(gold: Document, predicted: Document) -> None:
    scores = score(gold, predicted)
    for measure in PARTIAL.measures:
        found = scores[measure]
        want = brute_force(measure, gold, predicted)
        assert (found.true_positives, found.predicted, found.gold) == want, measure


@given(documents())
def test_a_perfect_prediction_scores_one(gold: Document) -> None:
    for measure, found in score(gold, gold).micro.items():
        assert found.f1 == (1.0 if found.gold else 0.0), measure


@given(documents(), documents())
def test_between_strict_and_any(gold: Document, predicted: Document) -> None:
    scores, strict = score(gold, predicted), evaluate(JEREX, [gold], [predicted])
    for items in ITEMS:
        three = [strict[items], scores[f"{items}_half"], scores[f"{items}_any"]]
        assert len({(found.predicted, found.gold) for found in three}) == 1
        rights = [found.true_positives for found in three]
        assert rights == sorted(rights), items


@given(documents(), documents())
def test_swapping_sides_swaps_precision_and_recall(gold: Document, predicted: Document) -> None:
    there, back = score(gold, predicted), score(predicted, gold)
    for measure in PARTIAL.measures:
        one, two = there[measure], back[measure]
        assert (one.precision, one.recall, one.f1) == (two.recall, two.precision, two.f1), measure


@given(documents(), documents(), st.integers(0, 1000))
def test_order_does_not_matter(gold: Document, predicted: Document, seed: int) -> None:
    rng = random.Random(seed)

    def shuffled(document: Document) -> Document:
        order = rng.sample(range(len(document.entities)), len(document.entities))
        entities = [document.entities[i] for i in order]
        relations = [replace(r, head=order.index(r.head), tail=order.index(r.tail)) for r in document.relations or ()]
        return document.with_annotations(
            [replace(e, mentions=tuple(rng.sample(e.mentions, len(e.mentions)))) for e in entities],
            rng.sample(relations, len(relations)),
        )

    assert score(shuffled(gold), shuffled(predicted)) == score(gold, predicted)
