import json
import random
import runpy
from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.evaluation.coreference import coreference
from joint_ie.evaluation.gold_facts import NamedFact
from joint_ie.evaluation.jerex import JEREX
from joint_ie.evaluation.protocol import Scores, evaluate
from joint_ie.evaluation.tag import EPSILON, tag

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
load, read = neutral["load"], neutral["read"]

PEER_NAMES = {"mentions": "mention", "clusters": "cluster_hard", "relations": "relation"}
COREFERENCE_PARTS = ("muc", "b_cubed", "ceaf_e")
Clusters = Sequence[Sequence[tuple[int, int]]]
Facts = Sequence[tuple[int, int, str]]

A, B, C, D = ((i, i + 1) for i in range(4))


def build(id: str, clusters: Clusters, facts: Facts | None = ()) -> Document:
    return neutral["build"]([("X", spans) for spans in clusters], facts, id)


def one(gold: Document, predicted: Document, facts: Set[NamedFact] | None = None, as_published: bool = False) -> Scores:
    return evaluate(tag(facts, as_published), [gold], [predicted])


def redocred(shared: Path, file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "data" / "redocred" / file).read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def gold(shared: Path) -> list[Document]:
    """Golden documents with the corpus's own names of mentions, which training facts are made of."""
    documents = []
    corpus = redocred(shared, "dev_revised.json")[:60]
    for document, item in zip(load(shared, "gold"), corpus, strict=True):
        entities = [
            replace(
                entity,
                mentions=tuple(
                    replace(mention, name=named["name"]) for mention, named in zip(entity.mentions, listed, strict=True)
                ),
            )
            for entity, listed in zip(document.entities, item["vertexSet"], strict=True)
        ]
        documents.append(document.with_annotations(entities, document.relations))
    return documents


@pytest.fixture(scope="module")
def train(shared: Path) -> set[NamedFact]:
    """Names of every labelled training fact, straight from the file."""
    return {
        (head["name"], tail["name"], label["r"])
        for item in redocred(shared, "train_partial_992.json")
        for label in item["labels"]
        for head, tail in product(item["vertexSet"][label["h"]], item["vertexSet"][label["t"]])
    }


@pytest.mark.parametrize("name", neutral["PREDICTIONS"])
def test_golden_as_published(shared: Path, gold: list[Document], train: set[NamedFact], name: str) -> None:
    expected = read(shared, "expected_tag")[name]
    predicted = load(shared, name)
    random.Random(0).shuffle(predicted)
    result = evaluate(tag(train, as_published=True), gold, predicted)
    for measure in ("mentions", "clusters", *COREFERENCE_PARTS, "relations"):
        want = expected[PEER_NAMES.get(measure, measure)]
        for part in ("precision", "recall", "f1"):
            got = result[measure].to_dict()[part]
            assert got == pytest.approx(want[part], rel=1e-15, abs=0), (measure, part)
    assert result["relations_ign"].f1 == pytest.approx(expected["relation"]["ign_f1"], rel=1e-15, abs=0)
    assert result["relations_ign"].recall == result["relations"].recall
    assert result.means["coref_avg_f1"] == pytest.approx(expected["coref_avg_f1"], rel=1e-15, abs=0)


def test_golden_known_relations(shared: Path, gold: list[Document], train: set[NamedFact]) -> None:
    """Every gold relation alone: known, it leaves nothing to be precise about."""
    flags = read(shared, "gold_relations_in_train")
    protocol, known = tag(train), 0
    for document, listed in zip(gold, flags, strict=True):
        for relation, flag in zip(document.relations or (), listed["relation_in_train"], strict=True):
            alone = replace(document, relations=(relation,))
            assert protocol.count(alone, alone)["relations_ign", ""].predicted == 1 - flag, (document.id, relation)
            known += flag
    assert known > 0


@pytest.mark.parametrize("name", neutral["PREDICTIONS"])
def test_golden_default_is_jerex_without_types_and_textbook_coreference(
    shared: Path, gold: list[Document], train: set[NamedFact], name: str
) -> None:
    predicted = load(shared, name)
    result = evaluate(tag(train), gold, predicted)
    strict, grouped = evaluate(JEREX, gold, predicted), evaluate(coreference(), gold, predicted)
    for measure in ("mentions", "clusters", "relations"):
        assert result[measure] == strict[measure], measure
    assert result.macro["relations"] == strict.macro["relations"]
    for measure in COREFERENCE_PARTS:
        assert result[measure] == grouped[measure], measure
    assert result.means["coref_avg_f1"] == grouped.means["conll"]
    assert result["relations_ign"].f1 <= result["relations"].f1
    if name == "perfect":
        assert {score.f1 for score in result.micro.values()} == {1.0} == {result.means["coref_avg_f1"]}


