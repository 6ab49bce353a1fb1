"""DWIE's measures on the golden numbers, on small cases from its rules, and against brute force."""

import random
import runpy
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Span
from joint_ie.evaluation.dwie import Variant, dwie
from joint_ie.evaluation.protocol import Scores, evaluate

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
build, load, read = neutral["build"], neutral["load"], neutral["read"]

A, B, C, D = (0, 1), (1, 2), (2, 3), (3, 4)


GOLDEN: dict[str, Variant] = {"canonical": "dwie-as-published", "as_listed": "dwie-as-listed"}


def score(gold: Document, predicted: Document, variant: Variant = "dwie") -> Scores:
    return evaluate(dwie(variant), [gold], [predicted])


def fractions(scores: Scores, measure: str) -> tuple[float, float]:
    return scores[measure].precision, scores[measure].recall


@pytest.mark.parametrize("variant", GOLDEN)
@pytest.mark.parametrize("name", neutral["PREDICTIONS"])
def test_golden(shared: Path, name: str, variant: str) -> None:
    gold, predicted = load(shared, "gold"), load(shared, name)
    random.Random(0).shuffle(predicted)
    expected = read(shared, "expected_dwie")[name][variant]
    scores = evaluate(dwie(GOLDEN[variant]), gold, predicted)
    data = scores.to_dict()
    assert {*expected} == {*scores.micro, *scores.means}
    assert data["coref_avg_f1"] == pytest.approx(expected.pop("coref_avg_f1"), rel=1e-13, abs=0)
    for measure, want in expected.items():
        for part in ("precision", "recall", "f1"):
            assert data[measure][part] == pytest.approx(want[part], rel=1e-13, abs=0), (measure, part)


def test_order_and_repeats_of_mentions_matter_as_listed_only() -> None:
    gold = build([("X", [A, B]), ("Y", [C])], [(0, 1, "R")])
    turned = build([("X", [B, A]), ("Y", [C, C])], [(0, 1, "R")])
    scores = score(gold, turned)
    assert all(fractions(scores, measure) == (1, 1) for measure in scores.micro)
    scores = score(gold, turned, "dwie-as-listed")
    for measure in ("ner_hard", "rel_hard"):
        assert fractions(scores, measure) == (0, 0)
    for measure in ("ner_mention", "ner_soft", "rel_mention", "rel_soft"):
        assert fractions(scores, measure) == (1, 1)
    assert scores["ner_mention"].predicted == 4
    assert scores["coref_muc"].predicted == 2
    assert scores["coref_ceaf_e"].true_positives == pytest.approx(1 + 2 / 3)


def test_copies_of_an_entity_each_count_as_published() -> None:
    gold = build([("X", [A]), ("Y", [B]), ("Y", [C])], [(0, 1, "R"), (0, 2, "R")])
    copied = build([("X", [A]), ("X", [A]), ("Y", [B])], [(0, 2, "R"), (1, 2, "R"), (1, 2, "R")])
    published, scores = score(gold, copied, "dwie-as-published"), score(gold, copied)
    for measure, once, each in (
        ("ner_mention", (2, 2, 3), (3, 3, 4)),
        ("ner_hard", (2, 2, 3), (3, 3, 4)),
        ("rel_hard", (1, 1, 2), (2, 2, 3)),
        ("rel_mention", (1, 1, 2), (1, 1, 2)),
    ):
        for found, counts in ((scores[measure], once), (published[measure], each)):
            assert (found.true_positives, found.predicted, found.gold) == counts, measure
            assert found.recall == counts[0] / counts[2]


def test_soft_scores_are_means_of_shares() -> None:
    gold = build([("X", [A, B, C, D]), ("Y", [(4, 5)])], [(0, 1, "R")])
    predicted = build([("X", [A, (5, 6)]), ("X", [B, C, (4, 5)]), ("Y", [(4, 5)])], [(0, 2, "R"), (1, 2, "S")])
    scores = score(gold, predicted)
    assert fractions(scores, "ner_soft") == pytest.approx(((1 / 2 + 2 / 3 + 1) / 3, (3 / 4 + 1) / 2))
    assert fractions(scores, "rel_soft") == pytest.approx(((1 / 2 + 0) / 2, 1 / 4))
    assert fractions(scores, "rel_mention") == pytest.approx((1 / 5, 1 / 4))
    assert scores.per_label["rel_soft"]["S"].predicted == 1
    assert scores.per_label["ner_soft"]["X"].precision == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert scores.macro["ner_soft"].labels == 2


