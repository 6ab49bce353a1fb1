import json
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from joint_ie.errors import InputError
from joint_ie.models.clustering import LikelyPairs, cluster, linked_clusters, threshold_in
from joint_ie.models.settings import Linkage


def greedy(scores: np.ndarray, threshold: float, linkage: Linkage = "complete") -> list[list[int]]:
    """Golden joint README 5.5, step 3, literally: join the closest two until nothing is close enough."""
    between = {"complete": min, "average": mean}[linkage]
    clusters = [[mention] for mention in range(len(scores))]
    while len(clusters) > 1:
        score, first, second = max(
            (between([scores[min(i, j), max(i, j)] for i in clusters[a] for j in clusters[b]]), a, b)
            for a in range(len(clusters))
            for b in range(a + 1, len(clusters))
        )
        if not score > threshold:
            break
        clusters[first] = sorted(clusters[first] + clusters.pop(second))
    return sorted(clusters)


@st.composite
def distinct_scores(draw: st.DrawFn) -> np.ndarray:
    mentions = draw(st.integers(0, 8))
    count = mentions * mentions
    values = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count, unique=True))
    return np.array(values).reshape(mentions, mentions)


def test_micro_cases(shared: Path) -> None:
    path = shared / "golden" / "joint_and_scoring" / "d_jerex" / "micro_cases.json"
    for case in json.loads(path.read_text())["clustering"]:
        clusters = linked_clusters(np.array(case["similarity"]), case["threshold"])
        assert clusters == sorted(sorted(cluster) for cluster in case["clusters"]), case["what"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("document", ["doc0", "doc1"])
@pytest.mark.parametrize("variant", ["multi_instance", "global"])
def test_golden_network(shared: Path, variant: str, document: str, dtype: type) -> None:
    folder = shared / "golden" / "joint_and_scoring" / "d_jerex"
    golden = load_file(folder / f"inference_{variant}_{document}.safetensors")
    position = {candidate: i for i, candidate in enumerate(golden["selected"].tolist())}
    scores = np.ones((len(position), len(position)), dtype)
    for (i, j), logit in zip(golden["coref_pairs"].tolist(), golden["coref_logits"], strict=True):
        scores[position[i], position[j]] = 1 / (1 + np.exp(-logit))
    expected = [
        sorted(position[candidate] for candidate in row[mask.astype(bool)].tolist())
        for row, mask in zip(golden["clusters"], golden["clusters_mask"], strict=True)
    ]
    assert linked_clusters(scores, 0.85) == sorted(expected)


@settings(max_examples=200, deadline=None)
@given(distinct_scores(), st.floats(0, 1))
def test_brute_force(scores: np.ndarray, threshold: float) -> None:
    expected = greedy(scores, threshold)
    assert linked_clusters(scores, threshold) == expected
    if len(scores) >= 1:
        assert linked_clusters(scores[np.triu_indices(len(scores), 1)], threshold) == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 8), st.floats(0, 1))
def test_brute_force_of_averages(seed: int, mentions: int, threshold: float) -> None:
    scores = np.random.default_rng(seed).random((mentions, mentions))
    assert linked_clusters(scores, threshold, "average") == greedy(scores, threshold, "average")


def test_one_bad_pair_of_many_tears_no_entity_by_average() -> None:
    scores = np.full((20, 20), 0.99)
    scores[3, 17] = 0.1
    scores[:10, 10:15] = scores[10:15, 15:] = 0.05  # another entity
    assert linked_clusters(scores, 0.7, "average") == [[*range(10), *range(15, 20)], [*range(10, 15)]]
    assert len(linked_clusters(scores, 0.7, "complete")) == 3


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.booleans())
def test_equality_does_not_join(threshold: float, nearly: bool) -> None:
    score = np.nextafter(threshold, 2) if nearly else threshold
    assert linked_clusters(np.array([score]), threshold) == ([[0, 1]] if nearly else [[0], [1]])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1))
def test_ties_still_give_complete_clusters(seed: int, threshold: float) -> None:
    """Which of equal pairs joins first is free, but no cluster may hold a pair at or below the threshold."""
    scores = np.random.default_rng(seed).integers(0, 4, (9, 9)) / 3
    clusters = linked_clusters(scores, threshold)
    assert sorted(mention for one in clusters for mention in one) == list(range(9))
    assert clusters == sorted(sorted(one) for one in clusters)
    for one in clusters:
        assert all(scores[i, j] > threshold for i in one for j in one if i < j)


