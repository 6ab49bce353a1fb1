"""The configuration of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from joint_ie.encoding.training_set import Budget, Joining
from joint_ie.errors import InputError, nearest
from joint_ie.evaluation.protocol import Mode
from joint_ie.models.seq2seq_config import Seq2SeqSettings
from joint_ie.models.settings import ModelSettings
from joint_ie.settings import Where, from_mapping, to_mapping
from joint_ie.training.adaptation import Adaptation
from joint_ie.training.data import DataSettings
from joint_ie.training.settings import TrainingSettings
from joint_ie.training.validation import METRICS


@dataclass(frozen=True)
class Experiment:
    """The whole configuration of `joint-ie train`."""

    data: DataSettings
    model: ModelSettings = field(default_factory=ModelSettings)
    batches: Budget = field(default_factory=Budget)
    joining: Joining = field(default_factory=Joining)
    start: str | None = None
    """A checkpoint folder (or ``default``) whose weights are the starting point, instead of the encoder's alone."""
    start_labels: Literal["resize"] | None = None
    """``resize``: ``start`` may know other labels than the schema, and what depends on them is resized
    (`models.relabelling`); None: it must know the same."""
    adaptation: Adaptation | None = None
    generation: Seq2SeqSettings | None = None
    """A model that writes facts (REBEL) in place of ``model``."""
    training: TrainingSettings = field(default_factory=TrainingSettings)
    validation: tuple[Mode, ...] = ("end-to-end",)
    """What is scored while training; the monitor is a name such as ``relations_strict``,
    ``gold_mentions_relations_strict`` or ``gold_entities``. Models that write facts cannot take gold mentions."""
    tune: bool = True
    """At the end, set the thresholds of the best checkpoint on all of the dev corpus; ``generation`` has none."""

    def __post_init__(self) -> None:
        # found out here, not after the first epochs
        if self.start_labels and self.start is None:
            raise InputError("start_labels is about a model to start from; name it with start")
        self._check_monitor(self.training, "training")
        if self.adaptation:
            self._check_monitor(self.adaptation.training, "adaptation.training")
            if not self.model.task_weights.relations:
                raise InputError("adaptation is about relations; give model.task_weights.relations a weight above 0")
        if self.generation:
            if "gold-mentions" in self.validation:
                raise InputError(
                    "validation: a model that writes facts cannot take given mentions; take end-to-end or gold-entities"
                )
            unset = {"model": ModelSettings(), "joining": Joining(), "start": None, "adaptation": None}
            for name, value in unset.items():
                if getattr(self, name) != value:
                    raise InputError(f"generation and {name} are for different models; leave one of them out")

    def _check_monitor(self, settings: TrainingSettings, where: str) -> None:
        measured = [metric for mode in self.validation for metric in METRICS[mode]]
        if settings.monitor not in measured:
            raise InputError(
                f"{where}.monitor = {settings.monitor!r} is not measured{nearest(settings.monitor, measured)}; "
                f"validation = {list(self.validation)} gives {', '.join(measured) or 'nothing'}"
            )

    @property
    def chooses(self) -> bool:
        """Whether dev documents decide anything: which checkpoint is the best one, or its thresholds."""
        validated = sum(map(self.training.validates, range(self.training.trained_epochs)))
        return validated > 1 or (self.tune and self.generation is None)

    @classmethod
    def from_mapping(cls, config: Mapping[str, Any], where: Where) -> "Experiment":
        """Checked; ``where`` names the files in errors."""
        return from_mapping(cls, config, where)

    def write(self, folder: Path) -> None:
        """As ``training.yaml``, from which the run can be repeated."""
        text = yaml.safe_dump(to_mapping(self), sort_keys=False)
        (folder / "training.yaml").write_text(text, encoding="utf-8")
