"""How far two mentions are apart: in letters, words and sentences (JEREX, section 3.3 and table of settings)."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist
from torch import Tensor


def edit_distances(texts: Sequence[str], pairs: Tensor) -> Tensor:
    """Levenshtein distance in characters of the texts of every pair, [pairs] on the CPU.

    ``texts`` [mentions]; ``pairs`` [pairs, 2]. Equal combinations of texts are computed once.
    """
    if not len(pairs):
        return torch.zeros(0, dtype=torch.long)
    numbers: dict[str, int] = {}
    number = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
    unique = list(numbers)
    i, j = number[pairs.cpu().numpy()].T
    key: NDArray[np.int64] = np.minimum(i, j) * len(unique) + np.maximum(i, j)
    keys, inverse = np.unique(key, return_inverse=True)
    distances = cpdist(
        [unique[k] for k in keys // len(unique)],
        [unique[k] for k in keys % len(unique)],
        scorer=Levenshtein.distance,
        dtype=np.int32,
    )
    return torch.from_numpy(distances[inverse].astype(np.int64))


def word_distances(first: Tensor, second: Tensor) -> Tensor:
    """0 where the spans overlap, else the start of the later one minus the last word of the earlier one.

    ``first``, ``second`` [n, 2] half-open; returns [n]. Neighbours have distance 1 (golden joint README 5.2).
    """
    gap = torch.maximum(first[:, 0] - second[:, 1], second[:, 0] - first[:, 1]) + 1
    return gap.clamp(min=0)


def between(first: Tensor, second: Tensor) -> Tensor:
    """The words strictly between two spans, [n, 2] half-open; empty spans ([s, s]) where they touch or overlap."""
    start = torch.minimum(first[:, 1], second[:, 1])
    end = torch.maximum(first[:, 0], second[:, 0])
    return torch.stack((start, torch.maximum(start, end)), dim=1)
