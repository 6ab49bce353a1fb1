"""Pairs of documents that nobody annotated with relations, for a teacher to label."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from joint_ie.encoding.sampling import Negatives, draw, examples
from joint_ie.encoding.training_set import Budget, Joining, TrainingSet


def training_set(
    toy, documents, taught: bool, negatives=None, joining=None, documents_in_batch: int = 3
) -> TrainingSet:
    model = toy.model()
    return TrainingSet(
        documents,
        [1.0] * len(documents),
        toy.SCHEMA,
        toy.collator(model),
        negatives or Negatives(mentions=12, coreference=5),
        10,
        Budget(documents=documents_in_batch),
        seed=3,
        joining=joining,
        unlabelled_pairs=taught,
    )


def mixed(toy):
    return [toy.document(i, relations=3 if i % 3 else None) for i in range(12)]


def test_they_are_those_of_the_annotated_document_without_its_labels(toy) -> None:
    document = toy.document(1)
    index = toy.SCHEMA.relation_index
    labelled = examples(document, index, 4)
    bare = examples(replace(document, relations=None), index, 4, unlabelled_pairs=True)
    assert np.array_equal(bare.pairs, labelled.pairs) and bare.labels is None
    assert len(draw(bare, Negatives(relations=None), np.random.default_rng(0)).pair_rows) == len(bare.pairs)
    rows = draw(bare, Negatives(relations=5), np.random.default_rng(0)).pair_rows
    assert len(set(rows.tolist())) == 5 and rows.dtype == np.int64


def test_annotated_and_unlabelled_documents_are_in_batches_of_their_own(toy) -> None:
    documents = mixed(toy)
    training = training_set(toy, documents, taught=True)
    seen = []
    for batch in training(0):
        bare = {document.relations is None for document in batch.given.documents}
        assert bare == {not batch.targets.annotated}
        count = sum(len(d.entities) * (len(d.entities) - 1) for d in batch.given.documents)
        assert len(batch.targets.pairs) == len(batch.targets.labels) == count
        assert batch.targets.labels.any(dim=1).all() if batch.targets.annotated else not batch.targets.labels.any()
        seen += [document.id for document in batch.given.documents]
    assert sorted(seen) == sorted(document.id for document in documents)


def test_joined_documents_stay_apart_as_well(toy) -> None:
    training = training_set(toy, mixed(toy), taught=True, joining=Joining(share=1.0, most=3))
    for epoch in range(3):
        for batch in training(epoch):
            assert {document.relations is None for document in batch.given.documents} == {not batch.targets.annotated}


def test_a_mixture_is_refused(toy) -> None:
    training = training_set(toy, mixed(toy), taught=True)
    with pytest.raises(ValueError, match="batches of their own"):
        training.batch([(0,), (1,)], 0)


def test_without_a_teacher_nothing_changes(toy) -> None:
    """Batches are mixed, and unlabelled documents bring no pairs."""
    training = training_set(toy, mixed(toy), taught=False, documents_in_batch=12)
    (batch,) = training(0)
    assert batch.targets.annotated and batch.targets.teacher is None
    assert len(batch.targets.pairs) == 8 * 4 * 3
    assert batch.targets.labels.any(dim=1).all()
    moved = batch.to(torch.device("cpu"))
    assert moved.targets.annotated and moved.targets.teacher is None
