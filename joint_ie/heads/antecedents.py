"""How well is an earlier mention the antecedent of a later one? (Lee et al. 2017, section 4)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint_ie.heads.precision import in_full_precision
from joint_ie.heads.split_linear import SplitLinear

FROM = (1, 2, 3, 4, 5, 8, 16, 32, 64)  # the mentions apart from which on a pair is in the next bucket (section 7.1)


@dataclass(frozen=True)
class PreparedAntecedents:
    """Every mention as ``antecedent`` and as the ``mention`` that has it, every edit distance and every ``bucket``.

    [., hidden] each, ``distance`` with the bias; ``span`` [mentions, d] as given.
    """

    antecedent: Tensor
    mention: Tensor
    span: Tensor
    distance: Tensor
    bucket: Tensor


class AntecedentScorer(nn.Module):
    """Scores mentions before a mention as its antecedents: ``out(relu(hidden([s_i; s_j; s_i * s_j; edit; apart])))``.

    ``s`` are span vectors, ``edit`` embeds their edit distance, ``apart`` their distance in mentions, in the paper's
    buckets; "none of them" has the score 0. The paper's mention scores are not needed where mention detection is a task
    of its own. The product is all that cannot be prepared once for each mention; without it the F1 of clusters was 4
    lower (`docs/systems.md`).

    Args:
        hidden_size: width of span vectors.
        embedding_size: width of the embeddings.
        distances: rows of the edit-distance table; larger distances share the last row.
    """

    def __init__(self, hidden_size: int, embedding_size: int, distances: int, dropout: float) -> None:
        super().__init__()
        self.distance_embedding = nn.Embedding(distances, embedding_size)
        self.bucket_embedding = nn.Embedding(len(FROM), embedding_size)
        self.hidden = SplitLinear((*3 * (hidden_size,), embedding_size, embedding_size), hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, span_vectors: Tensor, pairs: Tensor, edit_distance: Tensor, apart: Tensor) -> Tensor:
        """Scores of antecedents.

        Args:
            span_vectors: [mentions, d].
            pairs: [pairs, 2] antecedent and mention.
            edit_distance: [pairs] in characters.
            apart: [pairs] in mentions, from 1.

        Returns:
            [pairs].
        """
        return self.score(self.prepare(span_vectors), pairs, edit_distance, apart)

    def prepare(self, span_vectors: Tensor) -> PreparedAntecedents:
        """What all pairs of the mentions share."""
        antecedent, mention = (self.hidden.project(part, span_vectors) for part in (0, 1))
        distance = self.hidden.project(3, self.distance_embedding.weight) + self.hidden.bias
        bucket = self.hidden.project(4, self.bucket_embedding.weight)
        # under autocast the sum has another precision than the products
        return PreparedAntecedents(antecedent, mention, span_vectors, distance.to(mention.dtype), bucket)

    def score(self, mentions: PreparedAntecedents, pairs: Tensor, edit_distance: Tensor, apart: Tensor) -> Tensor:
        """As `forward`."""
        row = edit_distance.clamp(max=len(mentions.distance) - 1)
        first, second = pairs.unbind(1)
        hidden = self.hidden.project(2, mentions.span.index_select(0, first) * mentions.span.index_select(0, second))
        hidden += mentions.antecedent.index_select(0, first)
        hidden += mentions.mention.index_select(0, second)
        hidden += mentions.distance.index_select(0, row)
        hidden += mentions.bucket.index_select(0, bucket(apart))
        return in_full_precision(self.out, self.dropout(hidden.relu_())).squeeze(1)  # compared with each other


def bucket(apart: Tensor) -> Tensor:
    """The bucket of every distance in mentions, from 0: 1, 2, 3, 4, 5-7, 8-15, 16-31, 32-63, 64 and more."""
    return torch.bucketize(apart, apart.new_tensor(FROM), right=True) - 1
