"""What the joint model returns."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from joint_ie.encoding.batches import TokenView
from joint_ie.heads.encoder import Encoding
from joint_ie.heads.range_max import RangeMax


@dataclass(frozen=True)
class JointOutput:
    """``loss`` is the weighted sum of ``losses`` (scalars, by task)."""

    loss: Tensor
    losses: Mapping[str, Tensor]


@dataclass(frozen=True)
class Encoded:
    """One encoded view of a batch; ``words`` answers maxima over any range of words [words, d]."""

    view: TokenView
    encoding: Encoding
    words: RangeMax
