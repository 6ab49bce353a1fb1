"""Where relations are lost end to end: golden counts, each stage by hand, and brute force without sets."""

import runpy
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation import end_to_end
from joint_ie.evaluation.error_classes import GOLD_CLASSES, PREDICTED_CLASSES, judge_gold_entities
from joint_ie.evaluation.error_report import error_report
from joint_ie.evaluation.lost_relations import judge_end_to_end

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
build, load, read = neutral["build"], neutral["load"], neutral["read"]

Clusters = Sequence[tuple[str, Sequence[tuple[int, int]]]]
A, B, C, D = (0, 1), (1, 2), (2, 3), (3, 4)


@pytest.mark.parametrize("name", neutral["PREDICTIONS"])
def test_golden(shared: Path, name: str) -> None:
    gold, predicted = load(shared, "gold"), load(shared, name)
    want = read(shared, "expected_jerex")[name]
    report = error_report(gold, predicted)
    strict, untyped = want["relation_with_types"], want["relation"]
    assert sum(report.gold.values()) == strict["n_gold"]
    assert sum(report.predicted.values()) == strict["n_pred"]
    assert report.gold["correct"] == report.predicted["correct"] == strict["tp"]
    assert (tuple(report.gold), tuple(report.predicted)) == (GOLD_CLASSES, PREDICTED_CLASSES)
    assert report.unrelated_pairs is None and "table7" not in report.to_dict()
    # Relations that are right but for an entity type are among those lost at types.
    assert untyped["tp"] - strict["tp"] <= report.gold["types"]
    if name == "empty":
        assert report.gold["no_mention"] == strict["n_gold"]
    if name == "perfect":
        assert report.gold["correct"] == strict["n_gold"] == report.predicted["correct"]


GOLD: Clusters = [("PER", [A, B]), ("LOC", [C])]


@pytest.mark.parametrize(
    ("predicted", "relations", "of_gold", "of_predicted"),
    [
        (GOLD, [(0, 1, "R")], "correct", ["correct"]),
        (GOLD, [], "missed", []),
        (GOLD, [(0, 1, "S")], "wrong", ["wrong"]),
        (GOLD, [(1, 0, "R")], "missed", ["spurious"]),
        # the type comes after the mentions, and the relation after the type
        ([("ORG", [A, B]), ("LOC", [C])], [(0, 1, "R")], "types", ["types"]),
        ([("ORG", [A, B]), ("LOC", [C])], [], "types", []),
        # all mentions are there, but not together
        ([("PER", [A]), ("PER", [B]), ("LOC", [C])], [(0, 2, "R")], "clusters", ["clusters"]),
        ([("PER", [A, B, C])], [(0, 0, "R")], "clusters", ["clusters"]),
        ([("PER", [A, B]), ("LOC", [C, A])], [(0, 1, "R")], "clusters", ["clusters"]),
        # a mention is there in whatever entity
        ([("PER", [A, D]), ("LOC", [C])], [(0, 1, "R")], "some_mentions", ["some_mentions"]),
        ([("PER", [A]), ("LOC", [C])], [(0, 1, "R")], "some_mentions", ["clusters"]),
        ([("PER", [A, B, D]), ("LOC", [C])], [(0, 1, "R")], "clusters", ["some_mentions"]),
        # the earlier stage of the two ends counts
        ([("PER", [A]), ("LOC", [D])], [(0, 1, "R")], "no_mention", ["no_mention"]),
        ([("ORG", [A, B]), ("LOC", [D])], [(1, 0, "R")], "no_mention", ["no_mention"]),
        ([("PER", [A]), ("ORG", [C])], [(0, 1, "R")], "some_mentions", ["clusters"]),
        ([], [], "no_mention", []),
        # another copy of the entity with the right type is there
        ([("ORG", [A, B]), ("PER", [B, A]), ("LOC", [C])], [(0, 2, "R")], "missed", ["types"]),
    ],
)
def test_stages(
    predicted: Clusters, relations: Sequence[tuple[int, int, str]], of_gold: str, of_predicted: list[str]
) -> None:
    judged = judge_end_to_end(build(GOLD, [(0, 1, "R")]), build(predicted, relations))
    assert list(judged.gold.values()) == [of_gold]
    assert list(judged.predicted.values()) == of_predicted


def test_repeats_are_one_fact_and_stay_listed() -> None:
    gold = build([("X", [A, A]), ("X", [A]), ("Y", [B])], [(0, 2, "R"), (1, 2, "R"), (1, 2, "R")])
    judged = judge_end_to_end(gold, gold)
    assert list(judged.gold.values()) == ["correct"]
    assert [judged.gold[fact] for fact in judged.gold_listed] == ["correct"] * 3


