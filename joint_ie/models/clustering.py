"""Mentions to entities: complete-linkage clustering of pairwise coreference scores."""

import numpy as np
from scipy.cluster.hierarchy import linkage

from joint_ie.errors import InputError


def complete_linkage(scores: np.ndarray, threshold: float) -> list[list[int]]:
    """Join the two closest clusters while all pairs between them score above ``threshold``, strictly.

    Golden joint README 5.5, step 3 (JEREX): the distance of two mentions is ``1 - score``, of two clusters the
    largest between their mentions, and clusters join only while that is below ``1 - threshold``. Only the score
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
    if not np.isfinite(condensed).all():
        raise InputError("coreference scores should be finite; the model that made them has diverged")
    clusters = {mention: [mention] for mention in range(mentions)}
    if mentions > 1:
        # Complete linkage only compares and takes maxima, so -score serves as the distance: the same merges in the
        # same order, and no rounding of 1 - score decides about a score that equals the threshold.
        for step, (first, second, distance, _) in enumerate(linkage(-condensed, method="complete")):
            if -distance <= threshold:
                break
            clusters[mentions + step] = clusters.pop(int(first)) + clusters.pop(int(second))
    return sorted(sorted(cluster) for cluster in clusters.values())
