"""Mention detection over spans (JEREX, section 3.2)."""

import torch
from torch import Tensor, nn

from joint_ie.heads.split_linear import SplitLinear


class SpanMentionScorer(nn.Module):
    """Scores a span from its max-pooled vector and its width in words: ``out(relu(hidden([span; size])))``.

    Args:
        hidden_size: width of span vectors.
        embedding_size: width of size embeddings.
        sizes: rows of the size table; wider spans share the last row.
    """

    def __init__(self, hidden_size: int, embedding_size: int, sizes: int, dropout: float) -> None:
        super().__init__()
        self.size_embedding = nn.Embedding(sizes, embedding_size)
        self.hidden = SplitLinear((hidden_size, embedding_size), hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, span_vectors: Tensor, widths: Tensor) -> Tensor:
        """``span_vectors`` [spans, d], ``widths`` [spans] in words; returns logits [spans]."""
        size = self.hidden.project(1, self.size_embedding.weight)  # [sizes, hidden]
        row = widths.clamp(max=len(size) - 1)
        hidden = self.hidden.project(0, span_vectors) + size.index_select(0, row) + self.hidden.bias
        return self.out(self.dropout(torch.relu(hidden))).squeeze(1)