def test_without_training_facts_there_is_no_ign_score() -> None:
    document = build("d", [[A], [B]], [(0, 1, "R")])
    for as_published in (False, True):
        assert "relations_ign" not in one(document, document, None, as_published).micro
        assert "relations_ign" in one(document, document, set(), as_published).micro
    assert "relations_ign" not in tag().measures


@pytest.mark.parametrize("as_published", [False, True])
def test_known_relations_leave_precision_alone(as_published: bool) -> None:
    gold = build("d", [[A, B], [C], [D]], [(0, 1, "R"), (0, 2, "R"), (0, 2, "S")])
    mentions = gold.entities[0].mentions
    named = replace(gold.entities[0], mentions=(mentions[0], replace(mentions[1], name="Bea")))
    gold = gold.with_annotations([named, *gold.entities[1:]], gold.relations)
    predicted = build("d", [[A, B], [C], [D]], [(0, 1, "R"), (0, 2, "R"), (0, 1, "S")])
    facts = {("Bea", "c", "R"), ("b", "d", "R"), ("a", "c", "S"), ("a", "d", "S")}  # the first alone is right and known
    score = one(gold, predicted, facts, as_published)["relations_ign"]
    assert (score.true_positives, score.predicted, score.gold) == (1, 2, 3)
    assert score.precision == pytest.approx(1 / 2, abs=1e-7)
    assert score.recall == 2 / 3
    assert one(gold, predicted, {("a", "c", "R")}, as_published)["relations_ign"] == score


def test_relations_need_both_clusters_and_direction() -> None:
    gold = build("d", [[A, B], [C], [D]], [(0, 1, "R")])
    right = build("d", [[C], [B, A]], [(1, 0, "R")])
    wrong = [
        build("d", [[A], [C]], [(0, 1, "R")]),
        build("d", [[A, B], [C, D]], [(0, 1, "R")]),
        build("d", [[A, B], [C]], [(1, 0, "R")]),
        build("d", [[A, B], [C]], [(0, 1, "S")]),
        build("d", [[A, B], [D]], [(0, 1, "R")]),
    ]
    for as_published in (False, True):
        assert one(gold, right, None, as_published)["relations"].recall == 1.0
        assert [one(gold, other, None, as_published)["relations"].true_positives for other in wrong] == [0] * 5


def test_repeats_count_only_as_published() -> None:
    gold = build("d", [[A, B], [C]], [(0, 1, "R")])
    predicted = build("d", [[A, B], [B, A], [C]], [(0, 2, "R"), (0, 2, "R"), (1, 2, "R")])
    facts = {("a", "c", "R")}
    right, published = one(gold, predicted, facts), one(gold, predicted, facts, as_published=True)
    assert {score.recall for score in right.micro.values()} == {1.0}
    assert (right["relations"].predicted, right["relations_ign"].predicted) == (1, 0)
    assert published["clusters"].recall == 3 / 2
    assert (published["relations"].recall, published["relations"].predicted) == (3.0, 3)
    assert published["relations_ign"].predicted == 0


def test_published_b_cubed_takes_singletons_for_right() -> None:
    gold, predicted = build("d", [[A], [B, C]]), build("d", [[D], [B, C]])
    assert one(gold, predicted)["b_cubed"].precision == 2 / 3
    assert one(gold, predicted, as_published=True)["b_cubed"].precision == pytest.approx(1.0, abs=1e-7)


def test_published_ceaf_e_compares_documents() -> None:
    """A prediction may be aligned with another document's gold, since numbers start anew in every document."""
    gold = [build("1", [[A], [B]]), build("2", [[A, B]])]
    predicted = [build("1", [[A, B]]), build("2", [[A], [B]])]
    assert evaluate(tag(as_published=True), gold, predicted)["ceaf_e"].f1 == pytest.approx(1.0, abs=1e-6)
    assert evaluate(tag(), gold, predicted)["ceaf_e"].f1 == pytest.approx(4 / 9)
    backwards = build("1", [[B, A]])
    assert one(backwards, backwards, as_published=True)["ceaf_e"].f1 == 0
    assert one(backwards, backwards)["ceaf_e"].f1 == 1


def test_nothing_anywhere_scores_zero() -> None:
    """Where the original divides by zero."""
    empty, full = build("d", []), build("d", [[A], [B, C]], [(0, 1, "R")])
    for as_published in (False, True):
        protocol = tag(set(), as_published)
        for gold, predicted in (([], []), ([empty], [empty]), ([empty], [full]), ([full], [empty])):
            result = evaluate(protocol, gold, predicted)
            assert {score.f1 for score in result.micro.values()} == {0.0} == {result.means["coref_avg_f1"]}


