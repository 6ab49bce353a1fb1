"""A U-Net over squares of entity pairs (DocuNet; golden README 5c) for batches of documents of different sizes."""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad, relu

from joint_ie.errors import InputError
from joint_ie.heads.masked_batch_norm import MaskedBatchNorm


class MaskedUNet(nn.Module):
    """Three levels of double convolutions, the lower two on squares of half and quarter the side.

    A batch is padded to its largest document. In evaluation every document gets what it gets alone: cells beyond its
    own square are zero before every convolution, as the border of a lone document is; pooling drops an odd last row
    and column of the document itself; enlarging interpolates between the document's own corners. A document of fewer
    than four (two) entities has no cell on the lowest (middle) level, which then adds zeros.

    In training, batch norm ties the documents of a batch together, as it does in the published method.

    Args:
        inputs: channels of a cell.
        outputs: channels of a cell of the result.
        base: channels of the uppermost level; even.
    """

    def __init__(self, inputs: int, outputs: int, base: int) -> None:
        super().__init__()
        if base < 2 or base % 2:
            raise InputError(
                f"base = {base} of the U-Net should be even: its last convolutions have half as many channels"
            )
        self.enter = _DoubleConvolution(inputs, base)
        self.down1 = _DoubleConvolution(base, 2 * base)
        self.down2 = _DoubleConvolution(2 * base, 2 * base)
        self.up1 = _DoubleConvolution(4 * base, base)
        self.up2 = _DoubleConvolution(2 * base, base // 2)
        self.out = nn.Conv2d(base // 2, outputs, 1)

    def forward(self, grid: Tensor, size: Tensor) -> Tensor:
        """Look at every document's square.

        Shape:
            grid - ``[B, N, N, inputs]``, cell (row, column); what lies beyond a document's size is not looked at
            size - ``[B]`` rows of every document, at most N
            returns - ``[B, N, N, outputs]``, zero beyond a document's size
        """
        side = grid.shape[1]
        missing = max(0, 4 - side)  # so that every level has a cell; it is outside of all documents
        cells = pad(grid.permute(0, 3, 1, 2), (0, missing, 0, missing))
        half, quarter = size // 2, size // 4
        whole = _inside(size, cells)
        x1 = self.enter(cells, whole)  # [B, base, N, N]
        pooled = max_pool2d(x1, 2)
        middle = _inside(half, pooled)
        x2 = self.down1(pooled, middle)  # [B, 2 base, N / 2, N / 2]
        pooled = max_pool2d(x2, 2)
        x3 = self.down2(pooled, _inside(quarter, pooled))  # [B, 2 base, N / 4, N / 4]
        y1 = self.up1(torch.cat((x2, _enlarge(x3, quarter, x2.shape[3])), dim=1), middle)  # [B, base, N / 2, N / 2]
        y2 = self.up2(torch.cat((x1, _enlarge(y1, half, x1.shape[3])), dim=1), whole)  # [B, base / 2, N, N]
        result = self.out(y2).masked_fill(~whole, 0.0)
        return result.permute(0, 2, 3, 1)[:, :side, :side]


class _DoubleConvolution(nn.Module):
    """Twice: 3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn1 = MaskedBatchNorm(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn2 = MaskedBatchNorm(outputs)

    def forward(self, values: Tensor, inside: Tensor) -> Tensor:
        """``values`` [B, inputs, N, N], ``inside`` [B, 1, N, N]; returns [B, outputs, N, N], any value outside."""
        values = relu(self.bn1(self.conv1(values.masked_fill(~inside, 0.0)), inside))
        return relu(self.bn2(self.conv2(values.masked_fill(~inside, 0.0)), inside))


def _inside(size: Tensor, cells: Tensor) -> Tensor:
    """Cells that belong to a document of ``size`` [B] rows: [B, 1, N, N] bool, for ``cells`` [B, ..., N]."""
    inside = torch.arange(cells.shape[-1], device=size.device) < size[:, None]
    return (inside[:, :, None] & inside[:, None, :]).unsqueeze(1)


def _enlarge(cells: Tensor, size: Tensor, side: int) -> Tensor:
    """Every document's square at twice its size, bilinear with aligned corners, zero beyond: [B, C, side, side].

    ``cells`` [B, C, n, n], in float32 at least; ``size`` [B]. Bilinear interpolation of rows and of columns is one and
    the same matrix U, so that the result is ``U cells U^T``. The square that it is laid beside has at most one row and
    column more; they are the last ones (golden README 5c: of one missing row, floor of half, none, is on top).
    """
    matrix = _interpolation(size, side, cells.shape[3], cells.dtype).unsqueeze(1)  # [B, 1, side, n]
    return matrix @ cells @ matrix.transpose(2, 3)


def _interpolation(size: Tensor, outputs: int, inputs: int, dtype: torch.dtype) -> Tensor:
    """[B, outputs, inputs]: row i < 2 n samples position ``i (n - 1) / (2 n - 1)`` of the n = ``size`` inputs."""
    n = size[:, None, None]
    row = torch.arange(outputs, device=size.device)[:, None]
    column = torch.arange(inputs, device=size.device)
    position = (row * (n - 1)).to(dtype) / (2 * n - 1).clamp(min=1)
    weight = (1 - (position - column).abs()).clamp(min=0)
    return weight.masked_fill((row >= 2 * n) | (column >= n), 0.0)
