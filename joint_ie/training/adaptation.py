"""A student that first learns what a teacher says about documents which people have not labelled, or not fully.

Tan et al. 2022 (KD-DocRE), equations 12 and 13: a model that was trained on annotated documents gives
logits to the pairs of distantly labelled ones, and another is drawn towards them (and towards the distant labels)
before it is trained on the annotated documents itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from joint_ie.encoding.batches import Collator
from joint_ie.encoding.targets import Distillation, Teaching
from joint_ie.encoding.training_set import TrainingBatch, TrainingSet
from joint_ie.errors import InputError, check_range
from joint_ie.models.checkpoint import collator_for, load_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.precision import Precision, autocast, default_device, resolve_precision
from joint_ie.models.stages import Stages
from joint_ie.schema import Schema
from joint_ie.training.data import TrainingCorpus
from joint_ie.training.settings import TrainingSettings


@dataclass(frozen=True)
class Adaptation:
    """What the model learns from a teacher before its training, into the run's folder ``adaptation`` (KD-DocRE)."""

    teacher: str
    """A checkpoint folder (or ``default``) with the same relation types; encoder and input may be others. Its logits
    should have a learned threshold class if the student's have."""
    train: tuple[TrainingCorpus, ...]
    """Documents with entities; their relation labels, if there are any, are learned as well. The pairs are drawn as in
    training: all, unless ``model.relations.negatives`` says how many."""
    loss: Distillation = "mse"
    """``mse`` of the logits, or ``kl``, the divergence of their softmax (KD-DocRE, table 6: mse)."""
    weight: float = 1.0
    """Its factor beside the loss of the relation labels (KD-DocRE, eq. 13: 1)."""
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        if not self.train:
            raise InputError("train is empty; name at least one corpus")
        check_range("weight", self.weight, above=0)


class Teacher:
    """What a trained model says about the pairs of training batches, which are those of another model.

    It reads the documents with its own tokenizer, with or without markers, as it was trained. The model becomes the
    teacher's own: it is frozen, and scores every pair.
    """

    def __init__(self, model: JointModel, collator: Collator, precision: Precision = "no") -> None:
        self.model = model.eval().requires_grad_(False)
        # pairs that are far apart are training pairs as well
        relations = replace(model.settings.relations, max_word_distance=1 << 40)
        model.settings = replace(model.settings, relations=relations)
        self.stages = Stages(model, collator)
        self.precision = precision

    @classmethod
    def load(cls, folder: Path, schema: Schema, precision: Precision = "auto") -> "Teacher":
        """From a checkpoint; `InputError` unless it gives logits to the relations of ``schema``, in their order."""
        model, tokenizer = load_checkpoint(folder)
        check_labels(folder, model.schema, schema)
        model.to(default_device())
        return cls(model, collator_for(model, tokenizer), resolve_precision(precision, model.device))

    @torch.no_grad()
    def logits(self, batch: TrainingBatch) -> Tensor:
        """Logits [pairs, 1 + relations] of the batch's ``targets.pairs``, in 32 bits, on the CPU."""
        pairs, mentions = batch.targets.pairs, batch.given.mentions
        if not len(pairs) or mentions is None:
            return torch.zeros(0, 1 + len(self.model.schema.relation_types))
        with autocast(self.model.device, self.precision):
            given = self.stages.batch(batch.given.documents, given=True)
            encoded, found = self.stages.given(given)
            scored = self.stages.pairs(given, encoded, found, plain=True, given=True)
            logits = scored.logits().cpu()
        # the teacher's are all pairs that a document asks about, ordered by head and tail
        keys = (scored.pairs.head * mentions.entities + scored.pairs.tail).cpu()
        return logits[torch.searchsorted(keys, pairs.head * mentions.entities + pairs.tail)]


class TaughtSet:
    """The batches of a training set, with a teacher's logits."""

    def __init__(self, batches: TrainingSet, teacher: Teacher, loss: Distillation, weight: float) -> None:
        self.batches = batches
        self.teacher = teacher
        self.loss = loss
        self.weight = weight

    def __call__(self, epoch: int) -> "TaughtBatches":
        """The batches of an epoch, in order."""
        return TaughtBatches(self, self.batches(epoch))

    def taught(self, batch: TrainingBatch) -> TrainingBatch:
        """The batch, with what the teacher says about its pairs."""
        teaching = Teaching(self.teacher.logits(batch), self.loss, self.weight)
        return replace(batch, targets=replace(batch.targets, teacher=teaching))


class TaughtBatches(Sequence[TrainingBatch]):
    """Batches whose pairs the teacher sees when they are asked for."""

    def __init__(self, source: TaughtSet, batches: Sequence[TrainingBatch]) -> None:
        self.source = source
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, position: int) -> TrainingBatch:  # type: ignore[override]
        return self.source.taught(self.batches[position])


def check_labels(folder: Path, teacher: Schema, student: Schema) -> None:
    """Raise `InputError` unless the teacher has the student's relations in the same order, and its entity types."""
    known, wanted = ([label.id for label in schema.relation_types] for schema in (teacher, student))
    if known != wanted:
        raise InputError(
            f"{folder}: knows {len(known)} relation types, which are not the {len(wanted)} of the training data in the "
            f"same order; take a teacher that was trained with the same schema"
        )
    for label in student.entity_types:
        teacher.check_entity_type(label.id, f"{folder}: the teacher's schema")
