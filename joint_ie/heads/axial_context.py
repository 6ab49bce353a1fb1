"""Localized context with attention over all pairs of a document (KD-DocRE; golden README 2d)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import PairIndex
from joint_ie.heads.axial_attention import AxialAttention, AxialForm
from joint_ie.heads.grouped_bilinear import GroupedBilinear
from joint_ie.heads.localized_context import contexts_of, pooled_entities, unordered_pairs
from joint_ie.heads.pair_embedding import DenseEmbedding
from joint_ie.heads.pair_grid import PairGrid
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.precision import in_full_precision
from joint_ie.heads.relation_head import PairScores, RelationHead
from joint_ie.heads.segments import Pooling
from joint_ie.heads.split_linear import SplitLinear


@dataclass(frozen=True)
class _Shared:
    """All pairs after axial attention: ``cells`` [cells, d], see `PairGrid.cells`."""

    grid: PairGrid
    cells: Tensor


class AxialContext(RelationHead):
    """``classifier(axial(g))`` with ``g = W (z_head x z_tail)`` for all pairs of a document.

    ``z_head = tanh(W_head [entity; context])``, likewise the tail, ``x`` the grouped outer product, W as in the
    released code without the bias of eq. 6. An entity with itself is a pair that others look at. There is no padding,
    so that a document's scores do not depend on its batch: here the released code differs (golden README 2d: its
    padding takes part, with other values in training than in evaluation). No ``layers`` is the paper's ablation without
    axial attention (table 4).

    Args:
        hidden_size: of the encoder, and of a cell (golden README 2d).
        embedding_size: of head and tail vectors.
        block_size: of a group of the bilinear product; a divisor of ``embedding_size``.
        classes: 1 + relations.
        layers: of axial attention (released code: 6).
        heads: of axial attention in its released form (released code: 8); the paper's form has one.
        form: of axial attention, see `AxialAttention`.
        pooling: of an entity's mentions.
    """

    needs_attention = True

    def __init__(
        self,
        hidden_size: int,
        embedding_size: int,
        block_size: int,
        classes: int,
        layers: int,
        heads: int,
        form: AxialForm,
        pooling: Pooling = "logsumexp",
    ) -> None:
        super().__init__()
        self.head_extractor = SplitLinear((hidden_size, hidden_size), embedding_size)
        self.tail_extractor = SplitLinear((hidden_size, hidden_size), embedding_size)
        self.projection = GroupedBilinear(embedding_size, block_size, hidden_size, bias=False)
        self.axial = AxialAttention(hidden_size, layers, heads, form)
        self.classifier = nn.Linear(hidden_size, classes)
        self.pooling: Pooling = pooling

    def prepare(self, given: PairInput) -> _Shared:
        """The whole grid; a document of too many entities raises `InputError`."""
        grid = PairGrid.build(given.mentions, len(given.token_offset) - 1)
        squares = self.represent(given, grid).split(grid.size.square().tolist())
        # One by one, without padding: layers take the memory of the largest document alone, and the head 0.8 of the CPU
        # time of padded squares with a mask (12 documents of 15 to 26 entities; in training, of 4, 0.9 of it).
        seen = [
            self.axial(square.view(1, side, side, square.shape[1])).flatten(0, 2)
            for square, side in zip(squares, grid.size.tolist(), strict=True)
        ]
        return _Shared(grid, torch.cat(seen))

    def score(self, shared: _Shared, pairs: PairIndex) -> PairScores:
        """Logits [pairs, classes]."""
        vectors = shared.cells.index_select(0, shared.grid.number(pairs))
        return PairScores(in_full_precision(self.classifier, vectors), DenseEmbedding(vectors))

    def represent(self, given: PairInput, grid: PairGrid) -> Tensor:
        """Every pair before axial attention (``g``, eq. 6): [cells, d]."""
        entities = pooled_entities(given, self.pooling)
        pairs = grid.cells
        unordered, back = unordered_pairs(pairs, given.mentions)
        context = contexts_of(given, unordered, weighting="sum")
        sides = []
        for extractor, entity in ((self.head_extractor, pairs.head), (self.tail_extractor, pairs.tail)):
            both = extractor.project(1, context).index_select(0, back)
            both = both + extractor.project(0, entities).index_select(0, entity)  # [cells, embedding]
            sides.append(torch.tanh(both + extractor.bias))
        product: Tensor = self.projection(*sides)
        return product
