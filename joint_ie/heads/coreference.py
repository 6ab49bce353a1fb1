"""Do two mentions name the same entity? (JEREX, section 3.3)."""

import torch
from torch import Tensor, nn

from joint_ie.heads.split_linear import SplitLinear


class PairwiseCoreferenceScorer(nn.Module):
    """Scores an ordered mention pair: ``out(relu(hidden([span_i; span_j; edit distance])))``.

    Args:
        hidden_size: width of span vectors.
        embedding_size: width of edit-distance embeddings.
        distances: rows of the edit-distance table; larger distances share the last row.
    """

    def __init__(self, hidden_size: int, embedding_size: int, distances: int, dropout: float) -> None:
        super().__init__()
        self.distance_embedding = nn.Embedding(distances, embedding_size)
        self.hidden = SplitLinear((hidden_size, hidden_size, embedding_size), hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, span_vectors: Tensor, pairs: Tensor, edit_distance: Tensor) -> Tensor:
        """Logits of mention pairs.

        Args:
            span_vectors: [mentions, d].
            pairs: [pairs, 2] mentions i and j; the score of (j, i) is another one.
            edit_distance: [pairs] in characters.

        Returns:
            [pairs].
        """
        first = self.hidden.project(0, span_vectors)  # [mentions, hidden]
        second = self.hidden.project(1, span_vectors)
        distance = self.hidden.project(2, self.distance_embedding.weight)  # [distances, hidden]
        row = edit_distance.clamp(max=len(distance) - 1)
        hidden = first.index_select(0, pairs[:, 0]) + second.index_select(0, pairs[:, 1])
        hidden = hidden + distance.index_select(0, row) + self.hidden.bias
        return self.out(self.dropout(torch.relu(hidden))).squeeze(1)
