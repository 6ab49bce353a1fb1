"""A linear layer over a concatenation, without building the concatenation."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import linear


class SplitLinear(nn.Linear):
    """``y = W [a; b; ...] + bias`` where ``a`` belongs to a mention, ``b`` to an entity, and so on.

    `project` multiplies one part by its columns of W. What is the same for many pairs (an entity, a distance)
    is projected once and gathered, instead of being copied into every pair and projected there.

    Args:
        parts: the widths of the concatenated parts, in order.
        out_features: width of y.
    """

    def __init__(self, parts: Sequence[int], out_features: int, bias: bool = True) -> None:
        super().__init__(sum(parts), out_features, bias)
        self.parts = tuple(parts)

    def project(self, part: int, values: Tensor) -> Tensor:
        """``values`` [n, parts[part]] times its columns of W; [n, out_features], no bias."""
        start = sum(self.parts[:part])
        return linear(values, self.weight[:, start : start + self.parts[part]])
