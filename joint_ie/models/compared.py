"""Which mentions of a document are compared for coreference: all pairs, or in very long documents the likely ones."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]  # [pairs, 2], the earlier mention first

EXACT = 4096  # mentions of a document in which all pairs are compared, about 30,000 words
NEAR = 1024  # mentions before a mention that it is compared with in longer documents, and as many that share a word
TOGETHER = 1 << 16  # pairs that exist together


def compared_pairs(texts: Sequence[str]) -> Iterator[Pairs]:
    """All pairs of up to `EXACT` mentions, in pieces.

    Of more, each mention with those `NEAR` before it and, of the mentions before that share a word with it (letter case
    aside), the last `NEAR` for every word. Their number then grows with the length of the document, not its square.
    """
    if len(texts) <= EXACT:
        yield from _all_pairs(len(texts))
        return
    earlier: dict[str, list[int]] = defaultdict(list)
    waiting: list[Pairs] = []
    count = 0
    for mention, text in enumerate(texts):
        partners = [np.arange(max(0, mention - NEAR), mention)]
        for word in set(text.casefold().split()):
            partners.append(np.array(earlier[word][-NEAR:], dtype=np.int64))
            earlier[word].append(mention)
        others = np.unique(np.concatenate(partners))
        waiting.append(np.stack((others, np.full_like(others, mention)), axis=1))
        count += len(others)
        if count >= TOGETHER:
            yield np.concatenate(waiting)
            waiting, count = [], 0
    if count:
        yield np.concatenate(waiting)


def _all_pairs(mentions: int) -> Iterator[Pairs]:
    step = max(1, TOGETHER // max(mentions, 1))
    for start in range(1, mentions, step):
        second = np.arange(start, min(start + step, mentions))
        later = np.repeat(second, second)  # mention j comes after j others
        first = np.arange(len(later)) - np.repeat(second.cumsum() - second, second)
        yield np.stack((first, later), axis=1)
