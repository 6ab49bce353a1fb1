"""Sentences side by side, for what runs through all of them word by word at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from joint_ie.encoding.index import OnDevice


@dataclass(frozen=True)
class SentenceRows(OnDevice):
    """Some sentences, padded to the longest of them.

    Shapes: ``words`` [sentences, longest] flat words of the batch, 0 where there are no more; ``lengths`` [sentences]
    in words, all positive.
    """

    words: Tensor
    lengths: Tensor

    @property
    def real(self) -> Tensor:
        """Where there are words: [sentences, longest] bool."""
        return torch.arange(self.words.shape[1], device=self.words.device) < self.lengths[:, None]

    def take(self, values: Tensor, padding: float) -> Tensor:
        """``values`` [words, ...] of the batch as [sentences, longest, ...]."""
        taken = values[self.words]
        real = self.real.view(*self.words.shape, *(1,) * (values.ndim - 1))
        return taken.masked_fill(~real, padding)

    def put(self, values: Tensor, into: Tensor) -> None:
        """Write ``values`` [sentences, longest, ...] to their words of ``into`` [words, ...]; the reverse of `take`."""
        into[self.words[self.real]] = values[self.real]


def sentence_rows(sentence: Tensor, most: int) -> list[SentenceRows]:
    """All sentences of a batch, the longest first, at most ``most`` words together with the padding.

    A longer sentence comes alone, so that one long sentence does not make a page of every short one. ``sentence``
    [words] ascending, as in `batches.Words`.
    """
    length = torch.unique_consecutive(sentence, return_counts=True)[1]
    start = length.cumsum(0) - length
    order = torch.argsort(length, descending=True, stable=True)
    sizes = length[order].tolist()
    rows = []
    first = 0
    while first < len(sizes):
        longest = sizes[first]
        group = order[first : first + max(1, most // longest)]
        within = torch.arange(longest, device=sentence.device)
        words = start[group][:, None] + within
        rows.append(SentenceRows(words.masked_fill(within >= length[group][:, None], 0), length[group]))
        first += len(group)
    return rows
