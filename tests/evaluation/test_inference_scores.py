from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation import evaluate
from joint_ie.evaluation.gold_entities import stray_tallies
from joint_ie.evaluation.inference import INFERENCE, triangle_pairs
from joint_ie.evaluation.related import RELATED
from joint_ie.evaluation.tally import Tally

Facts = set[tuple[int, int, str]]
COUNT = 4


def build(facts: Facts | list[tuple[int, int, str]] | None) -> Document:
    document = Document.from_words("d", [["a", "b", "c", "d"]])
    entities = [Entity("X", str(i), (document.mention(i, i + 1),)) for i in range(COUNT)]
    return document.with_annotations(entities, None if facts is None else [Relation(*fact) for fact in facts])


places = st.integers(0, COUNT - 1)
facts = st.sets(st.tuples(places, places, st.sampled_from("RS")), max_size=14)


def in_triangles(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """By trying all ordered choices of three different entities."""
    found = set()
    for head, other, tail in permutations(range(COUNT), 3):
        sides = {(head, other), (other, tail), (head, tail)}
        if sides <= pairs:
            found |= sides
    return found


@given(st.sets(st.tuples(places, places)))
def test_pairs_of_triangles(pairs: set[tuple[int, int]]) -> None:
    assert triangle_pairs(pairs) == in_triangles(pairs)


@given(facts, facts)
def test_three_readings(gold: Facts, predicted: Facts) -> None:
    scores = evaluate(INFERENCE, [build(gold)], [build(predicted)])
    asked, formed = (in_triangles({fact[:2] for fact in side}) for side in (gold, predicted))
    wanted = {fact for fact in gold if fact[:2] in asked}
    for reading, kept in {
        "infer_gold_filter": predicted,
        "infer_pair_filter": {fact for fact in predicted if fact[:2] in asked},
        "infer_self_filter": {fact for fact in predicted if fact[:2] in formed},
    }.items():
        score = scores[reading]
        assert (score.true_positives, score.predicted, score.gold) == (len(wanted & kept), len(kept), len(wanted))


def test_a_circle_and_two_entities_are_no_triangle() -> None:
    for facts in ([(0, 1, "R"), (1, 2, "R"), (2, 0, "R")], [(0, 1, "R"), (1, 0, "R"), (0, 0, "R"), (1, 1, "R")]):
        assert evaluate(INFERENCE, [build(facts)], [build(facts)])["infer_gold_filter"].gold == 0
    triangle = [(0, 1, "R"), (1, 2, "R"), (0, 2, "S"), (0, 2, "R"), (0, 3, "R")]
    assert evaluate(INFERENCE, [build(triangle)], [build([])])["infer_gold_filter"].gold == 4


@given(facts, facts)
def test_related_pairs(gold: Facts, predicted: Facts) -> None:
    scores = evaluate(RELATED, [build(gold)], [build(predicted)])
    wanted, found = ({fact[:2] for fact in side} for side in (gold, predicted))
    score = scores["related"]
    assert (score.true_positives, score.predicted, score.gold) == (len(wanted & found), len(found), len(wanted))
    right = sum((pair in wanted) == (pair in found) for pair in permutations(range(COUNT), 2))
    decisions = scores["decisions"]
    assert decisions.precision == decisions.recall == right / 12
    neither = sum(pair not in wanted | found for pair in permutations(range(COUNT), 2))
    assert scores.per_label["decisions"]["unrelated"].true_positives == neither


def test_unannotated_documents_and_pairs_that_nobody_asks_about() -> None:
    some = [(0, 1, "R"), (1, 2, "R"), (0, 2, "R"), (3, 0, "R")]
    for protocol in (INFERENCE, RELATED):
        scores = evaluate(protocol, [build(None)], [build(some)])
        assert {score.predicted for score in scores.micro.values()} == {0}
    gold = replace(build(some), candidates=((0, 1), (1, 0)))
    assert evaluate(INFERENCE, [gold], [build(some)])["infer_gold_filter"].predicted == 1
    scores = evaluate(RELATED, [gold], [build([(1, 0, "R"), (3, 0, "R")])])
    assert (scores["related"].predicted, scores["related"].gold) == (1, 1)
    assert (scores["decisions"].true_positives, scores["decisions"].gold) == (0, 2)


def test_strays() -> None:
    strays = [("x", 0, 1, "R"), ("x", 0, 1, "S"), ("x", 1, 2, "R"), ("x", 0, 2, "R"), ("y", 0, 1, "R")]
    assert stray_tallies(INFERENCE, [], strays)["infer_gold_filter", ""] == Tally(predicted=5)
    assert stray_tallies(INFERENCE, [], strays)["infer_self_filter", ""] == Tally()
    assert stray_tallies(RELATED, [], strays)["related", ""] == Tally(predicted=4)
    assert stray_tallies(RELATED, [], strays)["decisions", "unrelated"] == Tally()
