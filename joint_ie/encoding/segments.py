"""Mentions as a segmentation: none inside another, for detectors that cut sentences into mentions and other words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Segments:
    """``spans`` [n, 2] that share no word, in the order of the text, and how many different spans are not among them.

    ``across`` the end of a sentence, ``wide`` beyond the greatest width, ``overlapping`` one that is among them.
    """

    spans: Integers
    across: int
    wide: int
    overlapping: int


def segments(spans: Integers, sentence: Integers, max_width: int) -> Segments:
    """Of ``spans`` [n, 2] that overlap, the longest has its place, and of equally long ones the first.

    ``spans`` may have repeats, which count once; ``sentence`` [words]; ``max_width`` in words.
    """
    different = np.unique(spans.reshape(-1, 2), axis=0)
    start, end = different.T
    across = sentence[start] != sentence[end - 1]
    wide = ~across & (end - start > max_width)
    fitting = different[~across & ~wide]
    free = np.ones(len(sentence), dtype=bool)
    kept = np.zeros(len(fitting), dtype=bool)
    for i in np.argsort(fitting[:, 0] - fitting[:, 1], kind="stable"):
        first, last = fitting[i]
        kept[i] = free[first:last].all()
        if kept[i]:
            free[first:last] = False
    return Segments(fitting[kept], int(across.sum()), int(wide.sum()), int((~kept).sum()))
