"""The pairs of a document as a square of cells (head, tail), for heads that look at all pairs together."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from joint_ie.encoding.index import MentionIndex, PairIndex, rank_in_group
from joint_ie.errors import InputError

MOST_ENTITIES = 400  # of one document: cells grow with the square, and every cell holds vectors of several layers


@dataclass(frozen=True)
class PairGrid:
    """Squares of all documents, padded to the one with the most entities.

    Rows and columns are entities in order of first mention (of entities that begin together, the one whose first
    mention is shorter, then the one given first), so that the order in which entities were given carries nothing into
    a convolution over the square.

    Shapes: ``entity`` [documents, side] flat entity of every row, 0 beyond a document's own; ``place`` [entities] its
    row; ``size`` [documents] entities of every document.
    """

    entity: Tensor
    place: Tensor
    size: Tensor

    @classmethod
    def build(cls, mentions: MentionIndex, documents: int) -> "PairGrid":
        """Raises `InputError` where a document has more than `MOST_ENTITIES`."""
        document = mentions.entity_document
        size = torch.bincount(document, minlength=documents)
        side = int(size.max()) if documents else 0
        if side > MOST_ENTITIES:
            raise InputError(
                f"a document has {side} entities, and this relation head looks at the square of them; cut it into "
                f"parts with at most {MOST_ENTITIES} entities, or use representation: localized-context"
            )
        # two stable sorts: by length of the first mention, then by its start; entities of a document stay together
        # because later documents have later words
        first = mentions.spans[first_mentions(mentions)]
        order = torch.argsort(first[:, 1] - first[:, 0], stable=True)
        order = order[torch.argsort(first[order, 0], stable=True)]
        place = torch.empty_like(order)
        place[order] = rank_in_group(document)
        entity = document.new_zeros(documents, side)
        entity[document, place] = torch.arange(len(document), device=document.device)
        return cls(entity, place, size)

    @property
    def side(self) -> int:
        """Rows and columns of the padded squares."""
        return self.entity.shape[1]

    @property
    def inside(self) -> Tensor:
        """[documents, side] bool: rows that are entities."""
        return torch.arange(self.side, device=self.size.device) < self.size[:, None]

    @property
    def mask(self) -> Tensor:
        """[documents, side, side] bool: cells that are pairs of entities, the diagonal included."""
        inside = self.inside
        return inside[:, :, None] & inside[:, None, :]

    @property
    def cells(self) -> PairIndex:
        """All cells, the diagonal included: document by document, row by row."""
        document, head, tail = torch.nonzero(self.mask, as_tuple=True)
        return PairIndex(self.entity[document, head], self.entity[document, tail], document)

    def number(self, pairs: PairIndex) -> Tensor:
        """Which of `cells` every pair is: [pairs]."""
        cells, side = self.size.square(), self.size[pairs.document]
        return (cells.cumsum(0) - cells)[pairs.document] + self.place[pairs.head] * side + self.place[pairs.tail]

    @cached_property
    def unordered(self) -> PairIndex:
        """The cells on and above the diagonal, entities with themselves included; documents ascending."""
        document, head, tail = torch.nonzero(self.mask.triu(), as_tuple=True)
        return PairIndex(self.entity[document, head], self.entity[document, tail], document)

    def fill_symmetric(self, values: Tensor) -> Tensor:
        """``values`` [unordered, d] in their cells and those mirrored: [documents, side, side, d], 0 elsewhere."""
        pairs = self.unordered
        head, tail = self.place[pairs.head], self.place[pairs.tail]
        row = values.new_zeros(len(self.size), self.side, self.side, dtype=torch.long)
        number = torch.arange(1, len(pairs) + 1, device=values.device)  # 0 is the empty cell
        row[pairs.document, head, tail] = number
        row[pairs.document, tail, head] = number
        padded = torch.cat((values.new_zeros(1, values.shape[1]), values))
        return padded.index_select(0, row.flatten()).view(*row.shape, -1)

    def pick(self, grid: Tensor, pairs: PairIndex) -> Tensor:
        """The cells (head, tail) of ``grid`` [documents, side, side, d]: [pairs, d]."""
        cell = (pairs.document * self.side + self.place[pairs.head]) * self.side + self.place[pairs.tail]
        return grid.flatten(0, 2).index_select(0, cell)


def first_mentions(mentions: MentionIndex) -> Tensor:
    """The row of every entity's first mention in the text (of those that begin together, the shortest): [entities]."""
    spans, entity = mentions.spans, mentions.entity
    order = torch.argsort(spans[:, 1] - spans[:, 0], stable=True)
    order = order[torch.argsort(spans[order, 0], stable=True)]
    order = order[torch.argsort(entity[order], stable=True)]
    count = mentions.mention_count
    return order[count.cumsum(0) - count]
