"""What kind of thing an entity is (JEREX, section 3.4)."""

import torch
from torch import Tensor, nn


class EntityTyper(nn.Module):
    """``out(relu(hidden(entity)))`` over entity vectors."""

    def __init__(self, hidden_size: int, types: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_size, types)

    def forward(self, entity_vectors: Tensor) -> Tensor:
        """``entity_vectors`` [entities, d]; returns logits [entities, types]."""
        return self.out(self.dropout(torch.relu(self.hidden(entity_vectors))))
