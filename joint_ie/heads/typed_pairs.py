"""JEREX's relation classifier: a pair vector and the types of both entities (section 3.5)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import PairIndex
from joint_ie.heads.pair_embedding import DenseEmbedding
from joint_ie.heads.precision import in_full_precision
from joint_ie.heads.relation_head import PairScores
from joint_ie.heads.split_linear import SplitLinear


class TypedPairClassifier(nn.Module):
    """``out(relu(hidden([pair; type of head; type of tail])))``.

    Args:
        parts: widths of the concatenated pair vector; each is projected by the caller with ``hidden.project``.
        hidden_size: width of the hidden layer.
        types: rows of the type table, whose width is ``embedding_size``.
        classes: 1 + relations; column 0 is the threshold class of the losses that have one.
    """

    def __init__(
        self, parts: Sequence[int], hidden_size: int, types: int, embedding_size: int, classes: int, dropout: float
    ) -> None:
        super().__init__()
        self.type_embedding = nn.Embedding(types, embedding_size)
        self.hidden = SplitLinear((*parts, embedding_size, embedding_size), hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, classes)

    def forward(self, projected: Tensor, entity_type: Tensor, pairs: PairIndex) -> PairScores:
        """``projected`` [pairs, hidden], ``entity_type`` [entities]; scores with logits [pairs, classes]."""
        count = len(self.hidden.parts)
        head = self.hidden.project(count - 2, self.type_embedding.weight)  # [types, hidden]
        tail = self.hidden.project(count - 1, self.type_embedding.weight)
        hidden = projected + head.index_select(0, entity_type.index_select(0, pairs.head))
        hidden = hidden + tail.index_select(0, entity_type.index_select(0, pairs.tail)) + self.hidden.bias
        hidden = torch.relu(hidden)
        return PairScores(in_full_precision(self.out, self.dropout(hidden)), DenseEmbedding(hidden))
