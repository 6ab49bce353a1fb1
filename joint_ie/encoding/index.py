"""Ragged things as flat tensors: mentions of entities, entities of documents, pairs of entities."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from joint_ie.document import Span


class OnDevice:
    """A frozen dataclass of tensors (and of other such dataclasses) that moves as one."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**{k: v.to(device) if hasattr(v, "to") else v for k, v in values.items()})


@dataclass(frozen=True)
class MentionIndex(OnDevice):
    """Mentions in the order of their entities; a span in two entities is listed twice.

    Shapes: ``spans`` [mentions, 2] half-open in the batch's flat words; ``entity`` [mentions] flat entity of each,
    ascending; ``mention_count`` [entities]; ``entity_document`` [entities], ascending.
    """

    spans: Tensor
    entity: Tensor
    mention_count: Tensor
    entity_document: Tensor

    def __post_init__(self) -> None:
        if len(self.entity) and int(self.mention_count.sum()) != len(self.entity):
            raise ValueError("mention_count does not add up to the number of mentions")

    @property
    def mentions(self) -> int:
        """How many mentions there are."""
        return len(self.entity)

    @property
    def entities(self) -> int:
        """How many entities there are."""
        return len(self.mention_count)

    @classmethod
    def build(cls, entities: Sequence[Sequence[Sequence[Span]]], word_offset: Sequence[int]) -> "MentionIndex":
        """From ``entities[document][entity]`` = spans in that document's words; ``word_offset[document]``."""
        counts = [len(spans) for document in entities for spans in document]
        spans = [
            (start + offset, end + offset)
            for document, offset in zip(entities, word_offset, strict=True)
            for entity in document
            for start, end in entity
        ]
        count = torch.tensor(counts, dtype=torch.long)
        sizes = torch.tensor([len(document) for document in entities], dtype=torch.long)
        return cls(
            spans=torch.tensor(spans, dtype=torch.long).view(-1, 2),
            entity=torch.repeat_interleave(count),
            mention_count=count,
            entity_document=torch.repeat_interleave(sizes),
        )


@dataclass(frozen=True)
class PairIndex(OnDevice):
    """Ordered pairs of entities of one document, documents ascending: ``head``, ``tail``, ``document`` [pairs].

    ``head`` and ``tail`` are flat entities.
    """

    head: Tensor
    tail: Tensor
    document: Tensor

    def __len__(self) -> int:
        return len(self.head)

    def __getitem__(self, rows: Tensor | slice) -> "PairIndex":
        """The pairs at ``rows``."""
        return PairIndex(self.head[rows], self.tail[rows], self.document[rows])

    @classmethod
    def all(cls, entity_document: Tensor, documents: Tensor | None = None) -> "PairIndex":
        """All ordered pairs of different entities, row-major in every document.

        ``entity_document`` [entities] ascending; ``documents`` [n] restricts to these documents.
        """
        device = entity_document.device
        # the documents asked for may end with some that have no entity
        asked = 1 if documents is None or not len(documents) else int(documents.max()) + 1
        count = torch.bincount(entity_document, minlength=asked)
        first = count.cumsum(0) - count
        keep = torch.arange(len(count), device=device) if documents is None else documents
        n = count[keep]
        document = torch.repeat_interleave(keep, n * n)
        rank = torch.arange(len(document), device=device) - torch.repeat_interleave((n * n).cumsum(0) - n * n, n * n)
        size = count[document].clamp(min=1)
        head, tail = rank // size, rank % size
        different = head != tail
        base = first[document]
        return cls((base + head)[different], (base + tail)[different], document[different])


def rank_in_group(group: Tensor) -> Tensor:
    """Position of every item among the items of its group: ``[0, 0, 1, 1, 1] -> [0, 1, 0, 1, 2]``.

    ``group`` [n] ascending; returns [n].
    """
    if not len(group):
        return group
    count = torch.bincount(group)
    return torch.arange(len(group), device=group.device) - (count.cumsum(0) - count)[group]
