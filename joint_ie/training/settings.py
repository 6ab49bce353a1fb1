"""What can be set for a training run."""

from dataclasses import dataclass
from typing import Literal

from joint_ie.errors import InputError, check_range

NO_EFFECT = frozenset({"log_every", "save_every_steps"})
"""Settings that do not change the result of a run, and so may differ when it is resumed."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained, whatever the model is."""

    epochs: int = 30
    """Passes over the training documents."""
    stop_after: int | None = None
    """Stop after so many of the epochs; the learning rates stay those of the whole run."""
    encoder_learning_rate: float = 1e-4
    """Peak learning rate of parameters named ``encoder.*``."""
    head_learning_rate: float = 1e-4
    """Peak learning rate of all other parameters."""
    layer_decay: float | None = None
    """Each encoder layer below the top one learns at this share of the rate of the layer above it."""
    frozen_embeddings: bool = False
    """Leave the encoder's embeddings as they are: less memory and time, and rare words keep their meaning."""
    weight_decay: float = 0.01
    """Decoupled weight decay; biases and normalisation layers have none."""
    warmup: float = 0.06
    """Share of all optimiser steps in which the learning rates rise from 0; afterwards they fall to 0."""
    max_gradient_norm: float = 1.0
    """Gradients are scaled down to this norm over all parameters."""
    accumulation: int = 1
    """Batches for one optimiser step; their losses are averaged."""
    precision: Literal["auto", "bf16", "no"] = "auto"
    """``bf16`` (autocast), ``no`` (32 bits), or ``auto``: bf16 where the device computes with it natively."""
    threads: int | None = None
    """CPU threads; None leaves the choice to PyTorch. Sums may differ in the last bit between thread numbers."""
    seed: int = 1
    """Seed of dropout and of everything else that is drawn while training."""
    validate_every: int = 1
    """Epochs between validations; the last epoch is always validated."""
    validate_from: int = 0
    """First epoch (counted from 0) that is validated."""
    monitor: str = "relations_strict"
    """The metric that chooses the best checkpoint; higher is better."""
    patience: int | None = None
    """Stop after this many validations without a new best; None never stops early."""
    log_every: int = 10
    """Optimiser steps between step records in ``log.jsonl``."""
    save_every_steps: int | None = None
    """Optimiser steps between saved states within an epoch; a state is saved after every epoch in any case."""

    def __post_init__(self) -> None:
        counts = (
            "epochs",
            "stop_after",
            "accumulation",
            "threads",
            "validate_every",
            "patience",
            "log_every",
            "save_every_steps",
        )
        for name in counts:
            check_range(name, getattr(self, name), 1)
        for name in ("encoder_learning_rate", "head_learning_rate", "weight_decay", "validate_from"):
            check_range(name, getattr(self, name), 0)
        check_range("max_gradient_norm", self.max_gradient_norm, above=0)
        check_range("layer_decay", self.layer_decay, above=0, high=1)
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed = {self.seed} should be at least 0 and below 2**32")
        check_range("warmup", self.warmup, 0, below=1)

    @property
    def trained_epochs(self) -> int:
        """How many epochs are trained."""
        return min(self.epochs, self.stop_after or self.epochs)

    def validates(self, epoch: int) -> bool:
        """Whether ``epoch`` (counted from 0) ends with a validation."""
        due = epoch >= self.validate_from and (epoch - self.validate_from) % self.validate_every == 0
        return due or epoch == self.trained_epochs - 1
