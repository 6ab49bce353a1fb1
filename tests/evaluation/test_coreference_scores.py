import random
import runpy
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.evaluation.coreference import (
    MEASURES,
    compare,
    coreference,
    partition,
)
from joint_ie.evaluation.protocol import Scores, evaluate
from joint_ie.evaluation.tally import total

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
load, read = neutral["load"], neutral["read"]

COREFERENCE = coreference()
COREFERENCE_NO_SINGLETONS = coreference(singletons=False)

Cluster = frozenset[tuple[int, int]]
Clusters = Sequence[Iterable[tuple[int, int]]]


def build(id: str, clusters: Clusters) -> Document:
    return neutral["build"]([("X", spans) for spans in clusters], None, id, [tuple("abcdefghijklmnop")])


def letters(*clusters: str) -> list[Cluster]:
    """Clusters of one-token spans: ``"abc"`` are tokens 0, 1 and 2."""
    return [frozenset((ord(letter) - 97, ord(letter) - 96) for letter in cluster) for cluster in clusters]


def scores(gold: Clusters, predicted: Clusters, singletons: bool = True, as_listed: bool = False) -> Scores:
    return evaluate(coreference(singletons, as_listed), [build("d", gold)], [build("d", predicted)])


def listed_twice(document: Document) -> bool:
    spans = [span for entity in document.entities for span in {mention.span for mention in entity.mentions}]
    return len(spans) > len(set(spans))


@pytest.mark.parametrize("singletons", [True, False])
@pytest.mark.parametrize("name", ["perfect", "empty", "light", "medium", "heavy"])
def test_golden(shared: Path, name: str, singletons: bool) -> None:
    expected = read(shared, "expected_coref_textbook")[name]
    expected = expected["with_singletons" if singletons else "without_singletons"]
    gold, predicted = load(shared, "gold"), load(shared, name)
    random.Random(0).shuffle(predicted)
    as_listed = evaluate(coreference(singletons, as_listed=True), gold, predicted).to_dict()
    default = evaluate(coreference(singletons), gold, predicted).to_dict()
    for measure in ("muc", "b_cubed", "ceaf_e", "ceaf_m"):
        for part, want in expected[measure].items():
            assert as_listed[measure][part] == pytest.approx(want, rel=1e-14, abs=0), (measure, part)
            # One span is the only mention of two gold entities: ours differs in that alone, and never in links.
            if measure == "muc" or not singletons:
                assert default[measure][part] == pytest.approx(want, rel=1e-14, abs=0), (measure, part)
    assert as_listed["conll"] == pytest.approx(expected["conll_avg_f1"], rel=1e-14, abs=0)


def test_golden_default_is_as_listed_where_no_span_is_in_two_entities(shared: Path) -> None:
    gold, predicted = load(shared, "gold"), load(shared, "heavy")
    odd = {document.id for document in (*gold, *predicted) if listed_twice(document)}
    assert len(odd) == 1
    gold, predicted = ([document for document in side if document.id not in odd] for side in (gold, predicted))
    assert evaluate(COREFERENCE, gold, predicted).micro == evaluate(coreference(as_listed=True), gold, predicted).micro


@pytest.mark.parametrize("name", ["gold", "messy"])
def test_golden_perfect_is_exactly_one(shared: Path, name: str) -> None:
    """Also of ``messy``, where 142 spans are in several entities."""
    documents = load(shared, name)
    for protocol in (COREFERENCE, COREFERENCE_NO_SINGLETONS):
        result = evaluate(protocol, documents, documents)
        assert {score.f1 for score in result.micro.values()} == {1.0} == {result.means["conll"]}
    as_listed = evaluate(coreference(as_listed=True), documents, documents)
    assert as_listed["b_cubed"].f1 > 1


def test_names_and_descriptions_tell_them_apart() -> None:
    protocols = [coreference(singletons, as_listed) for singletons in (True, False) for as_listed in (False, True)]
    assert [protocol.name for protocol in protocols] == [
        "coreference",
        "coreference-as-listed",
        "coreference-no-singletons",
        "coreference-no-singletons-as-listed",
    ]
    assert len({protocol.description for protocol in protocols}) == 4
    assert all(("may exceed 1" in protocol.description) == ("as-listed" in protocol.name) for protocol in protocols)


