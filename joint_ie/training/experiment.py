"""The run that a training configuration describes."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from accelerate.utils import set_seed

from joint_ie.corpora.files import load_json
from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.training_set import TrainingSet
from joint_ie.evaluation.pairing import pair
from joint_ie.models.checkpoint import collator_for, continued_model, new_model, save_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.relabelling import relabelled_model
from joint_ie.models.sources import find_model
from joint_ie.schema import Schema
from joint_ie.settings import to_mapping
from joint_ie.training.adaptation import Adaptation, TaughtSet, Teacher
from joint_ie.training.configuration import Experiment
from joint_ie.training.data import (
    TrainingCorpus,
    check_dev_apart,
    check_unseen,
    dev_documents,
    explained_labels,
    fingerprints,
    known_facts,
    load_documents,
    schema_for,
    training_documents,
)
from joint_ie.training.final_scores import score_test
from joint_ie.training.finish import add_card, tune_checkpoint, write_json
from joint_ie.training.generation import run_generation
from joint_ie.training.loop import TrainingResult, check_new_folder, train
from joint_ie.training.validation import validate

logger = logging.getLogger(__name__)


def run_experiment(experiment: Experiment, folder: Path, resume: bool = False) -> TrainingResult:
    """Train as the experiment says, into ``folder`` (see `training.loop.train`), and score its test corpus."""
    if not resume:
        check_new_folder(folder)
    data = experiment.data
    schema = schema_for(data)
    with explained_labels(data):
        dev = dev_documents(data, schema, data.dev_limit)
        test = load_documents(data.test, schema, data.test_reader) if data.test else []
    pair(dev, ())  # raises for repeated ids, which would stop the first validation
    pair(test, ())
    set_seed(experiment.training.seed)
    run = run_generation if experiment.generation else _joint
    result = run(experiment, schema, dev, test, folder, resume)
    if data.test and (folder / "best").is_dir():
        score_test(folder, data.test, test, experiment.validation, known_facts(data, schema))
    return result


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
    training = training_set(experiment, data.train, schema, collator, experiment.training.seed)
    check_unseen(test, [*training.documents, *dev], f"{data.test}")
    if experiment.chooses:
        check_dev_apart(dev, training.documents, data.dev)

    def save(model: torch.nn.Module, target: Path) -> None:
        assert isinstance(model, JointModel)
        save_checkpoint(model, tokenizer, target)
        experiment.write(target)

    def evaluate(model: torch.nn.Module) -> Mapping[str, float]:
        assert isinstance(model, JointModel)
        return validate(model, collator, dev, experiment.validation)

    def digests(learned: TrainingSet) -> dict[str, str]:
        return fingerprints(learned.documents, learned.shares.tolist(), schema, dev)

    if experiment.adaptation and not (resume and _has_begun(folder)):
        taught = _taught_set(experiment, experiment.adaptation, schema, collator)
        logger.info("adaptation: %d documents", len(taught.batches.documents))
        before = folder / "adaptation"
        # killed before its first step, a run has no folder for it yet; a run without any folder cannot be resumed
        going_on = resume and (before.is_dir() or not folder.is_dir())
        stage, learned = experiment.adaptation.training, digests(taught.batches)
        train(model, taught, evaluate, save, stage, before, going_on, config=experiment, fingerprints=learned)
        model, _ = continued_model(experiment.model, schema, before / "last")
    logger.info("%d training documents, %d for validation", len(training.documents), len(dev))
    stage, learned = experiment.training, digests(training)
    result = train(model, training, evaluate, save, stage, folder, resume, config=experiment, fingerprints=learned)
    best = folder / "best"
    if experiment.tune and best.is_dir():
        logger.info("choosing thresholds on %s", experiment.data.dev)
        tune_checkpoint(best, dev_documents(data, schema))
    if best.is_dir():
        add_card(best)
    return result


def decide_anew(best: Path, output: Path, experiment: Experiment) -> None:
    """Copy a joint model's checkpoint into the empty folder ``output``, with thresholds as the experiment wants them.

    Its training must be that of the experiment; what was tuned before is forgotten.
    """
    for file in best.iterdir():
        shutil.copy(file, output)
    config = load_json(output / "config.json")
    write_json({**config, "model": to_mapping(experiment.model)}, output / "config.json")
    experiment.write(output)
    if experiment.tune:
        tune_checkpoint(output, dev_documents(experiment.data, schema_for(experiment.data)))
    add_card(output)


def _has_begun(folder: Path) -> bool:
    """Whether a run has a state to go on from, which an adaptation is part of."""
    return any(path.name.isdecimal() for path in (folder / "state").glob("*"))


def _taught_set(experiment: Experiment, adaptation: Adaptation, schema: Schema, collator: Collator) -> TaughtSet:
    settings = adaptation.training
    teacher = Teacher.load(find_model(adaptation.teacher), schema, settings.precision)
    batches = training_set(experiment, adaptation.train, schema, collator, settings.seed, unlabelled_pairs=True)
    return TaughtSet(batches, teacher, adaptation.loss, adaptation.weight)


def training_set(
    experiment: Experiment,
    sources: Sequence[TrainingCorpus],
    schema: Schema,
    collator: Collator,
    seed: int,
    unlabelled_pairs: bool = False,
) -> TrainingSet:
    """The training documents of ``sources``, as the experiment's model and settings want them."""
    with explained_labels(experiment.data):
        documents, shares = training_documents(sources, schema)
    settings = experiment.model
    marked = settings.relations.marked and settings.task_weights.relations > 0
    return TrainingSet(
        documents,
        shares,
        schema,
        collator,
        Negatives(
            0 if settings.mentions.segmenting else settings.mentions.negatives,
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
        evidence=settings.relations.evidence_weight > 0,
        max_antecedents=settings.coreference.antecedents,
        segmenting=settings.mentions.segmenting and settings.task_weights.mentions > 0,
    )
