"""Mentions in the order of the text, and the earlier ones that each may have as antecedent (Lee et al. 2017)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from joint_ie.encoding.index import PairIndex, rank_in_group


@dataclass(frozen=True)
class TextOrder:
    """Where mentions stand among the different spans of a text, by start, then end.

    ``place`` [mentions], from 0 to ``places`` - 1. A span that is listed twice, in two entities for instance, has one
    place: it is one mention of the text.
    """

    place: Tensor
    places: int

    @classmethod
    def of(cls, spans: Tensor) -> Self:
        """Of ``spans`` [mentions, 2]; documents whose words follow each other keep their mentions together."""
        different, place = spans.unique(dim=0, return_inverse=True)
        return cls(place, len(different))


@dataclass(frozen=True)
class AntecedentPairs:
    """The earlier mentions that the mentions of a document are compared with.

    Shapes: ``pairs`` [n, 2] rows (antecedent, mention) of the document's mentions, by mention, then antecedent, both in
    text order; ``coreferent`` [n] bool. ``left_out`` counts the pairs that are too many mentions apart.
    """

    pairs: NDArray[np.int64]
    coreferent: NDArray[np.bool_]
    left_out: int


def antecedent_pairs(spans: NDArray[np.int64], entity: NDArray[np.int64], most: int) -> AntecedentPairs:
    """Every mention with the ``most`` before it: ``spans`` [mentions, 2], their ``entity`` [mentions], ascending.

    A span of two entities is in the pairs once, by its first row, and corefers with the mentions of both.
    """
    order = TextOrder.of(torch.from_numpy(spans))
    place, places = order.place.numpy(), order.places
    compared = np.minimum(np.arange(places), most)
    later = np.repeat(np.arange(places), compared)
    earlier = later - compared[later] + rank_in_group(torch.from_numpy(later)).numpy()
    same = PairIndex.all(torch.from_numpy(entity))  # the mentions of an entity as otherwise entities of a document
    keys = place[same.head.numpy()] * places + place[same.tail.numpy()]
    _, row = np.unique(place, return_index=True)
    return AntecedentPairs(
        np.stack((row[earlier], row[later]), axis=1),
        np.isin(earlier * places + later, keys),
        places * (places - 1) // 2 - len(later),
    )
