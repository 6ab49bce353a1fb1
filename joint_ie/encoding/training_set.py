"""Annotated documents as training batches under a token and a pair budget."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from joint_ie.document import Document
from joint_ie.encoding.batches import Batch, Collator, gold_spans, words_of
from joint_ie.encoding.index import MentionIndex, OnDevice, PairIndex
from joint_ie.encoding.sampling import Examples, Negatives, Sample, draw, examples
from joint_ie.encoding.subwords import Subwords
from joint_ie.schema import Schema


@dataclass(frozen=True)
class Targets(OnDevice):
    """What the heads should say about a batch.

    Shapes: ``spans`` [spans, 2] flat words, ``is_mention`` [spans] bool; ``mention_pairs`` [n, 2] rows of the
    batch's mentions, ``same_entity`` [n] bool, ``edit_distance`` [n]; ``pairs`` of entities, ``labels``
    [pairs, 1 + relations] bool, column 0 true where no relation holds.
    """

    spans: Tensor
    is_mention: Tensor
    mention_pairs: Tensor
    same_entity: Tensor
    edit_distance: Tensor
    pairs: PairIndex
    labels: Tensor


@dataclass(frozen=True)
class TrainingBatch:
    """A batch with its targets."""

    given: Batch
    targets: Targets

    def to(self, device: torch.device) -> "TrainingBatch":
        """The same on another device."""
        return TrainingBatch(self.given.to(device), self.targets.to(device))


@dataclass(frozen=True)
class Budget:
    """Limits of one batch; a single document may exceed them. ``buffer`` documents are sorted by length together."""

    tokens: int = 1200
    pairs: int = 4000
    documents: int = 8
    buffer: int = 64


class TrainingSet:
    """Documents, each with the share of epochs in which it is visited.

    Calling it with an epoch gives that epoch's batches: a sequence that depends on seed and epoch alone. Subwords
    and examples are computed once, negatives drawn at every visit.

    Args:
        documents: annotated documents; labels must be in the schema.
        shares: [documents] the probability in (0, 1] of being part of an epoch.
        plain, marked: which views the model needs.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        shares: Sequence[float],
        schema: Schema,
        collator: Collator,
        negatives: Negatives,
        max_width: int,
        budget: Budget,
        seed: int,
        plain: bool = True,
        marked: bool = False,
    ) -> None:
        self.documents = list(documents)
        self.shares = np.array(shares)
        self.schema = schema
        self.collator = collator
        self.negatives = negatives
        self.budget = budget
        self.seed = seed
        self.examples = [examples(document, schema.relation_index, max_width) for document in documents]
        tokeniser = collator.tokeniser
        self.plain = tokeniser.plain(documents) if plain else None
        spans = [[span for entity in gold_spans(document) for span in entity] for document in documents]
        self.marked = tokeniser.marked(documents, spans) if marked else None

    def __call__(self, epoch: int) -> "EpochBatches":
        """The batches of an epoch, in order."""
        random = np.random.default_rng((self.seed, epoch))
        chosen = np.flatnonzero(random.random(len(self.documents)) < self.shares)
        order = random.permutation(chosen)
        groups = [
            group
            for i in range(0, len(order), self.budget.buffer)
            for group in self._groups(order[i : i + self.budget.buffer].tolist())
        ]
        return EpochBatches(self, epoch, [groups[i] for i in random.permutation(len(groups))])

    def _groups(self, members: Sequence[int]) -> Iterator[list[int]]:
        """Cut a buffer, sorted by length, into groups within the budget."""
        views: list[list[Subwords]] = [view for view in (self.plain, self.marked) if view is not None]
        length = {i: max(len(view[i].ids) for view in views) for i in members}
        group: list[int] = []
        pairs = 0
        for i in sorted(length, key=lambda i: (-length[i], i)):
            found = self.examples[i].pairs
            more = 0 if found is None else len(found)
            padded = (len(group) + 1) * length[group[0] if group else i]
            full = (
                len(group) >= self.budget.documents or padded > self.budget.tokens or pairs + more > self.budget.pairs
            )
            if group and full:
                yield group
                group, pairs = [], 0
            group.append(i)
            pairs += more
        if group:
            yield group

    def batch(self, members: Sequence[int], epoch: int) -> TrainingBatch:
        """The documents ``members`` as a batch, with negatives of that epoch."""
        documents = [self.documents[i] for i in members]
        words = words_of(documents)
        mentions = MentionIndex.build([gold_spans(document) for document in documents], words.offset[:-1].tolist())
        types = [self.schema.entity_index[entity.type] for document in documents for entity in document.entities]
        given = Batch(
            documents=tuple(documents),
            words=words,
            plain=self.collator.view([self.plain[i] for i in members]) if self.plain else None,
            marked=self.collator.view([self.marked[i] for i in members]) if self.marked else None,
            mentions=mentions,
            entity_type=torch.tensor(types, dtype=torch.long),
        )
        samples = [
            draw(self.examples[i], self.negatives, np.random.default_rng((self.seed, epoch, i))) for i in members
        ]
        found = [self.examples[i] for i in members]
        return TrainingBatch(given, targets(found, samples, words.offset, mentions, len(self.schema.relation_types)))


class EpochBatches(Sequence[TrainingBatch]):
    """Batches made when they are asked for."""

    def __init__(self, source: TrainingSet, epoch: int, groups: Sequence[Sequence[int]]) -> None:
        self.source = source
        self.epoch = epoch
        self.groups = groups

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, position: int) -> TrainingBatch:  # type: ignore[override]
        return self.source.batch(self.groups[position], self.epoch)


def targets(
    found: Sequence[Examples],
    samples: Sequence[Sample],
    word_offset: Tensor,
    mentions: MentionIndex,
    relations: int,
) -> Targets:
    """Drawn examples of the documents of a batch, with positions in the batch."""
    mention_counts = np.array([len(e.gold_spans) for e in found])
    first_mention = mention_counts.cumsum() - mention_counts
    entity_counts = torch.bincount(mentions.entity_document, minlength=len(found)).numpy()
    first_entity = entity_counts.cumsum() - entity_counts
    pairs: list[np.ndarray] = []
    document: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for i, (example, sample) in enumerate(zip(found, samples, strict=True)):
        if example.pairs is None or example.labels is None or sample.pair_rows is None:
            continue
        dense = np.zeros((len(example.pairs), 1 + relations), dtype=bool)
        dense[example.labels[:, 0], 1 + example.labels[:, 1]] = True
        dense[:, 0] = ~dense.any(axis=1)
        pairs.append(example.pairs[sample.pair_rows] + first_entity[i])
        labels.append(dense[sample.pair_rows])
        document.append(np.full(len(sample.pair_rows), i))
    head_tail = torch.from_numpy(np.concatenate([*pairs, np.zeros((0, 2), np.int64)]))
    return Targets(
        spans=_joined([s.spans + int(o) for s, o in zip(samples, word_offset, strict=False)]),
        is_mention=_joined([np.arange(len(s.spans)) < s.gold for s in samples]),
        mention_pairs=_joined([s.mention_pairs + o for s, o in zip(samples, first_mention, strict=True)]),
        same_entity=_joined([np.arange(len(s.mention_pairs)) < s.same for s in samples]),
        edit_distance=_joined([s.edit_distance for s in samples]),
        pairs=PairIndex(head_tail[:, 0], head_tail[:, 1], _joined([*document, np.zeros(0, np.int64)])),
        labels=_joined([*labels, np.zeros((0, 1 + relations), dtype=bool)]),
    )


def _joined(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays))