def test_worked_example_of_the_reference_scorer() -> None:
    """Pradhan et al. 2014, figure 1; LEA's 0.24 and 0.33 by hand from its formula."""
    result = scores(letters("abc", "defg"), letters("ab", "cd", "fghi"))
    want = {
        "muc": (Fraction(2, 5), Fraction(2, 5)),
        "b_cubed": (Fraction(4, 8), (Fraction(5, 3) + Fraction(5, 4)) / 7),
        "ceaf_m": (Fraction(4, 8), Fraction(4, 7)),
        "ceaf_e": (Fraction(13, 10) / 3, Fraction(13, 10) / 2),
        "lea": ((2 + Fraction(4, 6)) / 8, (3 * Fraction(1, 3) + 4 * Fraction(1, 6)) / 7),
    }
    for measure, (precision, recall) in want.items():
        assert result[measure].precision == pytest.approx(float(precision), rel=1e-15), measure
        assert result[measure].recall == pytest.approx(float(recall), rel=1e-15), measure
    f1 = [result[measure].f1 for measure in ("muc", "b_cubed", "ceaf_e")]
    assert result.means["conll"] == pytest.approx(sum(f1) / 3, rel=1e-15)


@pytest.mark.parametrize(
    ("predicted", "muc", "b_cubed", "ceaf_m", "ceaf_e"),
    [
        (letters("abcde", "fghijkl"), 0.947, 0.865, 0.833, 0.733),
        (letters("abcdehijkl", "fg"), 0.947, 0.737, 0.583, 0.667),
        (letters("abcdefghijkl"), 0.900, 0.545, 0.417, 0.294),
        (letters(*"abcdefghijkl"), 0.0, 0.400, 0.250, 0.178),
    ],
)
def test_worked_examples_of_ceaf(
    predicted: list[Cluster], muc: float, b_cubed: float, ceaf_m: float, ceaf_e: float
) -> None:
    """Luo 2005, table 1: merging small and large entities, one entity, only singletons."""
    result = scores(letters("abcde", "fg", "hijkl"), predicted)
    want = {"muc": muc, "b_cubed": b_cubed, "ceaf_m": ceaf_m, "ceaf_e": ceaf_e}
    assert {measure: round(result[measure].f1, 3) for measure in want} == want


def test_lea_wants_links_and_weighs_entities() -> None:
    """What Moosavi and Strube 2016 ask of a measure, and B-cubed, CEAF or MUC do not give."""
    gold = letters("abcde", "fg", "hijkl")
    found = scores(gold, letters(*"abcdefghijkl"))  # mentions without one link
    assert found["lea"].true_positives == 0 < found["b_cubed"].f1
    small, large = scores(gold, letters("abcde", "fghijkl")), scores(gold, letters("abcdehijkl", "fg"))
    assert small["lea"].f1 > large["lea"].f1  # joining what is large is worse; MUC sees no difference
    assert small["muc"].f1 == large["muc"].f1
    more = scores(letters("abcd"), letters("abc", "d"))  # every correct link more counts
    fewer = scores(letters("abcd"), letters("ab", "cd"))
    assert (more["lea"].recall, fewer["lea"].recall) == (3 / 6, 2 / 6)


def test_lea_of_singletons() -> None:
    """A link of a mention to itself: right if it stands alone on both sides, else wrong."""
    assert scores(letters("a", "b"), letters("a", "c"))["lea"].to_dict() | {"f1": 0} == {
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0,
        "true_positives": 1,
        "predicted": 2,
        "gold": 2,
    }
    assert scores(letters("a"), letters("ab"))["lea"].f1 == scores(letters("ab"), letters("a"))["lea"].f1 == 0


def test_muc_of_singletons_is_zero() -> None:
    for gold, predicted in ((letters("a", "b"), letters("ab")), (letters("ab"), letters("a", "b"))):
        assert scores(gold, predicted)["muc"].f1 == 0
    assert scores(letters("a"), letters("a"))["muc"].to_dict() == dict.fromkeys(
        ("precision", "recall", "f1", "true_positives", "predicted", "gold"), 0
    )


def test_without_singletons() -> None:
    gold, predicted = letters("ab", "c", "d"), letters("ab", "c", "ef", "g")
    assert scores(gold, predicted, singletons=False).micro == scores(letters("ab"), letters("ab", "ef")).micro
    assert scores(letters("c"), letters("c"), singletons=False)["b_cubed"].gold == 0
    repeated = [[(0, 1), (0, 1)]]  # the same mention twice is one mention
    assert scores(repeated, repeated, singletons=False)["b_cubed"].gold == 0
    left = letters("abc", "ad")  # so is what another entity leaves of one
    assert scores(left, left, singletons=False)["b_cubed"].gold == 3


