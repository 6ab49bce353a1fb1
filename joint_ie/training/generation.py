"""The run of a configuration that has ``generation:`` instead of ``model:``: REBEL."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from joint_ie.document import Document
from joint_ie.encoding.source_target import SourceTargetSet
from joint_ie.models.seq2seq import Seq2SeqModel
from joint_ie.models.seq2seq_checkpoint import new_generator, save_generator, text_tokeniser
from joint_ie.models.seq2seq_prediction import Seq2SeqPredictor
from joint_ie.schema import Schema
from joint_ie.settings import to_mapping
from joint_ie.training.configuration import Experiment
from joint_ie.training.data import check_dev_apart, check_unseen, explained_labels, fingerprints, training_documents
from joint_ie.training.loop import TrainingResult, train
from joint_ie.training.model_card import generation_card
from joint_ie.training.validation import measure

logger = logging.getLogger(__name__)


def run_generation(
    experiment: Experiment,
    schema: Schema,
    dev: Sequence[Document],
    test: Sequence[Document],
    folder: Path,
    resume: bool,
) -> TrainingResult:
    """Train a generating model into ``folder`` (see `training.loop.train`).

    ``experiment.batches`` counts subwords of texts and targets together; its limit of entity pairs has no effect.
    """
    settings, data, training = experiment.generation, experiment.data, experiment.training
    assert settings is not None
    model, tokenizer = new_generator(settings, schema)
    with explained_labels(data):
        documents, shares = training_documents(data.train, schema)
    tokeniser = text_tokeniser(model, tokenizer)
    batches = SourceTargetSet(
        documents, shares, tokeniser, settings.order, settings.max_target, experiment.batches, training.seed
    )
    check_unseen(test, [*documents, *dev], f"{data.test}")
    if experiment.chooses:
        check_dev_apart(dev, documents, data.dev)
    config = to_mapping(experiment)

    def save(model: nn.Module, target: Path) -> None:
        assert isinstance(model, Seq2SeqModel)
        save_generator(model, tokenizer, target)
        experiment.write(target)
        (target / "README.md").write_text(generation_card(config, schema), encoding="utf-8")

    def evaluate(model: nn.Module) -> Mapping[str, float]:
        assert isinstance(model, Seq2SeqModel)
        predictor = Seq2SeqPredictor(model, tokenizer)
        metrics = measure(predictor, dev, experiment.validation)
        for reason, count in predictor.left_out.items():
            logger.info("%d %s", count, reason)
        return metrics

    logger.info("%d windows of training documents, %d documents for validation", len(batches.examples), len(dev))
    learned = fingerprints(documents, shares, schema, dev)
    return train(model, batches, evaluate, save, training, folder, resume, config=experiment, fingerprints=learned)
