"""Documents longer than the encoder, cut into overlapping windows and found again.

Everywhere else tokens are flat: the subword sequences of all documents of a batch, special tokens
included, one after the other on one axis of ``T`` tokens without padding. Only the encoder sees windows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from joint_ie.errors import InputError


@dataclass(frozen=True)
class Windows:
    """How the documents of a batch are cut for the encoder; made by `cut`.

    ``input_ids`` [windows, width] is padded, ``attention_mask`` [windows, width] is True where it is not.
    ``flat`` [windows, width] is the flat token of every column that belongs to the document at this place,
    -1 for padding and for special tokens added by the cut. ``document`` [windows] counts from 0 in ascending
    order, the windows of one document from left to right. ``tokens`` is ``T``.
    """

    input_ids: Tensor
    attention_mask: Tensor
    flat: Tensor
    document: Tensor
    tokens: int

    def to(self, device: torch.device | str) -> "Windows":
        """The same on another device."""
        return Windows(
            self.input_ids.to(device),
            self.attention_mask.to(device),
            self.flat.to(device),
            self.document.to(device),
            self.tokens,
        )

    @property
    def width(self) -> int:
        """Columns of the longest window."""
        return self.flat.shape[1]

    @cached_property
    def single(self) -> bool:
        """Whether every document is one window."""
        return int(self.document[-1]) + 1 == len(self.document)

    @cached_property
    def several(self) -> Tensor:
        """Whether the document of a window has other windows too. Shape: [windows], bool."""
        return self.document.bincount()[self.document] > 1

    @cached_property
    def lead(self) -> Tensor:
        """How many special tokens the cut put before the window. Shape: [windows]."""
        return (self.flat >= 0).int().argmax(1)

    @cached_property
    def start(self) -> Tensor:
        """Position in its document of the first token of a window. Shape: [windows]."""
        first = self.flat.gather(1, self.lead.unsqueeze(1)).squeeze(1)
        windows_before = self.document.bincount().cumsum(0) - self.document.bincount()
        return first - first[windows_before][self.document]

    @cached_property
    def end(self) -> Tensor:
        """Position in its document after the last token of a window. Shape: [windows]."""
        return self.start + (self.flat >= 0).sum(1)

    @cached_property
    def places(self) -> Tensor:
        """Every column that holds a token, as window * width + column, from left to right.

        Shape: [T, largest number of windows over one token]; -1 fills the rows of tokens in fewer windows.
        """
        column = (self.flat.flatten() >= 0).nonzero().squeeze(1)
        token, order = self.flat.flatten()[column].sort(stable=True)
        count = token.bincount(minlength=self.tokens)
        first = count.cumsum(0) - count
        places = column.new_full((self.tokens, int(count.max())), -1)
        places[token, torch.arange(len(token), device=token.device) - first[token]] = column[order]
        return places


def cut(
    sequences: Sequence[Sequence[int]],
    max_length: int,
    overlap: int,
    prefix: Sequence[int],
    suffix: Sequence[int],
    pad_id: int,
) -> Windows:
    """Cut documents (subword ids with their special tokens) into windows of at most ``max_length`` ids.

    A document that fits is one window. A longer one begins without ``prefix`` and ends without ``suffix``,
    since it has its own; every other window border gets them. As few windows are used as let neighbours
    share ``overlap`` tokens of the document, and they are spread evenly. With two windows this is golden
    README 1c (ATLOP); where two would leave tokens uncovered there is a third here.
    """
    room = max_length - len(prefix) - len(suffix)
    if not 0 <= overlap < room:
        raise InputError(
            f"windows of {max_length} tokens leave room for {room} tokens of the document; "
            f"an overlap of {overlap} should be at least 0 and below that"
        )
    if not sequences or not all(len(sequence) for sequence in sequences):
        raise InputError("an empty batch or document cannot be encoded; leave it out")
    ids: list[list[int]] = []
    flat: list[list[int]] = []
    documents: list[int] = []
    tokens = 0
    for document, sequence in enumerate(sequences):
        for start, end in _spans(len(sequence), max_length, overlap, len(prefix), len(suffix)):
            before = prefix if start > 0 else ()
            after = suffix if end < len(sequence) else ()
            ids.append([*before, *sequence[start:end], *after])
            flat.append([-1] * len(before) + list(range(tokens + start, tokens + end)) + [-1] * len(after))
            documents.append(document)
        tokens += len(sequence)
    width = max(map(len, ids))
    return Windows(
        torch.tensor([row + [pad_id] * (width - len(row)) for row in ids]),
        torch.tensor([[column < len(row) for column in range(width)] for row in ids]),
        torch.tensor([row + [-1] * (width - len(row)) for row in flat]),
        torch.tensor(documents),
        tokens,
    )


def _spans(length: int, max_length: int, overlap: int, prefix: int, suffix: int) -> Iterator[tuple[int, int]]:
    """The document positions [start, end) of every window."""
    excess = length - max_length
    if excess <= 0:
        yield 0, length
        return
    room = max_length - prefix - suffix
    steps = -(-excess // (room - overlap))
    for step in range(steps + 1):
        start = prefix + step * excess // steps
        yield (0 if step == 0 else start), (length if step == steps else start + room)
