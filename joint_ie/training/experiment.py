"""A training configuration, and the run that it describes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from accelerate.utils import set_seed

from joint_ie.corpora import load_corpus
from joint_ie.corpora.docred import docred_schema
from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.training_set import Budget, Joining, TrainingSet
from joint_ie.errors import InputError, nearest
from joint_ie.evaluation.pairing import pair
from joint_ie.models.checkpoint import collator_for, continued_model, new_model, save_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.settings import ModelSettings
from joint_ie.models.sources import find_model
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.training.finish import add_card, tune_checkpoint
from joint_ie.training.loop import TrainingResult, check_new_folder, train
from joint_ie.training.settings import TrainingSettings
from joint_ie.training.validation import METRICS, validate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingCorpus:
    """One source of training documents."""

    corpus: str
    """A registered name or a path."""
    reader: str | None = None
    """The format, if it cannot be recognised."""
    share: float = 1.0
    """Probability that a document is part of an epoch."""
    relations: bool = True
    """False: leave the relation annotation aside (known to be incomplete, say); the rest still teaches."""
    limit: int | None = None
    """Use the first documents only."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"share = {self.share} should be above 0 and at most 1")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit = {self.limit} should be at least 1")


@dataclass(frozen=True)
class DataSettings:
    """What is learned from, and what chooses the best checkpoint."""

    train: tuple[TrainingCorpus, ...]
    dev: str
    dev_reader: str | None = None
    dev_limit: int | None = None
    schema: str | None = None
    """A ``schema.json``; DocRED's labels if None."""

    def __post_init__(self) -> None:
        if not self.train:
            raise InputError("train is empty; name at least one corpus")
        if self.dev_limit is not None and self.dev_limit < 1:
            raise InputError(f"dev_limit = {self.dev_limit} should be at least 1")


@dataclass(frozen=True)
class Experiment:
    """The whole configuration of `joint-ie train`."""

    data: DataSettings
    model: ModelSettings = field(default_factory=ModelSettings)
    batches: Budget = field(default_factory=Budget)
    joining: Joining = field(default_factory=Joining)
    start: str | None = None
    """A checkpoint folder (or ``default``) whose weights are the starting point, instead of the encoder's alone."""
    training: TrainingSettings = field(default_factory=TrainingSettings)
    validation: tuple[Literal["end-to-end", "gold-entities"], ...] = ("end-to-end",)
    """What is scored while training; the monitor is a name such as ``relations_strict`` or ``gold_entities``."""
    tune: bool = True
    """At the end, set the thresholds of the best checkpoint on all of the dev corpus."""

    def __post_init__(self) -> None:
        # found out here, not after the first epochs
        monitor = self.training.monitor
        measured = [metric for mode in self.validation for metric in METRICS[mode]]
        if monitor not in measured:
            raise InputError(
                f"training.monitor = {monitor!r} is not measured{nearest(monitor, measured)}; validation = "
                f"{list(self.validation)} gives {', '.join(measured) or 'nothing'}"
            )

    @classmethod
    def from_mapping(cls, config: Mapping[str, Any], where: str) -> "Experiment":
        """Checked; ``where`` names the files in errors."""
        return from_mapping(cls, config, where)


def load_documents(corpus: str, schema: Schema, reader: str | None = None, limit: int | None = None) -> list[Document]:
    """A corpus whose labels are all in the schema."""
    documents = load_corpus(corpus, reader=reader)[:limit]
    for document in documents:
        try:
            document.validate(schema)
        except InputError as error:
            raise InputError(f"{corpus}: {error}") from None
    return documents


def run_experiment(experiment: Experiment, folder: Path, resume: bool = False) -> TrainingResult:
    """Train as the experiment says, into ``folder`` (see `training.loop.train`)."""
    if not resume:
        check_new_folder(folder)
    schema = Schema.load(Path(experiment.data.schema)) if experiment.data.schema else docred_schema()
    set_seed(experiment.training.seed)
    if experiment.start is None:
        model, tokenizer = new_model(experiment.model, schema)
    else:
        model, tokenizer = continued_model(experiment.model, schema, find_model(experiment.start))
    collator = collator_for(model, tokenizer)
    training = _training_set(experiment, schema, collator)
    dev = load_documents(experiment.data.dev, schema, experiment.data.dev_reader, experiment.data.dev_limit)
    pair(dev, ())  # raises for repeated ids, which would stop the first validation
    config = to_mapping(experiment)

    def save(model: torch.nn.Module, target: Path) -> None:
        assert isinstance(model, JointModel)
        save_checkpoint(model, tokenizer, target)
        (target / "training.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def evaluate(model: torch.nn.Module) -> Mapping[str, float]:
        assert isinstance(model, JointModel)
        return validate(model, collator, dev, experiment.validation)

    logger.info("%d training documents, %d for validation", len(training.documents), len(dev))
    result = train(model, training, evaluate, save, experiment.training, folder, resume, config=config)
    best = folder / "best"
    if experiment.tune and best.is_dir():
        logger.info("choosing thresholds on %s", experiment.data.dev)
        tune_checkpoint(best, load_documents(experiment.data.dev, schema, experiment.data.dev_reader))
    if best.is_dir():
        add_card(best)
    return result


def _training_set(experiment: Experiment, schema: Schema, collator: Collator) -> TrainingSet:
    documents: list[Document] = []
    shares: list[float] = []
    for source in experiment.data.train:
        found = load_documents(source.corpus, schema, source.reader, source.limit)
        usable = [document for document in found if document.entities]
        if len(usable) < len(found):
            logger.warning("%s: %d documents without entities are left out", source.corpus, len(found) - len(usable))
        documents += usable if source.relations else [replace(document, relations=None) for document in usable]
        shares += [source.share] * len(usable)
    settings = experiment.model
    marked = settings.relations.input == "markers" and settings.task_weights.relations > 0
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
        experiment.training.seed,
        plain=settings.task_weights.shared or not marked,
        marked=marked,
        joining=experiment.joining,
    )