def test_every_span_is_in_one_cluster() -> None:
    assert partition(letters("a", "a")) == letters("a")
    assert partition(letters("ab", "bcd")) == letters("bcd", "a")  # the largest keeps what they share
    assert partition(letters("bc", "ab")) == letters("ab", "c")  # of equals, the one with the first spans
    assert partition(letters("cd", "ab", "e")) == letters("ab", "cd", "e")
    assert partition([]) == []


def test_repeats_count_once() -> None:
    once, twice = scores(letters("ab", "c"), letters("ab")), scores(letters("ab", "c", "c"), letters("ab", "ab"))
    assert once.micro == twice.micro
    as_listed = scores(letters("ab", "c", "c"), letters("ab", "ab"), as_listed=True)
    assert as_listed["b_cubed"].recall == 4 / 4
    assert as_listed["b_cubed"].predicted == 4


def test_nothing_anywhere_scores_zero() -> None:
    for gold, predicted in (([], []), (letters("ab"), []), ([], letters("ab"))):
        result = scores(gold, predicted)
        assert {score.f1 for score in result.micro.values()} == {0.0} == {result.means["conll"]}
    assert evaluate(COREFERENCE, [], [])["lea"].gold == 0


def test_documents_are_kept_apart_and_missing_ones_empty() -> None:
    gold = [build("1", letters("ab")), build("2", letters("ab"))]
    result = evaluate(COREFERENCE, gold, [gold[0]])
    assert result.missing == 1
    for measure in MEASURES:
        assert (result[measure].precision, result[measure].recall) == (1.0, 0.5), measure


# Against definitions written out, mention by mention and link by link.


def brute_force(measure: str, own: list[Cluster], other: list[Cluster]) -> tuple[Fraction, Fraction]:
    """What is right, and of how much, seen from ``own`` clusters; both sides are partitions."""
    zero, mentions = Fraction(0), Fraction(sum(len(cluster) for cluster in own))
    home = {span: cluster for cluster in other for span in cluster}
    if measure == "muc":
        parts = [{home.get(span, span) for span in cluster} for cluster in own]
        return sum((Fraction(len(c) - len(p)) for c, p in zip(own, parts, strict=True)), zero), mentions - len(own)
    if measure == "b_cubed":
        shares = [Fraction(len(c & home[span]), len(c)) for c in own for span in c if span in home]
        return sum(shares, zero), mentions
    if measure == "lea":

        def links(cluster: Cluster) -> set[Any]:
            return set(combinations(sorted(cluster), 2)) if len(cluster) > 1 else {(span, span) for span in cluster}

        there = {link for cluster in other for link in links(cluster)}
        return sum((len(c) * Fraction(len(links(c) & there), len(links(c))) for c in own), zero), mentions
    short, long = sorted((own, other), key=len)

    def similarity(a: Cluster, b: Cluster) -> Fraction:
        return Fraction(len(a & b)) if measure == "ceaf_m" else Fraction(2 * len(a & b), len(a) + len(b))

    best = max(
        sum((similarity(a, b) for a, b in zip(short, chosen, strict=True)), zero)
        for chosen in permutations(long, len(short))
    )
    return best, mentions if measure == "ceaf_m" else Fraction(len(own))


spans = st.sampled_from([(i, j) for i in range(4) for j in range(i + 1, 4)])
any_clusters = st.lists(st.frozensets(spans, min_size=1), max_size=4)


@st.composite
def partitions(draw: st.DrawFn) -> list[Cluster]:
    """Seven spans, each in one of five clusters or in none."""
    places = draw(st.lists(st.integers(-1, 4), min_size=7, max_size=7))
    found = [frozenset((i, i + 1) for i, at in enumerate(places) if at == place) for place in range(5)]
    return [cluster for cluster in found if cluster]


