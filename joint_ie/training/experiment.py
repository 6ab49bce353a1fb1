"""A training configuration, and the run that it describes."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from accelerate.utils import set_seed

from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.training_set import Budget, Joining, TrainingSet
from joint_ie.errors import InputError, nearest
from joint_ie.evaluation.pairing import pair
from joint_ie.models.checkpoint import collator_for, continued_model, new_model, save_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.relabelling import relabelled_model
from joint_ie.models.seq2seq_config import Seq2SeqSettings
from joint_ie.models.settings import ModelSettings
from joint_ie.models.sources import find_model
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.training.adaptation import Adaptation, TaughtSet, Teacher
from joint_ie.training.data import (
    DataSettings,
    TrainingCorpus,
    check_unseen,
    dev_documents,
    known_facts,
    load_documents,
    schema_for,
    training_documents,
)
from joint_ie.training.final_scores import score_test
from joint_ie.training.finish import add_card, tune_checkpoint
from joint_ie.training.generation import run_generation
from joint_ie.training.loop import TrainingResult, check_new_folder, train
from joint_ie.training.settings import TrainingSettings
from joint_ie.training.validation import METRICS, validate

logger = logging.getLogger(__name__)


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
    validation: tuple[Literal["end-to-end", "gold-entities"], ...] = ("end-to-end",)
    """What is scored while training; the monitor is a name such as ``relations_strict`` or ``gold_entities``."""
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

    @classmethod
    def from_mapping(cls, config: Mapping[str, Any], where: str) -> "Experiment":
        """Checked; ``where`` names the files in errors."""
        return from_mapping(cls, config, where)


def run_experiment(experiment: Experiment, folder: Path, resume: bool = False) -> TrainingResult:
    """Train as the experiment says, into ``folder`` (see `training.loop.train`), and score its test corpus."""
    if not resume:
        check_new_folder(folder)
    data = experiment.data
    schema = schema_for(data)
    dev = dev_documents(data, schema, data.dev_limit)
    pair(dev, ())  # raises for repeated ids, which would stop the first validation
    test = load_documents(data.test, schema, data.test_reader) if data.test else []
    pair(test, ())
    set_seed(experiment.training.seed)
    result = (_generating if experiment.generation else _joint)(experiment, schema, dev, test, folder, resume)
    if data.test and (folder / "best").is_dir():
        score_test(folder, data.test, test, experiment.validation, known_facts(data, schema))
    return result


def _generating(
    experiment: Experiment, schema: Schema, dev: list[Document], test: list[Document], folder: Path, resume: bool
) -> TrainingResult:
    assert experiment.generation is not None
    return run_generation(
        experiment.generation,
        experiment.data,
        experiment.batches,
        experiment.training,
        experiment.validation,
        schema,
        dev,
        test,
        folder,
        resume,
        to_mapping(experiment),
    )


def _joint(
    experiment: Experiment, schema: Schema, dev: list[Document], test: list[Document], folder: Path, resume: bool
) -> TrainingResult:
    if experiment.start is None:
        model, tokenizer = new_model(experiment.model, schema)
    else:
        started = relabelled_model if experiment.start_labels == "resize" else continued_model
        model, tokenizer = started(experiment.model, schema, find_model(experiment.start))
    collator = collator_for(model, tokenizer)
    data = experiment.data
    training = _training_set(experiment, data.train, schema, collator, experiment.training.seed)
    check_unseen(test, [*training.documents, *dev], f"{data.test}")
    config = to_mapping(experiment)

    def save(model: torch.nn.Module, target: Path) -> None:
        assert isinstance(model, JointModel)
        save_checkpoint(model, tokenizer, target)
        (target / "training.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def evaluate(model: torch.nn.Module) -> Mapping[str, float]:
        assert isinstance(model, JointModel)
        return validate(model, collator, dev, experiment.validation)

    if experiment.adaptation and not (resume and _has_begun(folder)):
        taught = _taught_set(experiment, experiment.adaptation, schema, collator)
        logger.info("adaptation: %d documents", len(taught.batches.documents))
        before = folder / "adaptation"
        # killed before its first step, a run has no folder for it yet; a run without any folder cannot be resumed
        going_on = resume and (before.is_dir() or not folder.is_dir())
        train(model, taught, evaluate, save, experiment.adaptation.training, before, going_on, config=config)
        model, _ = continued_model(experiment.model, schema, before / "last")
    logger.info("%d training documents, %d for validation", len(training.documents), len(dev))
    result = train(model, training, evaluate, save, experiment.training, folder, resume, config=config)
    best = folder / "best"
    if experiment.tune and best.is_dir():
        logger.info("choosing thresholds on %s", experiment.data.dev)
        tune_checkpoint(best, dev_documents(data, schema))
    if best.is_dir():
        add_card(best)
    return result


def _has_begun(folder: Path) -> bool:
    """Whether a run has a state to go on from, which an adaptation is part of."""
    return any(path.name.isdecimal() for path in (folder / "state").glob("*"))


def _taught_set(experiment: Experiment, adaptation: Adaptation, schema: Schema, collator: Collator) -> TaughtSet:
    settings = adaptation.training
    teacher = Teacher.load(find_model(adaptation.teacher), schema, settings.precision)
    batches = _training_set(experiment, adaptation.train, schema, collator, settings.seed, unlabelled_pairs=True)
    return TaughtSet(batches, teacher, adaptation.loss, adaptation.weight)


def _training_set(
    experiment: Experiment,
    sources: Sequence[TrainingCorpus],
    schema: Schema,
    collator: Collator,
    seed: int,
    unlabelled_pairs: bool = False,
) -> TrainingSet:
    documents, shares = training_documents(sources, schema)
    settings = experiment.model
    marked = settings.relations.marked and settings.task_weights.relations > 0
    return TrainingSet(
        documents,
        shares,
        schema,
        collator,
        Negatives(
            settings.mentions.negatives,
            settings.mentions.inside_share,
            settings.coreference.negatives,
            settings.relations.negatives,
        ),
        settings.mentions.max_width,
        experiment.batches,
        seed,
        plain=settings.task_weights.shared or not marked,
        marked=marked,
        typed=settings.relations.input == "typed-markers",
        joining=experiment.joining,
        unlabelled_pairs=unlabelled_pairs,
    )
