"""What the relation classifier saw of every pair, as far as a contrastive loss asks: cosines between pairs."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from joint_ie.errors import InputError
from joint_ie.heads.precision import at_least_float32


class PairEmbedding(Protocol):
    """One vector for each of P pairs, which need not exist in memory."""

    def __len__(self) -> int: ...

    def cosines(self, rows: Tensor) -> Tensor:
        """Cosines of the pairs that ``rows`` number with all pairs: ``[rows, P]``, float32 or float64."""
        ...


@dataclass(frozen=True)
class DenseEmbedding:
    """Vectors as they are: ``values`` ``[P, D]``."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def cosines(self, rows: Tensor) -> Tensor:
        """See `PairEmbedding`."""
        with torch.autocast(self.values.device.type, enabled=False):
            unit = normalize(at_least_float32(self.values), dim=1)
            return unit.index_select(0, rows) @ unit.T


@dataclass(frozen=True)
class GroupedProducts:
    """The flattened outer products of each group of ``block`` dimensions of head and tail, ``[P, E * block]``.

    What a linear layer in the place of `GroupedBilinear` would see (golden README 1b, step 5), and PEMSCL's pair
    representation (golden README 3d). The products are never built: two of them have the inner product
    ``sum_g (h_g . h'_g)(t_g . t'_g)``, and one has the norm ``sqrt(sum_g |h_g|^2 |t_g|^2)``.

    Shape:
        head, tail - ``[P, E]``, E a multiple of ``block``
    """

    head: Tensor
    tail: Tensor
    block: int

    def __post_init__(self) -> None:
        if self.head.dim() != 2 or self.head.shape != self.tail.shape or self.head.shape[1] % self.block:
            raise InputError(
                f"head {tuple(self.head.shape)} and tail {tuple(self.tail.shape)} should both be "
                f"[pairs, a multiple of block = {self.block}]"
            )

    def __len__(self) -> int:
        return len(self.head)

    def cosines(self, rows: Tensor) -> Tensor:
        """See `PairEmbedding`; a few matrices ``[rows, P]`` are alive together, here and in backward."""
        # In full precision also under autocast: a temperature of 0.2 makes the rounding of a cosine five times larger.
        with torch.autocast(self.head.device.type, enabled=False):
            heads, tails = (at_least_float32(z).unflatten(1, (-1, self.block)) for z in (self.head, self.tail))
            norms = (heads.norm(dim=2) * tails.norm(dim=2)).norm(dim=1)  # [P]
            heads = heads / norms.clamp(min=1e-12)[:, None, None]  # as torch's normalize: a zero product stays zero
            total = heads.new_zeros(len(rows), len(self))
            for group in range(heads.shape[1]):
                # keeps the group's vectors for backward, not its two matrices [rows, P]
                total = total + checkpoint(
                    _group_similarity,
                    heads[:, group],
                    tails[:, group],
                    rows,
                    use_reentrant=False,
                    preserve_rng_state=False,
                )
            return total


def _group_similarity(head: Tensor, tail: Tensor, rows: Tensor) -> Tensor:
    """``(h . h')(t . t')`` of the pairs in ``rows`` with all pairs, ``[rows, P]``, of ``[P, block]`` twice."""
    return (head.index_select(0, rows) @ head.T) * (tail.index_select(0, rows) @ tail.T)
