"""Scores of the tags of words, for mention detection by a linear chain."""

import torch
from torch import Tensor, nn

from joint_ie.heads.tag_chain import TAGS


class WordTagScorer(nn.Module):
    """Scores the tags of a word from its vector, ``out(relu(hidden(word)))``, and the transitions between them.

    As deep as `heads.mentions.SpanMentionScorer`, so that the detectors differ in what they decide on alone.

    Args:
        hidden_size: width of word vectors.
    """

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, TAGS)
        self.transitions = nn.Parameter(torch.zeros(TAGS, TAGS))  # (to, from); those that are invalid have no effect

    def forward(self, word_vectors: Tensor) -> Tensor:
        """``word_vectors`` [words, d]; returns emissions [words, tags]."""
        emissions: Tensor = self.out(self.dropout(torch.relu(self.hidden(word_vectors))))
        return emissions
