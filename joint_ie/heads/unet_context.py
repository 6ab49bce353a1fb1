"""Entity pairs with what a U-Net over the square of all pairs sees around them (DocuNet; golden README 5d)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import PairIndex
from joint_ie.heads.grouped_bilinear import GroupedBilinear
from joint_ie.heads.localized_context import contexts_of, pooled_entities
from joint_ie.heads.masked_unet import MaskedUNet
from joint_ie.heads.pair_embedding import GroupedProducts
from joint_ie.heads.pair_grid import PairGrid
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.relation_head import PairScores, RelationHead
from joint_ie.heads.segments import Pooling
from joint_ie.heads.split_linear import SplitLinear


@dataclass(frozen=True)
class _Shared:
    """Entities in both extractors [entities, embedding], and the U-Net's result [documents, side, side, outputs]."""

    head: Tensor
    tail: Tensor
    grid: PairGrid
    cells: Tensor


class UNetContext(RelationHead):
    """``z_head = tanh(W_head [entity; r] + b)``, likewise the tail, then a grouped bilinear layer.

    ``r`` is the cell (head, tail) of a U-Net over all pairs of the document: its input is every pair's localized
    context (golden README 1b, step 3), entities paired with themselves included, projected to a few channels. Contexts
    are the same in both directions; the U-Net tells them apart.

    Published sizes: 3 channels in, 256 out, ``base`` 256 (golden README 5d). The published grid has 42 rows and repeats
    the last entity's attention in those that a document leaves empty; here a document's square is its own, and the same
    beside any other document (`MaskedUNet`). Rows are entities in order of first mention (`PairGrid`).
    """

    needs_attention = True

    def __init__(
        self,
        hidden_size: int,
        embedding_size: int,
        block_size: int,
        classes: int,
        inputs: int = 3,
        outputs: int = 256,
        base: int = 256,
        pooling: Pooling = "logsumexp",
    ) -> None:
        super().__init__()
        self.channel_projection = nn.Linear(hidden_size, inputs)
        self.unet = MaskedUNet(inputs, outputs, base)
        self.head_extractor = SplitLinear((hidden_size, outputs), embedding_size)
        self.tail_extractor = SplitLinear((hidden_size, outputs), embedding_size)
        self.bilinear = GroupedBilinear(embedding_size, block_size, classes)
        self.pooling: Pooling = pooling

    def prepare(self, given: PairInput) -> _Shared:
        """Entities, and the U-Net's view of all pairs; `InputError` where a document has too many entities."""
        grid = PairGrid.build(given.mentions, len(given.token_offset) - 1)
        channels = grid.fill_symmetric(self.channel_projection(contexts_of(given, grid.unordered)))
        entities = pooled_entities(given, self.pooling)
        return _Shared(
            head=self.head_extractor.project(0, entities),
            tail=self.tail_extractor.project(0, entities),
            grid=grid,
            cells=self.unet(channels, grid.size),
        )

    def score(self, shared: _Shared, pairs: PairIndex) -> PairScores:
        """Logits [pairs, classes]."""
        cells = shared.grid.pick(shared.cells, pairs)  # [pairs, outputs]
        vectors = []
        for layer, entities, entity in (
            (self.head_extractor, shared.head, pairs.head),
            (self.tail_extractor, shared.tail, pairs.tail),
        ):
            vectors.append(torch.tanh(entities.index_select(0, entity) + layer.project(1, cells) + layer.bias))
        head, tail = vectors
        return PairScores(self.bilinear(head, tail), GroupedProducts(head, tail, self.bilinear.block_size))
