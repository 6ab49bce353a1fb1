"""What is measured: the package, the bare encoder on the same documents, and the naive baseline."""

import copy
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch
from timing import Stages
from torch import nn

from joint_ie import load
from joint_ie.document import Document
from joint_ie.encoding.grouping import by_length
from joint_ie.encoding.training_set import TrainingBatch
from joint_ie.encoding.windows import Windows
from joint_ie.extraction import Extractor
from joint_ie.models.config import JointConfig
from joint_ie.models.joint import JointModel
from joint_ie.models.precision import autocast
from joint_ie.models.prediction import Predictor
from joint_ie.settings import load_yaml
from joint_ie.training.configuration import Experiment
from joint_ie.training.experiment import training_set
from joint_ie.training.optimisation import adamw, parameter_groups, set_learning_rates

CONFIGS = Path(__file__).parents[2] / "configs"
BATCH_WORDS = 3000


class Subject:
    """A model with the bare encoder in it: called with SDPA on length-sorted batches, and nothing else."""

    def __init__(self, model: str, precision: str, batch_words: int = BATCH_WORDS) -> None:
        self.extractor: Extractor = load(model, precision=precision)
        assert isinstance(self.extractor.model, JointModel)
        self.model: JointModel = self.extractor.model
        self.batch_words = batch_words
        self.bare = copy.deepcopy(self.model.encoder.model)
        self.bare.config = copy.deepcopy(self.bare.config)
        for module in self.bare.modules():
            if hasattr(module, "config"):
                module.config = self.bare.config
        self.bare.set_attn_implementation("sdpa")

    @property
    def predictor(self) -> Predictor:
        predictor = self.extractor._predictor
        assert isinstance(predictor, Predictor)
        return predictor

    def windows(self, documents: Sequence[Document]) -> list[Windows]:
        """The batches that the extractor makes, as the encoder sees them."""
        lengths = [len(document.tokens) for document in documents]
        groups = by_length(lengths, self.batch_words, list(range(len(documents))))
        collator = self.predictor.stages.collator
        return [collator.plain([documents[i] for i in group]).windows for group in groups]

    def bare_forward(self, windows: Sequence[Windows]) -> Callable[[], None]:
        def run() -> None:
            with torch.no_grad(), autocast(self.model.device, self.extractor.precision):
                for batch in windows:
                    self.bare(input_ids=batch.input_ids, attention_mask=batch.attention_mask)

        return run

    def extraction(self, documents: Sequence[Document]) -> Callable[[], list[Document]]:
        bare = [replace(document, entities=(), relations=None, candidates=None) for document in documents]
        return lambda: list(self.extractor.pipe(bare, batch_words=self.batch_words))

    def from_text(self, documents: Sequence[Document]) -> Callable[[], list[Document]]:
        texts = [document.text for document in documents]
        return lambda: list(self.extractor.pipe(texts, batch_words=self.batch_words))

    def gold_entities(self, documents: Sequence[Document]) -> Callable[[], list[Document]]:
        return lambda: list(self.extractor.gold_entities(documents, batch_words=self.batch_words))

    def stages(self, run: Callable[[], object]) -> dict[str, float]:
        """CPU seconds of the stages of one run; what belongs to none of them is "rest"."""
        clock, predictor, model = Stages(), self.predictor, self.model
        timed = [
            (self.extractor, "_tokenise", "split into words"),
            (predictor.stages, "batch", "subwords"),
            (predictor.stages.collator, "marked", "subwords"),
            (model.encoder, "forward", "encode"),
            (model, "encode", "pool words"),
            (predictor.stages, "candidates", "mentions"),
            (predictor.stages, "mentions", "coreference"),
            (predictor.stages, "entities", "entities"),
            (predictor.stages, "pairs", "pairs"),
            (model.relation_scorer, "score", "relations"),
            (predictor, "_with_entities", "decode"),
            (predictor, "_with_relations", "decode"),
        ]
        with ExitStack() as patched:
            for owner, name, stage in timed:
                patched.enter_context(mock.patch.object(owner, name, clock.timed(stage, getattr(owner, name))))
            with clock.stage("rest"):
                run()
        return clock.seconds


JOINT, GOLD = "joint.yaml", "systems/atlop.yaml"


class Training:
    """A training step, optimiser included, and its bare encoder's two passes.

    Settings are those of ``config``: `JOINT` learns all four tasks, `GOLD` relations between given entities as ATLOP
    does. The encoder is the subject's.
    """

    def __init__(self, subject: Subject, config: str, corpus: str, documents: int, steps: int) -> None:
        mapping = load_yaml([str(CONFIGS / config)], [])
        mapping |= {"data": {"train": [{"corpus": corpus, "limit": documents}], "dev": corpus}}
        experiment = Experiment.from_mapping(mapping, where=f"configs/{config}")
        self.precision = subject.extractor.precision
        self.settings = experiment.training
        encoder = copy.deepcopy(subject.model.encoder.model)
        settings = replace(experiment.model, encoder=subject.model.settings.encoder)
        self.model = JointModel(JointConfig.build(settings, encoder.config, subject.model.schema), encoder).train()
        self.bare = copy.deepcopy(subject.bare).train()
        self.groups = parameter_groups(self.model, self.settings)
        self.optimizer = adamw(self.model, self.groups)
        schema, collator = self.model.schema, subject.predictor.stages.collator
        made = training_set(experiment, experiment.data.train, schema, collator, seed=1)
        self.batches: list[TrainingBatch] = list(made(0))[:steps]

    def step(self) -> None:
        set_learning_rates(self.optimizer, self.groups, 1e-9)  # the weights, and so the work, stay what they are
        for batch in self.batches:
            with autocast(self.model.device, self.precision):
                loss = self.model(batch).loss
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_gradient_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()

    def bare_step(self) -> None:
        for batch in self.batches:
            view = batch.given.plain or batch.given.marked
            assert view is not None
            with autocast(self.model.device, self.precision):
                states = self.bare(input_ids=view.windows.input_ids, attention_mask=view.windows.attention_mask)
            states.last_hidden_state.sum().backward()
            self.bare.zero_grad()
