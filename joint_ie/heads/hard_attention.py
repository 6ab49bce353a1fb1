"""A small multi-scale network with hard attention over grids of pairs: PAEE's TNet (eq. 4)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, gelu, pad

from joint_ie.heads.sliding_fill import Filling, sliding_fill

REACH = 2  # rows around a cell that two 3 x 3 convolutions look at


class HardAttention(nn.Module):
    """The whole grid is looked at coarsely, its most promising windows again in detail.

    PAEE takes the traversal network of Papadopoulos et al. 2021 ("Hard-Attention for Scalable Image Classification")
    and says nothing about its configuration. Of that network we keep what its abstract and overview say: one feature
    extractor, shared by all scales; a location module that looks at coarse features and chooses where the next
    scale is looked at; features of all scales pooled. Our choices:

    - Two scales: windows of ``window`` x ``window`` cells, averaged, and cells.
    - The extractor ``f``: channel-wise layer norm, 3 x 3 convolution, GELU, 3 x 3 convolution.
    - Attended are the ``share`` of a document's windows with the highest scores, at least one. The network it is taken
      from is trained with REINFORCE; here the features of an attended window are multiplied by the sigmoid of its
      score, which passes gradients to the location module, so that training stays deterministic.
    - A classifier of images pools all features to one vector; every pair needs its own. A cell becomes the layer norm
      of the sum of its input, of ``f`` of its window and, if that is attended, of the weighted ``f`` of the cell. (Up
      to its scale, which the norm takes away, a sum is an average.)

    A document's filled square reaches `REACH` windows beyond those that hold its cells, so that no cell sees its
    end: the result is that of a grid filled without end, and does not depend on the other documents of a batch (but for
    near ties between windows, which rounding may decide either way).

    Args:
        channels: of a cell, in and out.
        filling: of the grid beyond a document's own cells.
        window: rows and columns of a window.
        share: of the windows that are attended.
    """

    def __init__(self, channels: int, filling: Filling = "sliding", window: int = 4, share: float = 0.5) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.first = nn.Conv2d(channels, channels, 3)
        self.second = nn.Conv2d(channels, channels, 3)
        self.location = nn.Linear(channels, 1)
        self.out = nn.LayerNorm(channels)
        self.filling: Filling = filling
        self.window = window
        self.share = share

    def forward(self, cells: Tensor, size: Tensor) -> Tensor:
        """``Y = TNet(Sliding(cells))``.

        Shape:
            cells - ``[documents, side, side, channels]``
            size - ``[documents]``, rows that a document has; cells beyond are ignored
            returns - as ``cells``; cells beyond a document's own mean nothing
        """
        count, side, _, channels = cells.shape
        width, own = self.window, (size + self.window - 1).div(self.window, rounding_mode="floor")  # windows
        filled = ((own + REACH) * width).masked_fill(size == 0, 0)
        grid = sliding_fill(cells, size, filled, self.filling).permute(0, 3, 1, 2)  # (documents, channels, rows, rows)
        most = int(own.max())
        # no convolution pads by itself, so that all grids, whatever their padding, see zeros before and after
        coarse = self._features(pad(avg_pool2d(grid, width), (REACH, 0, REACH, 0)))  # (documents, channels, most, most)
        scores = self.location(coarse.permute(0, 2, 3, 1)).squeeze(3)  # (documents, most, most)

        document, row, column = torch.nonzero(self._attended(scores, own), as_tuple=True)
        around = width + 2 * REACH
        windows = pad(grid, (REACH, 0, REACH, 0)).unfold(2, around, width).unfold(3, around, width)
        detail = self._features(windows[document, :, row, column])  # (attended, channels, width, width)
        detail = detail * scores[document, row, column].sigmoid()[:, None, None, None]
        fine = detail.new_zeros(count, most, most, channels, width, width)
        fine = fine.index_put((document, row, column), detail).permute(0, 3, 1, 4, 2, 5)

        inner = grid[:, :, : most * width, : most * width].unflatten(3, (most, width)).unflatten(2, (most, width))
        total = inner + coarse[:, :, :, None, :, None] + fine  # (documents, channels, most, width, most, width)
        return self.out(total.permute(0, 2, 3, 4, 5, 1).flatten(3, 4).flatten(1, 2)[:, :side, :side])

    def _features(self, grid: Tensor) -> Tensor:
        """``[n, channels, rows, columns]`` to the same without `REACH` rows and columns at every end."""
        normed = self.norm(grid.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.second(gelu(self.first(normed)))

    def _attended(self, scores: Tensor, own: Tensor) -> Tensor:
        """Of the first ``own`` [documents] rows and columns the best windows: ``scores`` [documents, most, most]."""
        inside = torch.arange(scores.shape[1], device=scores.device) < own[:, None]
        real = (inside[:, :, None] & inside[:, None, :]).flatten(1)
        order = scores.flatten(1).masked_fill(~real, -torch.inf).argsort(dim=1, descending=True, stable=True)
        number = (own * own * self.share).ceil()  # [documents]
        return ((order.argsort(1) < number[:, None]) & real).view_as(scores)
