"""Relations from two entity vectors: JEREX's global relation classifier (section 3.5)."""

from dataclasses import dataclass

from torch import Tensor, nn

from joint_ie.encoding.index import PairIndex
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.relation_head import PairScores, RelationHead
from joint_ie.heads.typed_pairs import TypedPairClassifier


@dataclass(frozen=True)
class _Shared:
    """Entities as heads and as tails, projected to the hidden layer [entities, d], and their types [entities]."""

    head: Tensor
    tail: Tensor
    entity_type: Tensor


class EntityConcatenation(RelationHead):
    """``classifier([entity of head; entity of tail; types])``."""

    def __init__(self, hidden_size: int, types: int, embedding_size: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.classifier = TypedPairClassifier(
            (hidden_size, hidden_size), hidden_size, types, embedding_size, classes, dropout
        )
        self.dropout = nn.Dropout(dropout)

    def prepare(self, given: PairInput) -> _Shared:
        """Entities, once for both sides."""
        entities = self.dropout(given.entities)
        hidden = self.classifier.hidden
        return _Shared(hidden.project(0, entities), hidden.project(1, entities), given.entity_type)

    def score(self, shared: _Shared, pairs: PairIndex) -> PairScores:
        """Logits [pairs, classes]."""
        projected = shared.head.index_select(0, pairs.head) + shared.tail.index_select(0, pairs.tail)
        return self.classifier(projected, shared.entity_type, pairs)
