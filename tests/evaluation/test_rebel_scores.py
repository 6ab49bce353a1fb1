"""REBEL's surface triples on the golden numbers and on small cases from its rules."""

import json
import random
import runpy
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.evaluation.protocol import Protocol, Scores, evaluate
from joint_ie.evaluation.rebel import rebel

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
load, read = neutral["load"], neutral["read"]

WORDS = (("Curie", "Curie", "Paris", "New York", "New\u00a0York", "Marie", "Curie"),)
CURIE, AGAIN, PARIS, YORK, HARD_YORK, MARIE_CURIE = (0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 7)
build = partial(neutral["build"], words=WORDS)


def score(gold: Document, predicted: Document, protocol: Protocol | None = None) -> Scores:
    return evaluate(protocol or rebel(), [gold], [predicted])


def counts(scores: Scores, measure: str) -> tuple[float, float, float]:
    return scores[measure].true_positives, scores[measure].predicted, scores[measure].gold


@pytest.mark.parametrize("variant", ["via_string", "direct"])
@pytest.mark.parametrize("name", neutral["PREDICTIONS"])
def test_golden(shared: Path, name: str, variant: str) -> None:
    gold, predicted = load(shared, "gold"), load(shared, name)
    random.Random(0).shuffle(predicted)
    expected = read(shared, "expected_rebel")[name][variant]
    relations = json.loads((shared / "data/docred/rel_info.json").read_text(encoding="utf-8"))
    for ignore in (False, True):  # the golden predictions have no relation outside the list
        protocol = rebel(relations, ignore_unlisted=ignore, normalise_space=variant == "via_string")
        scores = evaluate(protocol, gold, predicted)
        for measure in protocol.measures:
            want, micro, macro = expected[measure], scores[measure], scores.macro[measure]
            assert counts(scores, measure) == (want["tp"], want["tp"] + want["fp"], want["tp"] + want["fn"])
            assert macro.labels == len(scores.per_label[measure]) == 96
            for part, short in (("precision", "p"), ("recall", "r"), ("f1", "f1")):
                assert 100 * getattr(micro, part) == pytest.approx(want[short], rel=1e-13, abs=0), (measure, part)
                assert 100 * getattr(macro, part) == pytest.approx(want[f"macro_{short}"], rel=1e-13, abs=0)


def test_the_first_listed_mention_stands_for_an_entity() -> None:
    gold = build([("PER", [MARIE_CURIE, CURIE]), ("LOC", [PARIS])], [(0, 1, "R")])
    assert score(gold, build([("PER", [MARIE_CURIE]), ("LOC", [PARIS])], [(0, 1, "R")]))["strict"].f1 == 1.0
    assert score(gold, build([("PER", [CURIE, MARIE_CURIE]), ("LOC", [PARIS])], [(0, 1, "R")]))["strict"].f1 == 0.0


def test_types_count_in_strict_only_and_direction_in_both() -> None:
    gold = build([("PER", [CURIE]), ("LOC", [PARIS])], [(0, 1, "R")])
    retyped = build([("PER", [CURIE]), ("ORG", [PARIS])], [(0, 1, "R")])
    assert counts(score(gold, retyped), "strict") == (0, 1, 1)
    assert counts(score(gold, retyped), "boundaries") == (1, 1, 1)
    turned = build([("PER", [CURIE]), ("LOC", [PARIS])], [(1, 0, "R")])
    assert counts(score(gold, turned), "boundaries") == (0, 1, 1)


def test_entities_of_one_text_are_one() -> None:
    clusters = [("PER", [CURIE]), ("PER", [AGAIN]), ("LOC", [PARIS]), ("ORG", [AGAIN])]
    gold = build(clusters, [(0, 2, "R"), (1, 2, "R"), (3, 2, "R"), (3, 2, "S")])
    scores = score(gold, gold)
    assert (scores["strict"].gold, scores["boundaries"].gold) == (3, 2)


