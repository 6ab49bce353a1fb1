"""Subwords, markers, entity pairs and labels of three Re-DocRED documents against golden README 1d."""

import hashlib
import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerBase

from joint_ie.corpora import docred_schema, read_docred
from joint_ie.document import Document
from joint_ie.encoding.batches import Collator, gold_spans
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.subwords import SubwordTokeniser
from joint_ie.encoding.training_set import Budget, TrainingSet
from joint_ie.models.checkpoint import load_tokenizer

VOCABULARY = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"  # golden joint README 1
NUMBERS = (0, 1, 2)


@pytest.fixture(scope="module")
def tokenizer(shared: Path) -> PreTrainedTokenizerBase:
    """gte-small's, which has the vocabulary that the golden files were made with."""
    loaded = load_tokenizer(shared / "encoders" / "gte-small")
    pieces = loaded.get_vocab()
    listed = "".join(f"{piece}\n" for piece in sorted(pieces, key=pieces.get))
    assert hashlib.sha256(listed.encode()).hexdigest() == VOCABULARY
    return loaded


@pytest.fixture(scope="module")
def documents(shared: Path) -> list[Document]:
    return list(islice(read_docred(shared / "data" / "redocred" / "dev_revised.json"), len(NUMBERS)))


@pytest.mark.parametrize("number", NUMBERS)
def test_marked_subwords(
    number: int, shared: Path, tokenizer: PreTrainedTokenizerBase, documents: list[Document]
) -> None:
    golden = _golden(shared, number)
    document = documents[number]
    assert document.id == golden["dataset"]["title"]
    spans = gold_spans(document)
    subwords = SubwordTokeniser(tokenizer).marked([document], [[span for entity in spans for span in entity]])[0]
    assert subwords.ids.tolist() == golden["input_ids"]
    assert [[int(subwords.row[start]) for start, _ in entity] for entity in spans] == golden["mention_rows"]
    # every word keeps exactly the pieces it has on its own, and every other piece is a marker or [CLS], [SEP]
    words = tokenizer(list(document.words), add_special_tokens=False)["input_ids"]
    pieces = [
        subwords.ids[start:end].tolist() for start, end in zip(subwords.word_start, subwords.word_end, strict=True)
    ]
    assert pieces == words
    others = np.setdiff1d(np.arange(len(subwords.ids)), np.concatenate([*_ranges(subwords)]))
    assert set(subwords.ids[others]) == set(tokenizer.convert_tokens_to_ids(["*", "[CLS]", "[SEP]"]))


@pytest.mark.parametrize("number", NUMBERS)
def test_pairs_and_labels(
    number: int, shared: Path, tokenizer: PreTrainedTokenizerBase, documents: list[Document]
) -> None:
    golden = _golden(shared, number)
    schema = docred_schema()
    collator = Collator(SubwordTokeniser(tokenizer), max_length=512, overlap=128)
    source = TrainingSet(
        [documents[number]], [1.0], schema, collator, Negatives(), 10, Budget(), seed=0, plain=False, marked=True
    )
    batch = source.batch([(0,)], epoch=0)
    assert batch.given.marked.windows.input_ids.tolist() == [golden["input_ids"]]
    rows = batch.given.marked.word_row[batch.given.mentions.spans[:, 0]]
    assert rows.tolist() == [row for entity in golden["mention_rows"] for row in entity]

    # ours are row-major with the schema's columns; golden lists pairs with a label first and has DocRED's columns
    columns = json.loads((shared / "data" / "docred" / "rel2id.json").read_text())
    order = torch.tensor([columns["Na"], *(columns[label.id] for label in schema.relation_types)])
    pairs, targets = batch.targets.pairs, batch.targets.labels
    labels = torch.zeros_like(targets)
    labels[:, order] = targets
    ours = {(h, t): row for h, t, row in zip(pairs.head.tolist(), pairs.tail.tolist(), labels, strict=True)}
    stored = load_file(shared / "golden" / "heads" / "atlop" / f"preprocessing_redocred_dev_{number}.safetensors")
    assert len(ours) == len(pairs) == golden["num_pairs"] == len(stored["pairs"])
    assert list(ours) == sorted(ours)
    for (head, tail), row, classes in zip(
        stored["pairs"].tolist(), stored["labels"], golden["label_classes"], strict=True
    ):
        assert torch.equal(ours[head, tail], row.bool())
        assert torch.nonzero(ours[head, tail]).squeeze(1).tolist() == classes
    assert int(targets[:, 1:].any(1).sum()) == golden["num_positive_pairs"]
    assert int(targets[:, 1:].sum()) == golden["num_labels_total"]


def _golden(shared: Path, number: int) -> dict:
    path = shared / "golden" / "heads" / "atlop" / f"preprocessing_redocred_dev_{number}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _ranges(subwords) -> list[np.ndarray]:
    return [np.arange(start, end) for start, end in zip(subwords.word_start, subwords.word_end, strict=True)]