def test_none_and_one() -> None:
    assert linked_clusters(np.zeros((0, 0)), 0.85) == []
    assert linked_clusters(np.zeros((1, 1)), 0.85) == [[0]]
    assert linked_clusters(np.zeros(0), 0.85) == [[0]]


def test_arguments_are_not_changed() -> None:
    scores = np.array([[0.1, 0.9], [0.2, 0.3]])
    before = scores.copy()
    linked_clusters(scores, 0.5)
    assert np.array_equal(scores, before)


@pytest.mark.parametrize("scores", [np.zeros((2, 3)), np.zeros(2), np.array([np.nan])])
def test_bad_scores(scores: np.ndarray) -> None:
    with pytest.raises(InputError, match="scores"):
        linked_clusters(scores, 0.5)


@pytest.mark.parametrize("linkage", ["complete", "average"])
@given(st.integers(0, 9), st.randoms(use_true_random=False), st.sampled_from([0.05, 0.3, 0.5, 0.9]))
def test_likely_pairs_give_the_clusters_of_all_pairs(
    linkage: Linkage, mentions: int, random: Random, threshold: float
) -> None:
    """Though only pairs above a floor are there, in any order."""
    scores = np.triu([[random.random() ** 2 for _ in range(mentions)] for _ in range(mentions)], 1).reshape(
        mentions, mentions
    )
    scores[scores <= 0.05] = 0
    first, second = np.nonzero(scores)
    order = np.array(random.sample(range(len(first)), len(first)), dtype=np.int64)
    first, second = first[order], second[order]
    pairs = LikelyPairs(mentions, first, second, scores[first, second], floor=0.05, linkage=linkage)
    assert cluster(pairs, threshold) == linked_clusters(scores, threshold, linkage)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.floats(0.05, 0.95), st.integers(1, 100))
def test_the_odds_of_a_threshold_grow_with_the_mentions(one: int, other: int, threshold: float, typical: int) -> None:
    def odds(mentions: int) -> float:
        found = threshold_in(mentions, threshold, typical)
        assert 0 < found < 1
        return found / (1 - found)

    assert odds(one) / odds(other) == pytest.approx(min(one, 16 * typical) / min(other, 16 * typical), rel=1e-6)
    assert threshold_in(typical, threshold, typical) == pytest.approx(threshold)
    assert threshold_in(one, threshold, None) == threshold


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_all_and_none_stay_all_and_none(threshold: float) -> None:
    assert threshold_in(7, threshold, 25) == threshold and threshold_in(0, 0.3, 25) == 0.3


@pytest.mark.parametrize(("typical", "expected"), [(None, True), (2, False), (40, True)])
def test_long_texts_ask_for_more(typical: int | None, expected: bool) -> None:
    """0.7 is above 0.6; of ten mentions where two are usual, the threshold is 0.6's odds times five, 0.88."""
    one = np.array([3], dtype=np.int64)
    pairs = LikelyPairs(10, one, one + 4, np.array([0.7]), floor=0.05, typical_mentions=typical)
    assert ([3, 7] in cluster(pairs, 0.6)) == expected


def test_no_threshold_falls_below_what_is_kept() -> None:
    """Of two mentions where 100 are usual it would be 0.003, but what is below the floor is not there."""
    one = np.array([0], dtype=np.int64)
    pairs = LikelyPairs(2, one, one + 1, np.array([0.06]), floor=0.05, typical_mentions=100)
    assert cluster(pairs, 0.15) == [[0, 1]]
    assert cluster(replace(pairs, score=np.array([0.05])), 0.15) == [[0], [1]]


def test_likely_pairs_must_be_finite_and_kept_from_the_threshold_on() -> None:
    one = np.array([0], dtype=np.int64)
    pairs = LikelyPairs(2, one, one + 1, np.array([0.5]), floor=0.05)
    with pytest.raises(ValueError, match="below"):
        cluster(pairs, 0.01)
    with pytest.raises(InputError, match="finite"):
        cluster(replace(pairs, score=np.array([np.nan])), 0.1)