@pytest.mark.parametrize(("normalise", "right"), [(True, 1), (False, 0)])
def test_white_space_inside_names(normalise: bool, right: int) -> None:
    gold = build([("PER", [CURIE]), ("LOC", [YORK])], [(0, 1, "R")])
    predicted = build([("PER", [CURIE]), ("LOC", [HARD_YORK])], [(0, 1, "R")])
    assert score(gold, predicted, rebel(normalise_space=normalise))["strict"].true_positives == right


def test_macro_runs_over_the_whole_list() -> None:
    gold = build([("PER", [CURIE]), ("LOC", [PARIS])], [(0, 1, "R")])
    assert score(gold, gold).macro["strict"].f1 == 1.0
    scores = score(gold, gold, rebel(["R", "S", "T", "R"]))
    assert (scores.macro["strict"].labels, scores.macro["strict"].f1) == (3, 1 / 3)
    assert {*scores.per_label["boundaries"]} == {"R", "S", "T"}


def test_a_relation_outside_the_list_is_wrong_or_ignored() -> None:
    gold = build([("PER", [CURIE]), ("LOC", [PARIS])], [(0, 1, "R")])
    invented = build([("PER", [CURIE]), ("LOC", [PARIS])], [(0, 1, "R"), (0, 1, "INVENTED")])
    assert counts(score(gold, invented, rebel(["R"])), "strict") == (1, 2, 1)
    ignored = score(gold, invented, rebel(["R"], ignore_unlisted=True))
    assert counts(ignored, "strict") == counts(ignored, "boundaries") == (1, 1, 1)
    assert score(gold, invented, rebel(["R"])).macro == ignored.macro
    assert counts(score(invented, gold, rebel(["R"], ignore_unlisted=True)), "strict") == (1, 1, 1)


def test_relations_by_id_or_by_name() -> None:
    clusters = [("PER", [CURIE]), ("LOC", [PARIS])]
    gold = build(clusters, [(0, 1, "P19", "place of birth")])
    by_name = build(clusters, [(0, 1, "place of birth")])
    assert counts(score(gold, by_name, rebel(["place of birth", "spouse"])), "strict") == (1, 1, 1)
    assert counts(score(gold, gold, rebel(["P19", "P26"], ignore_unlisted=True)), "strict") == (1, 1, 1)
    assert {*score(gold, gold, rebel(["P19", "P26"])).per_label["strict"]} == {"P19", "P26"}


def test_documents_without_relation_annotation_are_left_out() -> None:
    clusters = [("PER", [CURIE]), ("LOC", [PARIS])]
    scores = score(build(clusters, None), build(clusters, [(0, 1, "R")]))
    assert scores.without_relations == 1
    assert counts(scores, "strict") == counts(scores, "boundaries") == (0, 0, 0)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    spans = st.sampled_from([CURIE, AGAIN, PARIS, YORK, HARD_YORK, MARIE_CURIE])
    clusters = draw(st.lists(st.tuples(st.sampled_from("XY"), st.lists(spans, min_size=1, max_size=3)), max_size=4))
    ends = st.integers(0, len(clusters) - 1)
    facts = st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=5) if clusters else st.just([])
    return build(clusters, draw(facts))


@given(documents(), documents())
def test_counts_equal_brute_force(gold: Document, predicted: Document) -> None:
    def triples(document: Document, typed: bool) -> list[list[str]]:
        found: list[list[str]] = []
        for relation in document.relations or ():
            triple = [relation.type]
            for entity in (document.entities[relation.head], document.entities[relation.tail]):
                triple.append(entity.mentions[0].text.replace("\u00a0", " "))
                triple += [entity.type] if typed else []
            if triple not in found:
                found.append(triple)
        return found

    there, back = score(gold, predicted), score(predicted, gold)
    for measure, typed in (("strict", True), ("boundaries", False)):
        one, other = triples(gold, typed), triples(predicted, typed)
        assert counts(there, measure) == (sum(triple in one for triple in other), len(other), len(one))
        assert (there[measure].precision, there[measure].recall) == (back[measure].recall, back[measure].precision)
    assert all(found.f1 == (1.0 if found.gold else 0.0) for found in score(gold, gold).micro.values())
