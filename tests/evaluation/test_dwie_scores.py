"""DWIE's measures on the golden numbers, on small cases from its rules, and against brute force."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation, Span
from joint_ie.evaluation.dwie import dwie
from joint_ie.evaluation.protocol import Scores, evaluate

A, B, C, D = (0, 1), (1, 2), (2, 3), (3, 4)
Clusters = Sequence[tuple[str, Sequence[Span]]]


def build(
    clusters: Clusters,
    relations: Sequence[tuple[int, int, str]] | None = (),
    words: Sequence[Sequence[str]] = (tuple("abcdefgh"),),
    id: str = "d",
) -> Document:
    document = Document.from_words(id, words)
    entities = [
        Entity(label, document.slice(*spans[0]), tuple(document.mention(*span) for span in spans))
        for label, spans in clusters
    ]
    return document.with_annotations(entities, None if relations is None else [Relation(*fact) for fact in relations])


def score(gold: Document, predicted: Document, as_listed: bool = False) -> Scores:
    return evaluate(dwie(as_listed), [gold], [predicted])


def fractions(scores: Scores, measure: str) -> tuple[float, float]:
    return scores[measure].precision, scores[measure].recall


def from_neutral(data: list[dict[str, Any]]) -> list[Document]:
    documents = []
    for item in data:
        words = [item["tokens"][i:j] for i, j in pairwise([*item["sent_starts"], len(item["tokens"])])]
        clusters = [(entity["type"], [tuple(span) for span in entity["mentions"]]) for entity in item["entities"]]
        documents.append(build(clusters, item["relations"], words, item["title"]))
    return documents


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden" / "joint_and_scoring" / "a_e2e"


@pytest.fixture(scope="module")
def gold(golden: Path) -> list[Document]:
    return from_neutral(json.loads((golden / "gold.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("variant", ["canonical", "as_listed"])
@pytest.mark.parametrize("name", ["perfect", "empty", "light", "medium", "heavy", "messy"])
def test_golden(golden: Path, gold: list[Document], name: str, variant: str) -> None:
    predicted = from_neutral(json.loads((golden / f"pred_{name}.json").read_text(encoding="utf-8")))
    random.Random(0).shuffle(predicted)
    expected = json.loads((golden / "expected_dwie.json").read_text(encoding="utf-8"))[name][variant]
    scores = evaluate(dwie(as_listed=variant == "as_listed"), gold, predicted)
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
    scores = score(gold, turned, as_listed=True)
    for measure in ("ner_hard", "rel_hard"):
        assert fractions(scores, measure) == (0, 0)
    for measure in ("ner_mention", "ner_soft", "rel_mention", "rel_soft"):
        assert fractions(scores, measure) == (1, 1)
    assert scores["ner_mention"].predicted == 4
    assert scores["coref_muc"].predicted == 2
    assert scores["coref_ceaf_e"].true_positives == pytest.approx(1 + 2 / 3)


def test_copies_of_an_entity_each_count_and_repeated_relations_once() -> None:
    gold = build([("X", [A]), ("Y", [B]), ("Y", [C])], [(0, 1, "R"), (0, 2, "R")])
    copied = build([("X", [A]), ("X", [A]), ("Y", [B])], [(0, 2, "R"), (1, 2, "R"), (1, 2, "R")])
    scores = score(gold, copied)
    for measure, counts in {
        "ner_mention": (3, 3, 4),
        "ner_hard": (3, 3, 4),
        "rel_hard": (2, 2, 3),
        "rel_mention": (1, 1, 2),
    }.items():
        found = scores[measure]
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


def test_a_gold_relation_between_mentions_that_two_relations_share_is_missed_twice() -> None:
    gold = build([("X", [A]), ("X", [A, B]), ("Y", [C])], [(0, 2, "R"), (1, 2, "R")])
    predicted = build([("X", [B]), ("Y", [C])], [(0, 1, "R")])
    assert fractions(score(gold, predicted), "rel_mention") == (1, 1 / 3)


def test_the_last_cluster_of_a_mention_is_its_counterpart() -> None:
    gold, pair, other = build([("X", [A, B])]), ("X", [A, B]), ("X", [B, C, D])
    cut = score(gold, build([pair, other]))
    assert fractions(cut, "coref_muc") == (1 / 3, 0)
    assert fractions(cut, "coref_b_cubed") == pytest.approx(((4 / 2 + 1 / 3) / 5, (1 + 1) / 2 / 2))
    whole = score(gold, build([other, pair]))
    assert fractions(whole, "coref_muc") == (1 / 3, 1)
    assert fractions(whole, "coref_b_cubed") == pytest.approx(((4 / 2 + 1 / 3) / 5, 1))
    # copies are one counterpart, so that they cut no link
    assert fractions(score(gold, build([pair, pair])), "coref_muc") == (1, 1)


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
    return build(entities, draw(facts))


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


@given(partitions(), partitions())
def test_coreference_equals_brute_force(gold: Document, predicted: Document) -> None:
    tallies = dwie().count(gold, predicted)
    clusters = [[[mention.span for mention in e.mentions] for e in document.entities] for document in (gold, predicted)]
    for measure, want in brute_force(*clusters).items():
        tally = tallies[measure, ""]
        found = (tally.right_predicted, tally.predicted, tally.right_gold, tally.gold)
        assert found == pytest.approx(want, rel=1e-12), measure


@pytest.mark.parametrize("as_listed", [False, True])
@given(gold=partitions())
def test_a_perfect_prediction_scores_one(gold: Document, as_listed: bool) -> None:
    scores = score(gold, gold, as_listed)
    for measure, found in scores.micro.items():
        assert found.f1 == pytest.approx(1.0 if found.gold else 0.0), measure


@given(partitions(), partitions())
def test_swapping_sides_swaps_precision_and_recall(gold: Document, predicted: Document) -> None:
    there, back = score(gold, predicted), score(predicted, gold)
    for measure in there.micro:
        assert fractions(there, measure) == pytest.approx(fractions(back, measure)[::-1], rel=1e-12), measure


@given(partitions(), partitions(), st.integers(0, 1000))
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