def test_a_gold_relation_between_mentions_that_two_relations_share_is_missed_twice_as_published() -> None:
    gold = build([("X", [A]), ("X", [A, B]), ("Y", [C])], [(0, 2, "R"), (1, 2, "R")])
    predicted = build([("X", [B]), ("Y", [C])], [(0, 1, "R")])
    assert fractions(score(gold, predicted, "dwie-as-published"), "rel_mention") == (1, 1 / 3)
    assert fractions(score(gold, predicted), "rel_mention") == (1, 1 / 2)


def test_the_last_cluster_of_a_mention_is_its_counterpart_as_published() -> None:
    gold, pair, other = build([("X", [A, B])]), ("X", [A, B]), ("X", [B, C, D])
    cut = score(gold, build([pair, other]), "dwie-as-published")
    assert fractions(cut, "coref_muc") == (1 / 3, 0)
    assert fractions(cut, "coref_b_cubed") == pytest.approx(((4 / 2 + 1 / 3) / 5, (1 + 1) / 2 / 2))
    whole = score(gold, build([other, pair]), "dwie-as-published")
    assert fractions(whole, "coref_muc") == (1 / 3, 1)
    assert fractions(whole, "coref_b_cubed") == pytest.approx(((4 / 2 + 1 / 3) / 5, 1))
    # copies are one counterpart, so that they cut no link
    assert fractions(score(gold, build([pair, pair]), "dwie-as-published"), "coref_muc") == (1, 1)
    for order in ([pair, other], [other, pair]):
        assert score(gold, build(order)) == score(gold, build([pair, other]))


def test_links_to_nothing_are_wrong() -> None:
    scores = score(build([("X", [A, B, C])]), build([("X", [A, B, D])]))
    assert fractions(scores, "coref_muc") == (1 / 2, 1 / 2)
    assert fractions(scores, "coref_b_cubed") == pytest.approx((4 / 9, 4 / 9))
    assert fractions(scores, "coref_ceaf_e") == pytest.approx((2 / 3, 2 / 3))


def test_types_leave_coreference_alone_and_spoil_names() -> None:
    scores = score(build([("X", [A, B])], [(0, 0, "R")]), build([("Y", [A, B])], [(0, 0, "R")]))
    for measure in scores.micro:
        assert scores[measure].f1 == (0.0 if measure.startswith("ner") else 1.0), measure


def test_documents_without_relation_annotation_leave_only_the_relation_scores() -> None:
    gold = build([("X", [A]), ("Y", [B])], None)
    scores = score(gold, build([("X", [A]), ("Y", [B])], [(0, 1, "R")]))
    assert scores["ner_hard"].f1 == 1.0
    assert all(scores[measure].predicted == 0 for measure in ("rel_mention", "rel_soft", "rel_hard"))


@st.composite
def partitions(draw: st.DrawFn) -> Document:
    """Every mention in one entity, every relation once."""
    clusters: dict[int, list[Span]] = {}
    for i, home in enumerate(draw(st.lists(st.integers(0, 4), max_size=7))):
        if home < 4:  # else nowhere
            clusters.setdefault(home, []).append((i, i + 1))
    entities = [(draw(st.sampled_from("XY")), draw(st.permutations(spans))) for spans in clusters.values()]
    ends = st.integers(0, len(entities) - 1)
    facts = st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=4, unique=True) if entities else st.just([])
    return build(entities, draw(facts), words=[tuple("abcdefg")])


