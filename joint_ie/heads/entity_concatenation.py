"""Relations from two entity vectors: JEREX's global relation classifier (section 3.5)."""

from torch import Tensor, nn

from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.typed_pairs import TypedPairClassifier


class EntityConcatenation(nn.Module):
    """``classifier([entity of head; entity of tail; types])``."""

    needs_attention = False

    def __init__(self, hidden_size: int, types: int, embedding_size: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.classifier = TypedPairClassifier(
            (hidden_size, hidden_size), hidden_size, types, embedding_size, classes, dropout
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, given: PairInput) -> Tensor:
        """Logits [pairs, classes]."""
        entities = self.dropout(given.entities)
        hidden = self.classifier.hidden
        head = hidden.project(0, entities).index_select(0, given.pairs.head)
        tail = hidden.project(1, entities).index_select(0, given.pairs.tail)
        return self.classifier(head + tail, given.entity_type, given.pairs)
