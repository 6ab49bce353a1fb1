"""What every relation head does: prepare what all pairs of a batch share, then score pairs."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from joint_ie.encoding.index import PairIndex
from joint_ie.heads.pair_embedding import PairEmbedding
from joint_ie.heads.pair_input import PairInput

REFUSED = 10.0  # how far the relations of a filtered pair are below its threshold: further than any tuned shift


@dataclass(frozen=True)
class PairScores:
    """What a head says about pairs.

    Shapes: ``logits`` [pairs, 1 + relations]; ``embedding`` what the classifier saw of every pair, for losses that
    compare pairs. Only heads that filter pairs and match entities with relations (PAEE) have ``related`` [pairs],
    logits that any relation holds, ``refused`` [pairs] bool, those that get no relation where relations are decided,
    and ``as_head`` and ``as_tail`` [entities, relations], logits that an entity is head or tail of such a relation.
    ``sentences`` [pairs, sentences] is what share of the pair's localized context each sentence holds, where contexts
    are guided by evidence: no head gives it, see `localized_context.sentence_weights`.
    """

    logits: Tensor
    embedding: PairEmbedding
    related: Tensor | None = None
    refused: Tensor | None = None
    as_head: Tensor | None = None
    as_tail: Tensor | None = None
    sentences: Tensor | None = None

    @property
    def decisive(self) -> Tensor:
        """``logits`` to decide by: relations of refused pairs are far below the threshold class, and below 0."""
        if self.refused is None:
            return self.logits
        threshold = self.logits[:, :1]
        below = torch.minimum(self.logits[:, 1:], threshold.clamp(max=0) - REFUSED)
        return torch.where(self.refused[:, None], torch.cat((threshold, below), 1), self.logits)


class RelationHead(nn.Module):
    """Base of all pair representations with their classifiers.

    Pairs are scored in chunks where there are many; what they share (entity vectors, a grid over all pairs) is
    computed once by `prepare`. ``needs_attention``: whether `PairInput.attention` has to be there.
    """

    needs_attention = False

    def prepare(self, given: PairInput) -> Any:
        """What all pairs of the batch share; ``given.pairs`` does not matter."""
        raise NotImplementedError

    def score(self, shared: Any, pairs: PairIndex) -> PairScores:
        """Scores of at least one pair."""
        raise NotImplementedError

    def forward(self, given: PairInput) -> PairScores:
        """All pairs of ``given`` together, of which there must be one at least."""
        scores: PairScores = self.score(self.prepare(given), given.pairs)
        return scores
