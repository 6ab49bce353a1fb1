"""Attention over the square of all pairs, along its rows and columns.

A pair (s, o) looks at the pairs that share its tail and at those that share its head, the two halves of its two-hop
paths. Tan et al. 2022 (KD-DocRE), equation 7; the released code's form is golden README 2b.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from joint_ie.errors import InputError, nearest
from joint_ie.heads.precision import at_least_float32

AxialForm = Literal["paper", "released"]
HEAD, TAIL = 1, 2  # dimensions of a grid [documents, head, tail, d]: what moves while the other entity stays
KEPT = 1 << 14  # cells of which backward keeps all that layers compute; of more their inputs, in 1.4 times the time


class AxialAttention(nn.Module):
    """A stack of layers over a grid; no layers leave it as it is.

    ``paper``: each layer is eq. 7 with one head. ``released`` (the published model: 6 layers, 8 heads): both axes at
    once, with weights of their own, scaled scores, a linear layer and layer norm; the grid is added to the result of
    the whole stack.

    Args:
        size: width of a cell.
        layers: how many.
        heads: of the released form; a divisor of ``size``.
        form: ``paper`` or ``released``.
    """

    def __init__(self, size: int, layers: int, heads: int, form: AxialForm) -> None:
        super().__init__()
        allowed = ("paper", "released")
        if form not in allowed:
            raise InputError(f'form "{form}" should be one of {", ".join(allowed)}{nearest(form, allowed)}')
        if form == "released" and (heads < 1 or size % heads):
            raise InputError(f"heads = {heads} of axial attention should divide the width of a pair, {size}")
        self.layers = nn.ModuleList(
            _PaperLayer(size) if form == "paper" else _ReleasedLayer(size, heads) for _ in range(layers)
        )
        self.outer_residual = form == "released" and layers > 0

    def forward(self, grid: Tensor) -> Tensor:
        """New cells, of the same shape.

        Shape:
            grid - ``[documents, N, N, d]``, head and tail; all documents have N entities
            returns - ``[documents, N, N, d]``
        """
        cells, again = grid, torch.is_grad_enabled() and grid.shape[:3].numel() > KEPT
        for layer in self.layers:
            cells = checkpoint(layer, cells, use_reentrant=False, preserve_rng_state=False) if again else layer(cells)
        return cells + grid if self.outer_residual else cells


class _PaperLayer(nn.Module):
    """Eq. 7: along the heads, then along the tails, with the queries, keys and values of the layer's input in both."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.q = nn.Linear(size, size, bias=False)
        self.k = nn.Linear(size, size, bias=False)
        self.v = nn.Linear(size, size, bias=False)

    def forward(self, grid: Tensor) -> Tensor:
        q, k, v = self.q(grid), self.k(grid), self.v(grid)
        along_head = grid + _attend(q, k, v, HEAD, 1, scale=1.0)
        return along_head + _attend(q, k, v, TAIL, 1, scale=1.0)


class _ReleasedLayer(nn.Module):
    """Golden README 2b: ``LN(ffn(x + along_head(x) + along_tail(x)))``."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.along_head = _AxisAttention(size, heads, HEAD)
        self.along_tail = _AxisAttention(size, heads, TAIL)
        self.ffn = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def forward(self, grid: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.ffn(grid + self.along_head(grid) + self.along_tail(grid)))
        return normed


class _AxisAttention(nn.Module):
    """Multi-head self-attention along one axis."""

    def __init__(self, size: int, heads: int, axis: int) -> None:
        super().__init__()
        self.heads, self.axis = heads, axis
        self.q = nn.Linear(size, size, bias=False)
        self.kv = nn.Linear(size, 2 * size, bias=False)
        self.out = nn.Linear(size, size)

    def forward(self, grid: Tensor) -> Tensor:
        k, v = self.kv(grid).chunk(2, dim=-1)
        mixed: Tensor = self.out(_attend(self.q(grid), k, v, self.axis, self.heads))
        return mixed


def _attend(q: Tensor, k: Tensor, v: Tensor, axis: int, heads: int, scale: float | None = None) -> Tensor:
    """Mixed values ``[documents, N, N, d]``: ``axis`` moves, the other stays; scores / sqrt(d / heads) if no scale."""
    documents, side = q.shape[:2]
    other = HEAD + TAIL - axis
    q, k, v = (x.movedim(other, 1).flatten(0, 1).unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    mixed = _mix(q, k, v, scale)  # (documents * N, heads, N, d / heads)
    return mixed.transpose(1, 2).flatten(2).unflatten(0, (documents, side)).movedim(1, other)


def _mix(q: Tensor, k: Tensor, v: Tensor, scale: float | None) -> Tensor:
    """Scaled dot-product attention; with CPUs in 32 bits at least.

    The gradient of CPUs' fused kernel takes six times as long in bf16 where rows are short, as they are here (torch
    2.13, 21 rows of 21: 11.8 ms against 1.8 ms).
    """
    if q.device.type != "cpu":
        return scaled_dot_product_attention(q, k, v, scale=scale)
    dtype = q.dtype
    q, k, v = (at_least_float32(x) for x in (q, k, v))
    with torch.autocast("cpu", enabled=False):
        return scaled_dot_product_attention(q, k, v, scale=scale).to(dtype)
