"""Mentions to entities: complete or average linkage of pairwise coreference scores, or links to best antecedents."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from joint_ie.errors import InputError
from joint_ie.models.settings import Linkage

MOST_ODDS = 16  # by which `threshold_in` multiplies; more tears entities whose own pairs are not that sure


@dataclass(frozen=True)
class LikelyPairs:
    """Pairs of ``mentions`` mentions with their ``score`` [pairs], ``first`` [pairs] before ``second`` [pairs].

    Pairs that are not there are at most as probable as ``floor``, or among the ``left_out``, which were not compared;
    averages take all of them for impossible. ``linkage`` is how they are clustered, with a threshold for texts of
    ``typical_mentions`` (`threshold_in`).
    """

    mentions: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: NDArray[np.float64]
    floor: float
    left_out: int = 0
    linkage: Linkage = "complete"
    typical_mentions: int | None = None


@dataclass(frozen=True)
class BestAntecedents:
    """Of ``mentions`` mentions all but the first in the text, ``mention`` [links], with the ``antecedent`` [links] that
    suits each best, and its ``score`` [links], the probability of it rather than of none.

    ``left_out`` counts the pairs that were not compared.
    """

    mentions: int
    mention: NDArray[np.int64]
    antecedent: NDArray[np.int64]
    score: NDArray[np.float64]
    left_out: int = 0


def cluster(found: LikelyPairs | BestAntecedents, threshold: float) -> list[list[int]]:
    """The mentions of every entity, ascending; entities by their smallest mention. Higher thresholds join fewer.

    Likely pairs by `linked_clusters`, for which a ``threshold`` below their floor is an error (`ValueError`). With
    antecedents, an entity is whatever is connected by links above the threshold (Lee et al. 2017, section 3): a mention
    without any is one of its own.
    """
    _check_finite(found.score)
    if isinstance(found, LikelyPairs):
        return _linked_likely(found, threshold)
    linked = found.score > threshold
    component = _components(found.mentions, found.mention[linked], found.antecedent[linked])
    members = np.argsort(component, kind="stable")
    return sorted(part.tolist() for part in np.split(members, np.bincount(component).cumsum()[:-1]) if len(part))


def threshold_in(mentions: int, threshold: float, typical: int | None) -> float:
    """The ``threshold`` of a text with a ``typical`` number of mentions, for one of so many ``mentions``.

    A mention has about as many others of its entity in a long text as in a short one, but more of other entities: the
    odds that two mentions are one entity fall with their number. A classifier that sees only the two knows nothing of
    this; so the odds from which it is believed rise, up to `MOST_ODDS` times. Without ``typical``, and at 0 and 1, the
    threshold stays.
    """
    if typical is None or threshold in (0, 1) or not mentions:
        return threshold
    odds = threshold / (1 - threshold) * min(mentions / typical, MOST_ODDS)
    return odds / (1 + odds)


def _components(mentions: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int32]:
    """The number of the connected component of every mention."""
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(mentions, mentions))
    component: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return component


def _linked_likely(pairs: LikelyPairs, threshold: float) -> list[list[int]]:
    """Of pairs that may be few: mentions that no chain of likely pairs connects stay apart, by either linkage."""
    if threshold < pairs.floor:
        raise ValueError(f"threshold {threshold} is below {pairs.floor}, from which pairs are kept")
    threshold = max(pairs.floor, threshold_in(pairs.mentions, threshold, pairs.typical_mentions))
    likely = pairs.score > threshold
    component = _components(pairs.mentions, pairs.first[likely], pairs.second[likely])
    inside = component[pairs.first] == component[pairs.second]
    first, second, score = pairs.first[inside], pairs.second[inside], pairs.score[inside]
    size = np.bincount(component)
    clusters = [[mention] for mention in np.flatnonzero(size[component] == 1).tolist()]
    place = np.empty(pairs.mentions, dtype=np.int64)  # of a mention in its component
    for members, rows in _parts(component, size, component[first]):
        place[members] = np.arange(len(members))
        scores = np.zeros((len(members), len(members)))
        scores[place[first[rows]], place[second[rows]]] = score[rows]
        found = linked_clusters(scores, threshold, pairs.linkage)
        clusters += [members[rows].tolist() for rows in map(np.array, found)]
    return sorted(clusters)


def _parts(
    component: NDArray[np.int32], size: NDArray[np.int64], of_pair: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The mentions, ascending, and the pairs of every component of two or more."""
    mentions, pairs = np.argsort(component, kind="stable"), np.argsort(of_pair, kind="stable")
    ends, pair_ends = size.cumsum(), np.bincount(of_pair, minlength=len(size)).cumsum()
    for number in np.flatnonzero(size > 1).tolist():
        yield (
            mentions[ends[number] - size[number] : ends[number]],
            pairs[pair_ends[number - 1] if number else 0 : pair_ends[number]],
        )


def linked_clusters(scores: np.ndarray, threshold: float, linkage: Linkage = "complete") -> list[list[int]]:
    """Join the two closest clusters while the pairs between them score above ``threshold``, strictly.

    ``complete``: all of them. Golden joint README 5.5, step 3 (JEREX): the distance of two mentions is ``1 - score``,
    of two clusters the largest between their mentions, and clusters join only while that is below ``1 - threshold``.
    ``average``: their mean, so that of the many pairs in a long text a single one cannot tear an entity. Only the score
    of ``(i, j)`` with ``i < j`` is read.

    Shape:
        scores - ``[M, M]``, or condensed ``[M * (M - 1) / 2]`` (the upper triangle row by row; empty: one mention)
        returns - the mentions of every cluster, ascending; clusters by their smallest mention
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim == 2 and scores.shape[0] == scores.shape[1]:
        mentions = len(scores)
        condensed = scores[np.triu_indices(mentions, 1)]
    elif scores.ndim == 1:
        mentions = round((1 + (1 + 8 * len(scores)) ** 0.5) / 2)
        condensed = scores
    else:
        raise InputError(f"coreference scores {scores.shape} should be [mentions, mentions] or its upper triangle")
    if len(condensed) != mentions * (mentions - 1) // 2:
        raise InputError(f"{len(condensed)} coreference scores are not the upper triangle of a square matrix")
    _check_finite(condensed)
    clusters = {mention: [mention] for mention in range(mentions)}
    if mentions > 1:
        # Linkage only compares and takes maxima or means, so -score serves as the distance: the same merges in the
        # same order, and no rounding of 1 - score decides about a score that equals the threshold.
        for step, (first, second, distance, _) in enumerate(hierarchy.linkage(-condensed, method=linkage)):
            if -distance <= threshold:
                break
            clusters[mentions + step] = clusters.pop(int(first)) + clusters.pop(int(second))
    return sorted(sorted(cluster) for cluster in clusters.values())


def _check_finite(scores: NDArray[np.float64]) -> None:
    if not np.isfinite(scores).all():
        raise InputError("coreference scores should be finite; the model that made them has diverged")