def test_documents_without_relation_annotation_leave_only_the_relation_scores() -> None:
    gold = [build("1", [[A], [B]], None), build("2", [[A], [B]], [(0, 1, "R")])]
    predicted = [build("1", [[A], [B]], [(0, 1, "S")]), build("2", [[A], [B]], [(0, 1, "R")])]
    for as_published in (False, True):
        result = evaluate(tag(set(), as_published), gold, predicted)
        assert result["clusters"].gold == 4
        assert result["relations"].predicted == result["relations_ign"].predicted == 1
        assert evaluate(tag(set(), as_published), gold[:1], predicted[:1])["relations"].f1 == 0


def test_description_says_what_is_wrong() -> None:
    published = tag(as_published=True)
    assert published.name == "tag-as-published" != tag().name == "tag"
    for fault in ("B-cubed", "CEAF-e", "repeats"):
        assert fault in published.description
        assert fault not in tag().description


spans = st.sampled_from([(i, j) for i in range(4) for j in range(i + 1, 4)])
any_clusters = st.lists(st.lists(spans, min_size=1, max_size=3), max_size=4)


@st.composite
def documents(draw: st.DrawFn, count: int = 2, disjoint: bool = False) -> list[Document]:
    found = []
    for i in range(count):
        if disjoint:
            places = draw(st.lists(st.integers(-1, 3), min_size=6, max_size=6))
            groups = [[(at, at + 1) for at, place in enumerate(places) if place == group] for group in range(4)]
            clusters: Clusters = [group for group in groups if group]
        else:
            clusters = draw(any_clusters)
        ends = st.integers(0, len(clusters) - 1)
        fact = st.tuples(ends, ends, st.sampled_from("RS"))
        facts = draw(st.lists(fact, max_size=4, unique=disjoint)) if clusters else []
        found.append(build(str(i), clusters, facts))
    return found


training = st.frozensets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.sampled_from("RS")))


@given(documents(), training)
def test_a_perfect_prediction_scores_one(gold: list[Document], facts: frozenset[NamedFact]) -> None:
    result = evaluate(tag(facts), gold, gold)
    for measure, score in result.micro.items():
        if measure != "relations_ign":
            assert score.f1 == (1.0 if score.gold else 0.0), measure
    ign = result["relations_ign"]
    assert ign.f1 == (1.0 if ign.predicted else 0.0)  # nothing new was found where training knew everything


@given(documents(), documents(), training)
def test_scores_stay_within_one_and_ign_below_f1(
    gold: list[Document], predicted: list[Document], facts: frozenset[NamedFact]
) -> None:
    result = evaluate(tag(facts), gold, predicted)
    for measure, score in result.micro.items():
        assert 0 <= score.precision <= 1 and 0 <= score.recall <= 1, measure
    assert result["relations_ign"].f1 <= result["relations"].f1
    assert result["relations_ign"].recall == result["relations"].recall


@given(documents(disjoint=True), documents(disjoint=True), training)
def test_the_published_rest_is_right_where_clusters_are_a_partition(
    gold: list[Document], predicted: list[Document], facts: frozenset[NamedFact]
) -> None:
    """Without repeats only B-cubed and CEAF-e differ from the default, the others by their epsilon at most."""
    right, published = evaluate(tag(facts), gold, predicted), evaluate(tag(facts, True), gold, predicted)
    for measure in ("mentions", "clusters", "muc", "relations", "relations_ign"):
        one, two = right[measure], published[measure]
        assert (one.true_positives, one.predicted, one.gold) == (two.true_positives, two.predicted, two.gold), measure
        assert one.to_dict() == pytest.approx(two.to_dict(), abs=1e-6), measure
    assert published["b_cubed"].precision >= right["b_cubed"].precision - 1e-6


@given(documents(3), documents(3))
def test_published_ceaf_e_equals_brute_force(gold: list[Document], predicted: list[Document]) -> None:
    def numbered(reference: Document, prediction: Document) -> tuple[list[list[int]], list[list[int]]]:
        wanted, found = (
            sorted({mention.span for entity in side.entities for mention in entity.mentions})
            for side in (reference, prediction)
        )
        order = [span for span in found if span in wanted] + [span for span in found if span not in wanted]
        keys = [[order.index(m.span) if m.span in order else -1 for m in e.mentions] for e in reference.entities]
        return keys, [sorted({order.index(m.span) for m in e.mentions}) for e in prediction.entities]

    sides = [numbered(one, two) for one, two in zip(gold, predicted, strict=True)]

    def similarity(i: int, j: int) -> float:
        keys, responses = sides[i][0], sides[j][1]
        equal = sum(key in responses for key in keys)
        return 2 * equal / (len(keys) + len(responses)) if equal else 0.0

    best = max(sum(similarity(i, j) for i, j in enumerate(order)) for order in permutations(range(3)))
    score = evaluate(tag(as_published=True), gold, predicted)["ceaf_e"]
    assert score.precision == score.recall == pytest.approx(best / (3 + EPSILON), rel=1e-12)
