"""Element-wise maxima over any range of rows in constant time."""

import torch
from torch import Tensor


class RangeMax:
    """A sparse table: level k holds the maxima of all runs of 2^k rows, so that any range is the maximum of two.

    Takes O(rows x log(longest range)) instead of one masked copy of the rows per range (`speed.md`), and gives
    the same bits. The spans of mentions and the contexts between them are answered from one table.

    Args:
        values: [rows, d].
        longest: the longest range that will be asked for.
    """

    def __init__(self, values: Tensor, longest: int) -> None:
        rows = len(values)
        levels = [values]
        width = 1
        while 2 * width <= min(longest, rows):
            # rows beyond the end of a level are never asked for; they keep every level equally long
            last = levels[-1]
            levels.append(torch.cat((torch.maximum(last[:-width], last[width:]), last[-width:])))
            width *= 2
        self.rows = rows
        self.table = torch.cat(levels) if len(levels) > 1 else values  # [levels * rows, d]

    def __call__(self, spans: Tensor) -> Tensor:
        """Maxima over half-open ``spans`` [n, 2]; zeros where a span is empty. Returns [n, d]."""
        start, end = spans.unbind(1)
        length = (end - start).clamp(min=1)
        # floor(log2(length)), exact for all lengths below 2^24
        level = torch.frexp(length.float())[1].long() - 1
        base = level * self.rows
        empty = end <= start
        first = (base + start).masked_fill(empty, 0)
        second = (base + end - (1 << level)).masked_fill(empty, 0)
        maxima = torch.maximum(self.table.index_select(0, first), self.table.index_select(0, second))
        return maxima.masked_fill(empty[:, None], 0.0)
