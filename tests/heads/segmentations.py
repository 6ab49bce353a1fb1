"""All ways to cut a sentence into mentions and words outside; run by `runpy` from the tests that enumerate them."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

Mentions = tuple[tuple[int, int], ...]


def segmentations(words: int, max_width: int, start: int = 0) -> Iterator[Mentions]:
    """Half-open mentions that share no word, in order."""
    if start == words:
        yield ()
        return
    yield from segmentations(words, max_width, start + 1)
    for end in range(start + 1, min(words, start + max_width) + 1):
        for rest in segmentations(words, max_width, end):
            yield ((start, end), *rest)


def enumerated(
    words: int, max_width: int, score: Callable[[Mentions], Tensor]
) -> tuple[Tensor, Tensor, list[Mentions], Tensor]:
    """Log-partition, marginals [words, max_width] by last word and width, all segmentations and their scores."""
    every = list(segmentations(words, max_width))
    scores = torch.stack([score(mentions) for mentions in every])
    partition = scores.logsumexp(0)
    marginal = torch.zeros(words, max_width, dtype=scores.dtype)
    for mentions, probability in zip(every, (scores - partition).exp(), strict=True):
        for start, end in mentions:
            marginal[end - 1, end - start - 1] += probability
    return partition, marginal, every, scores


def mentions_of(width: Sequence[int]) -> Mentions:
    """From `Segmentation.width` of one sentence."""
    return tuple((end - w + 1, end + 1) for end, w in enumerate(width) if w)
