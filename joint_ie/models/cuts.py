"""Cuts through ranked scores."""

import numpy as np
from numpy.typing import NDArray


def best_cut(
    scores: NDArray[np.float64], right: NDArray[np.bool_], gold: int, most: int | None = None
) -> tuple[float, float]:
    """The cut between two scores in (0, 1) at which taking everything above it has the highest F1, and that F1.

    ``scores`` [n], and whether each item is right [n]; ``gold`` counts the right items that there are, found or not.
    At most ``most`` items are taken, none if more of them share the highest score. Without any scores the cut is 0.5.
    """
    if not len(scores):
        return 0.5, 0.0
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    f1 = 2 * np.cumsum(right[order]) / (np.arange(1, len(order) + 1) + max(gold, 1))
    f1[:-1][ranked[:-1] == ranked[1:]] = -1.0  # equal scores are taken together
    if most is not None:
        f1[most:] = -1.0
    best = int(np.argmax(f1))
    if f1[best] < 0:
        return float((1 + ranked[0]) / 2), 0.0
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2), float(f1[best])
