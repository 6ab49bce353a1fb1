"""Do two mentions name the same entity? (JEREX, section 3.3)."""

from dataclasses import dataclass

from torch import Tensor, nn

from joint_ie.heads.split_linear import SplitLinear


@dataclass(frozen=True)
class PreparedMentions:
    """Every mention as the ``first`` and as the ``second`` of a pair, and every ``distance`` (with the bias).

    [., hidden] each; ``span`` [mentions, d] as given.
    """

    first: Tensor
    second: Tensor
    distance: Tensor
    span: Tensor


class PairwiseCoreferenceScorer(nn.Module):
    """Scores an ordered mention pair: ``out(relu(hidden([span_i; span_j; edit distance])))``.

    With ``product`` also from ``span_i * span_j`` (Lee et al. 2017, section 4), which JEREX does not have: whether two
    vectors are alike is hard to see for a layer that adds them up. It is all that cannot be prepared once a mention.

    Args:
        hidden_size: width of span vectors.
        embedding_size: width of edit-distance embeddings.
        distances: rows of the edit-distance table; larger distances share the last row.
        product: see above.
    """

    def __init__(
        self, hidden_size: int, embedding_size: int, distances: int, dropout: float, product: bool = False
    ) -> None:
        super().__init__()
        self.product = product
        self.distance_embedding = nn.Embedding(distances, embedding_size)
        parts = (hidden_size, hidden_size, embedding_size, *((hidden_size,) if product else ()))
        self.hidden = SplitLinear(parts, hidden_size)
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
        return self.score(self.prepare(span_vectors), pairs, edit_distance)

    def prepare(self, span_vectors: Tensor) -> PreparedMentions:
        """What all pairs of the mentions share."""
        first, second = (self.hidden.project(part, span_vectors) for part in (0, 1))
        distance = self.hidden.project(2, self.distance_embedding.weight) + self.hidden.bias
        # under autocast the distance has another precision than the products
        return PreparedMentions(first, second, distance.to(first.dtype), span_vectors)

    def score(self, mentions: PreparedMentions, pairs: Tensor, edit_distance: Tensor) -> Tensor:
        """As `forward`."""
        row = edit_distance.clamp(max=len(mentions.distance) - 1)
        first, second = pairs.unbind(1)
        hidden = mentions.first.index_select(0, first)
        hidden += mentions.second.index_select(0, second)
        hidden += mentions.distance.index_select(0, row)
        if self.product:
            alike = mentions.span.index_select(0, first) * mentions.span.index_select(0, second)
            hidden += self.hidden.project(3, alike)
        return self.out(self.dropout(hidden.relu_())).squeeze(1)
