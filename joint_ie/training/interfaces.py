"""What the loop asks of the model and the batches that it is given."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Batch(Protocol):
    """What the model is called with."""

    def to(self, device: torch.device) -> Any:
        """The same batch on ``device``."""


class EpochBatches(Protocol):
    """The batches of every epoch; the same ones whenever it is asked for the same epoch.

    The sequence should make a batch when it is indexed, whether or not the ones before it were: before training
    the length of every epoch is asked for (the schedule needs the sum), and a resumed epoch skips what is done.
    Whatever is drawn at random for a batch should thus come from the seed, the epoch and the index alone.
    """

    def __call__(self, epoch: int) -> Sequence[Batch]:
        """The batches of ``epoch``, counted from 0."""


class ModelOutput(Protocol):
    """What the model returns for a batch."""

    @property
    def loss(self) -> Tensor:
        """Shape: scalar. What is minimised."""

    @property
    def losses(self) -> Mapping[str, Tensor]:
        """The loss of every task that the batch has labels for, for the log. Shape: scalars."""