@given(partitions(), partitions())
def test_equals_brute_force(gold: list[Cluster], predicted: list[Cluster]) -> None:
    for tallies in (compare(gold, predicted), compare(partition(gold), partition(predicted))):
        for measure in MEASURES:
            tally = tallies[measure, ""]
            right, whole = brute_force(measure, predicted, gold)
            assert tally.right_predicted == pytest.approx(float(right), rel=1e-14), measure
            assert tally.predicted == whole, measure
            right, whole = brute_force(measure, gold, predicted)
            assert tally.right_gold == pytest.approx(float(right), rel=1e-14), measure
            assert tally.gold == whole, measure


@given(any_clusters)
def test_partition_keeps_every_span_once(clusters: list[Cluster]) -> None:
    kept = partition(clusters)
    assert sorted(span for cluster in kept for span in cluster) == sorted(set().union(*clusters))
    assert all(kept) and all(any(cluster <= listed for listed in clusters) for cluster in kept)
    assert partition(kept) == sorted(kept, key=lambda cluster: (-len(cluster), sorted(cluster)))


@given(any_clusters, any_clusters, st.booleans())
def test_scores_stay_within_one(gold: list[Cluster], predicted: list[Cluster], singletons: bool) -> None:
    result = scores(gold, predicted, singletons)
    for measure, score in result.micro.items():
        assert 0 <= score.precision <= 1 and 0 <= score.recall <= 1, measure


@given(st.lists(any_clusters, max_size=3), st.booleans())
def test_a_perfect_prediction_scores_one(corpus: list[list[Cluster]], singletons: bool) -> None:
    documents = [build(str(i), clusters) for i, clusters in enumerate(corpus)]
    for measure, score in evaluate(coreference(singletons), documents, documents).micro.items():
        assert (score.precision, score.recall, score.f1) == ((1.0,) * 3 if score.gold else (0.0,) * 3), measure


@given(any_clusters, any_clusters, st.booleans(), st.booleans())
def test_swapping_sides_swaps_precision_and_recall(
    gold: list[Cluster], predicted: list[Cluster], singletons: bool, as_listed: bool
) -> None:
    there, back = scores(gold, predicted, singletons, as_listed), scores(predicted, gold, singletons, as_listed)
    for measure in MEASURES:
        assert there[measure].precision == pytest.approx(back[measure].recall, rel=1e-14), measure
        assert there[measure].recall == pytest.approx(back[measure].precision, rel=1e-14), measure


corpora = st.lists(st.tuples(any_clusters, any_clusters), min_size=1, max_size=3)


@given(corpora, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_order_does_not_matter(
    corpus: list[tuple[list[Cluster], list[Cluster]]], singletons: bool, as_listed: bool, rng: random.Random
) -> None:
    protocol = coreference(singletons, as_listed)
    gold = [build(str(i), one) for i, (one, _) in enumerate(corpus)]
    predicted = [build(str(i), other) for i, (_, other) in enumerate(corpus)]

    def shuffled(documents: list[Document]) -> list[Document]:
        found = []
        for document in rng.sample(documents, len(documents)):
            listed = [[mention.span for mention in entity.mentions] for entity in document.entities]
            found.append(
                build(document.id, [rng.sample(spans, len(spans)) for spans in rng.sample(listed, len(listed))])
            )
        return found

    before, after = evaluate(protocol, gold, predicted), evaluate(protocol, shuffled(gold), shuffled(predicted))
    for measure in MEASURES:
        assert before[measure].to_dict() == pytest.approx(after[measure].to_dict(), rel=1e-14), measure


@given(corpora, st.booleans())
def test_a_corpus_is_the_sum_of_its_documents(
    corpus: list[tuple[list[Cluster], list[Cluster]]], singletons: bool
) -> None:
    """And equal to one document with all clusters, their spans moved apart."""
    protocol = coreference(singletons)
    gold = [build(str(i), one) for i, (one, _) in enumerate(corpus)]
    predicted = [build(str(i), other) for i, (_, other) in enumerate(corpus)]
    tallies = total(map(protocol.count, gold, predicted))

    def joined(side: int) -> list[set[tuple[int, int]]]:
        return [
            {(start + 4 * i, end + 4 * i) for start, end in cluster}
            for i, sides in enumerate(corpus)
            for cluster in sides[side]
        ]

    together = scores(joined(0), joined(1), singletons)
    result = evaluate(protocol, gold, predicted)
    for measure in MEASURES:
        assert tallies[measure, ""].score() == result[measure]
        assert together[measure].to_dict() == pytest.approx(result[measure].to_dict(), rel=1e-14), measure
