"""What the heads should say about a batch of documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from joint_ie.encoding.index import MentionIndex, OnDevice, PairIndex
from joint_ie.encoding.sampling import Examples, Sample

Distillation = Literal["mse", "kl"]


@dataclass(frozen=True)
class Teaching(OnDevice):
    """What another model says about the pairs of a batch: ``logits`` [pairs, 1 + relations].

    ``loss`` draws the student's logits towards them, with the factor ``weight`` beside the loss of the labels.
    """

    logits: Tensor
    loss: Distillation
    weight: float


@dataclass(frozen=True)
class Evidence(OnDevice):
    """The sentences that people named as evidence of relations (DREEAM; golden README 6).

    Shapes: ``counts`` [pairs, sentences], how many relations of a pair cite a sentence of its document; ``related``
    [pairs] bool, pairs with a relation, where the document's relations have any evidence at all; ``token_sentence``
    [tokens] the sentence of every token that relations are read from, -1 for special tokens.
    """

    counts: Tensor
    related: Tensor
    token_sentence: Tensor


@dataclass(frozen=True)
class Targets(OnDevice):
    """What the heads should say about a batch.

    Shapes: ``spans`` [spans, 2] flat words, ``is_mention`` [spans] bool; ``mention_pairs`` [n, 2] rows of the
    batch's mentions, ``same_entity`` [n] bool, ``edit_distance`` [n]; ``pairs`` of entities, ``labels``
    [pairs, 1 + relations] bool, column 0 true where no relation holds. Where ``annotated`` is false nobody has
    labelled the pairs, ``labels`` are false throughout, and only the ``teacher`` says what holds. ``evidence`` is None
    where no relation of the batch has any, or nobody asks for it. ``segments`` [n, 2] are mentions that share no word
    (see `encoding.segments`), None only where no detector asks for them.
    """

    spans: Tensor
    is_mention: Tensor
    mention_pairs: Tensor
    same_entity: Tensor
    edit_distance: Tensor
    pairs: PairIndex
    labels: Tensor
    annotated: bool = True
    teacher: Teaching | None = None
    evidence: Evidence | None = None
    segments: Tensor | None = None


def targets(
    found: Sequence[Examples],
    samples: Sequence[Sample],
    word_offset: Tensor,
    mentions: MentionIndex,
    relations: int,
    token_sentence: Tensor | None = None,
) -> Targets:
    """Drawn examples of the documents of a batch, with positions in the batch.

    Documents that bring pairs have all of them relation annotation, or none has. ``token_sentence`` as in `Evidence`;
    None leaves evidence out.
    """
    annotated = {example.labels is not None for example in found if example.pairs is not None}
    if len(annotated) > 1:
        raise ValueError("pairs with and without relation annotation need batches of their own")
    mention_counts = np.array([len(e.gold_spans) for e in found])
    first_mention = mention_counts.cumsum() - mention_counts
    entity_counts = torch.bincount(mentions.entity_document, minlength=len(found)).numpy()
    first_entity = entity_counts.cumsum() - entity_counts
    pairs: list[np.ndarray] = []
    document: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for i, (example, sample) in enumerate(zip(found, samples, strict=True)):
        if example.pairs is None or sample.pair_rows is None:
            continue
        dense = np.zeros((len(example.pairs), 1 + relations), dtype=bool)
        if example.labels is not None:
            dense[example.labels[:, 0], 1 + example.labels[:, 1]] = True
            dense[:, 0] = ~dense.any(axis=1)
        pairs.append(example.pairs[sample.pair_rows] + first_entity[i])
        labels.append(dense[sample.pair_rows])
        document.append(np.full(len(sample.pair_rows), i))
    head_tail = torch.from_numpy(np.concatenate([*pairs, np.zeros((0, 2), np.int64)]))
    segments = [e.segments.spans + int(o) for e, o in zip(found, word_offset, strict=False) if e.segments is not None]
    return Targets(
        spans=_joined([s.spans + int(o) for s, o in zip(samples, word_offset, strict=False)]),
        is_mention=_joined([np.arange(len(s.spans)) < s.gold for s in samples]),
        mention_pairs=_joined([s.mention_pairs + o for s, o in zip(samples, first_mention, strict=True)]),
        same_entity=_joined([np.arange(len(s.mention_pairs)) < s.same for s in samples]),
        edit_distance=_joined([s.edit_distance for s in samples]),
        pairs=PairIndex(head_tail[:, 0], head_tail[:, 1], _joined([*document, np.zeros(0, np.int64)])),
        labels=_joined([*labels, np.zeros((0, 1 + relations), dtype=bool)]),
        annotated=annotated != {False},
        evidence=None if token_sentence is None else _evidence(found, samples, token_sentence),
        segments=_joined(segments) if len(segments) == len(found) else None,
    )


def _evidence(found: Sequence[Examples], samples: Sequence[Sample], token_sentence: Tensor) -> Evidence | None:
    """Counts in the order of the drawn pairs; None if all are 0."""
    sentences = int(token_sentence.max()) + 1
    counts, related = [], []
    for example, sample in zip(found, samples, strict=True):
        if example.pairs is None or sample.pair_rows is None:
            continue
        dense = np.zeros((len(example.pairs), sentences), dtype=np.int64)
        holds = np.zeros(len(example.pairs), dtype=bool)
        if example.labels is not None and example.evidence is not None and len(example.evidence):
            row, sentence, count = example.evidence.T
            dense[row, sentence] = count
            holds[example.labels[:, 0]] = True
        counts.append(dense[sample.pair_rows])
        related.append(holds[sample.pair_rows])
    if not any(part.any() for part in related):
        return None
    return Evidence(_joined(counts), _joined(related), token_sentence)


def _joined(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays))