def brute_force(gold: list[list[Span]], predicted: list[list[Span]]) -> dict[str, tuple[float, float, float, float]]:
    """Coreference from its definitions: parts of cut clusters, shares mention by mention, all alignments."""

    def muc(clusters: list[list[Span]], others: list[list[Span]]) -> tuple[int, int]:
        right = 0
        for cluster in clusters:
            parts = {tuple(other) for other in others for span in cluster if span in other}
            alone = sum(not any(span in other for other in others) for span in cluster)
            right += len(cluster) - (len(parts) + alone)
        return right, sum(len(cluster) - 1 for cluster in clusters)

    def b_cubed(clusters: list[list[Span]], others: list[list[Span]]) -> tuple[float, int]:
        shares = [
            len(set(cluster) & set(next((other for other in others if span in other), []))) / len(cluster)
            for cluster in clusters
            for span in cluster
        ]
        return sum(shares), len(shares)

    def dice(one: list[Span], other: list[Span]) -> float:
        return 2 * len(set(one) & set(other)) / (len(one) + len(other))

    few, many = sorted((gold, predicted), key=len)
    best = max(sum(map(dice, few, chosen)) for chosen in permutations(many, len(few)))
    return {
        "coref_muc": (*muc(predicted, gold), *muc(gold, predicted)),
        "coref_b_cubed": (*b_cubed(predicted, gold), *b_cubed(gold, predicted)),
        "coref_ceaf_e": (best, len(predicted), best, len(gold)),
    }


@pytest.mark.parametrize("variant", ["dwie", "dwie-as-published"])
@given(gold=partitions(), predicted=partitions())
def test_coreference_equals_brute_force(gold: Document, predicted: Document, variant: Variant) -> None:
    tallies = dwie(variant).count(gold, predicted)
    clusters = [[[mention.span for mention in e.mentions] for e in document.entities] for document in (gold, predicted)]
    for measure, want in brute_force(*clusters).items():
        tally = tallies[measure, ""]
        found = (tally.right_predicted, tally.predicted, tally.right_gold, tally.gold)
        assert found == pytest.approx(want, rel=1e-12), measure


@st.composite
def overlapping(draw: st.DrawFn) -> Document:
    """Mentions in several entities, repeats of everything."""
    spans = st.sampled_from([(i, i + 1) for i in range(4)])
    entities = draw(st.lists(st.tuples(st.sampled_from("XY"), st.lists(spans, min_size=1, max_size=3)), max_size=4))
    ends = st.integers(0, len(entities) - 1)
    facts = st.lists(st.tuples(ends, ends, st.sampled_from("RS")), max_size=4) if entities else st.just([])
    return build(entities, draw(facts))


@pytest.mark.parametrize("variant", ["dwie-as-published", "dwie-as-listed"])
@given(gold=partitions())
def test_a_perfect_prediction_scores_one_as_published(gold: Document, variant: Variant) -> None:
    scores = score(gold, gold, variant)
    for measure, found in scores.micro.items():
        assert found.f1 == pytest.approx(1.0 if found.gold else 0.0), measure


@given(overlapping())
def test_a_perfect_prediction_scores_one(gold: Document) -> None:
    for measure, found in score(gold, gold).micro.items():
        assert found.f1 == pytest.approx(1.0 if found.gold else 0.0), measure


@given(overlapping(), overlapping())
def test_swapping_sides_swaps_precision_and_recall(gold: Document, predicted: Document) -> None:
    there, back = score(gold, predicted), score(predicted, gold)
    for measure in there.micro:
        assert fractions(there, measure) == pytest.approx(fractions(back, measure)[::-1], rel=1e-12), measure


@given(overlapping(), overlapping(), st.integers(0, 1000))
def test_order_and_repeats_do_not_matter_by_default(gold: Document, predicted: Document, seed: int) -> None:
    rng = random.Random(seed)
    order = rng.sample(range(len(predicted.entities)), len(predicted.entities))
    entities = [predicted.entities[i] for i in order]
    relations = [replace(r, head=order.index(r.head), tail=order.index(r.tail)) for r in predicted.relations or ()]
    other = predicted.with_annotations(
        [replace(entity, mentions=tuple(rng.choices(entity.mentions, k=3)) + entity.mentions) for entity in entities],
        rng.sample(relations * 2, 2 * len(relations)),
    )
    one, two = score(gold, predicted), score(gold, other)
    for measure in one.micro:
        assert fractions(one, measure) == pytest.approx(fractions(two, measure), rel=1e-12), measure