def test_documents_without_relation_annotation_count_nowhere() -> None:
    judged = judge_end_to_end(build(GOLD, None), build(GOLD, [(0, 1, "R")]))
    assert (judged.gold, judged.predicted, len(judged.predicted_listed)) == ({}, {}, 1)


def test_confusion_looks_only_where_both_entities_are_right() -> None:
    gold = build([*GOLD, ("LOC", [D])], [(0, 1, "R"), (0, 2, "R"), (1, 0, "R")])
    predicted = build([*GOLD, ("ORG", [D])], [(0, 1, "S"), (0, 2, "S")])
    assert error_report([gold], [predicted]).confusion == {("R", None): 1, ("R", "S"): 1}


spans = st.sampled_from([A, B, C, (0, 2)])
clusters = st.lists(st.tuples(st.sampled_from("XY"), st.lists(spans, min_size=1, max_size=3)), max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    entities = draw(clusters)
    ends = st.integers(0, len(entities) - 1)
    facts = st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=4) if entities else st.just([])
    return build(entities, draw(facts))


def brute_force(own: Document, other: Document, last: str) -> Counter[str]:
    """Classes of the first one's facts, read off the definition with lists."""

    def same(one: Entity, two: Entity) -> bool:
        inside = all(any(m.span == n.span for n in two.mentions) for m in one.mentions)
        return inside and all(any(m.span == n.span for n in one.mentions) for m in two.mentions)

    def like(one: Entity, two: Entity) -> bool:
        return same(one, two) and one.type == two.type

    mentions = [m.span for entity in other.entities for m in entity.mentions]
    counts: Counter[str] = Counter()
    done: list[tuple[Entity, Entity, str]] = []
    for relation in own.relations or ():
        ends = (own.entities[relation.head], own.entities[relation.tail])
        if any(like(ends[0], head) and like(ends[1], tail) and relation.type == type for head, tail, type in done):
            continue
        done.append((*ends, relation.type))
        on_pair = [
            r.type
            for r in other.relations or ()
            if like(ends[0], other.entities[r.head]) and like(ends[1], other.entities[r.tail])
        ]
        if any(not any(m.span in mentions for m in end.mentions) for end in ends):
            counts["no_mention"] += 1
        elif any(not all(m.span in mentions for m in end.mentions) for end in ends):
            counts["some_mentions"] += 1
        elif any(not any(same(end, entity) for entity in other.entities) for end in ends):
            counts["clusters"] += 1
        elif any(not any(like(end, entity) for entity in other.entities) for end in ends):
            counts["types"] += 1
        elif relation.type in on_pair:
            counts["correct"] += 1
        else:
            counts["wrong" if on_pair else last] += 1
    return counts


@given(documents(), documents())
def test_classes_equal_brute_force_and_add_up_to_strict_jerex(gold: Document, predicted: Document) -> None:
    judged = judge_end_to_end(gold, predicted)
    assert Counter(judged.gold.values()) == brute_force(gold, predicted, "missed")
    assert Counter(judged.predicted.values()) == brute_force(predicted, gold, "spurious")
    strict = end_to_end([gold], [predicted])["relations_strict"]
    assert (len(judged.gold), len(judged.predicted)) == (strict.gold, strict.predicted)
    assert Counter(judged.gold.values())["correct"] == strict.true_positives
    assert error_report([gold], [predicted]).relations == strict


@given(documents(), documents())
def test_both_sides_are_seen_in_the_same_way(gold: Document, predicted: Document) -> None:
    there, back = judge_end_to_end(gold, predicted), judge_end_to_end(predicted, gold)
    other = {"missed": "spurious"}
    assert {fact: other.get(error, error) for fact, error in there.gold.items()} == back.predicted


@given(documents(), st.data())
def test_with_the_same_entities_classes_are_those_of_gold_entities(gold: Document, data: st.DataObject) -> None:
    unique = {(entity.type, frozenset(m.span for m in entity.mentions)) for entity in gold.entities}
    assume(gold.entities and len(unique) == len(gold.entities))
    ends = st.integers(0, len(gold.entities) - 1)
    facts = data.draw(st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=6))
    predicted = gold.with_annotations(gold.entities, [Relation(*fact) for fact in facts])
    one, two = judge_end_to_end(gold, predicted), judge_gold_entities(gold, predicted)
    assert list(one.gold.values()) == list(two.gold.values())
    assert list(one.predicted.values()) == list(two.predicted.values())
