"""Subwords, markers, entity pairs and labels of three Re-DocRED documents against golden README 1d."""

import hashlib
import json
from collections import Counter
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
from joint_ie.encoding.markers import typed_markers
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.subwords import MARKER, SubwordTokeniser
from joint_ie.encoding.training_set import Budget, TrainingSet
from joint_ie.models.checkpoint import load_tokenizer

VOCABULARY = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"  # golden joint README 1
NUMBERS = (0, 1, 2)
SYSTEMS = ("atlop", "pemscl", "docunet", "dreeam")
"""NCRL's labels are ATLOP's; KD-DocRE's, which have the diagonal, are tested with its distillation."""
DOCUNET = ("ORG", "LOC", "TIME", "PER", "MISC", "NUM")


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
@pytest.mark.parametrize("system", SYSTEMS)
def test_marked_subwords(
    system: str, number: int, shared: Path, tokenizer: PreTrainedTokenizerBase, documents: list[Document]
) -> None:
    golden, document = _golden(shared, system, number), documents[number]
    assert document.id == golden["dataset"]["title"]
    spans = gold_spans(document)
    (batch,) = _source(system, tokenizer, document)(0)
    view = batch.given.marked
    assert view.windows.input_ids.tolist() == [golden["input_ids"]]
    starts = [start for entity in spans for start, _ in entity]
    assert view.word_row[starts].tolist() == [row for entity in golden["mention_rows"] for row in entity]
    # every word keeps exactly the pieces it has on its own, and every other piece is a marker or [CLS], [SEP]
    words = tokenizer(list(document.words), add_special_tokens=False)["input_ids"]
    ids = view.windows.input_ids[0]
    assert [ids[part].tolist() for part in view.word_tokens.split(view.word_length.tolist())] == words
    others = np.setdiff1d(np.arange(len(ids)), view.word_tokens.numpy())
    markers = [
        marker
        for entity in document.entities
        for marker in (typed_markers(DOCUNET.index(entity.type)) if system == "docunet" else (MARKER,))
    ]
    expected = tokenizer.convert_tokens_to_ids([*markers, "[CLS]", "[SEP]"])
    assert set(ids[others].tolist()) == set(expected) and tokenizer.unk_token_id not in expected


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_pairs_and_labels(
    system: str, number: int, shared: Path, tokenizer: PreTrainedTokenizerBase, documents: list[Document]
) -> None:
    golden = _golden(shared, system, number)
    batch = _source(system, tokenizer, documents[number]).batch([(0,)], epoch=0)
    rows = batch.given.marked.word_row[batch.given.mentions.spans[:, 0]]
    assert rows.tolist() == [row for entity in golden["mention_rows"] for row in entity]

    # ours are row-major with the schema's columns; golden lists pairs with a label first and has DocRED's columns
    columns = json.loads((shared / "data" / "docred" / "rel2id.json").read_text())
    order = torch.tensor([columns["Na"], *(columns[label.id] for label in docred_schema().relation_types)])
    pairs, targets = batch.targets.pairs, batch.targets.labels
    labels = torch.zeros_like(targets)
    labels[:, order] = targets
    ours = {(h, t): row for h, t, row in zip(pairs.head.tolist(), pairs.tail.tolist(), labels, strict=True)}
    stored = load_file(shared / "golden" / "heads" / system / f"preprocessing_redocred_dev_{number}.safetensors")
    assert len(ours) == len(pairs) == golden["num_pairs"] == len(stored["pairs"])
    assert list(ours) == sorted(ours)
    for (head, tail), row, classes in zip(
        stored["pairs"].tolist(), stored["labels"], golden["label_classes"], strict=True
    ):
        assert torch.equal(ours[head, tail], row.bool())
        assert torch.nonzero(ours[head, tail]).squeeze(1).tolist() == classes
    assert int(targets[:, 1:].any(1).sum()) == golden["num_positive_pairs"]
    assert int(targets[:, 1:].sum()) == golden["num_labels_total"]


@pytest.mark.parametrize("number", NUMBERS)
def test_sentences_and_evidence(
    number: int, shared: Path, tokenizer: PreTrainedTokenizerBase, documents: list[Document]
) -> None:
    """What DREEAM's evidence loss compares: sentences in subwords, and how many facts of a pair cite each."""
    golden, document = _golden(shared, "dreeam", number), documents[number]
    spans = [span for entity in gold_spans(document) for span in entity]
    (subwords,) = SubwordTokeniser(tokenizer).marked([document], [spans])
    # golden counts before [CLS]; a sentence begins with the marker of its first word
    starts = [int(subwords.row[start]) - 1 for start, _ in document.sentence_spans]
    ends = [*starts[1:], len(subwords.ids) - 2]
    assert [list(span) for span in zip(starts, ends, strict=True)] == golden["sentence_spans"]
    rows = {(head, tail): i for i, (head, tail) in enumerate(golden["pairs"])}
    cited = Counter((rows[r.head, r.tail], sentence) for r in document.relations for sentence in r.evidence)
    assert sorted([*place, count] for place, count in cited.items()) == golden["sentence_labels_nonzero"]
    # the same as training data
    targets = _source("dreeam", tokenizer, document).batch([(0,)], epoch=0).targets
    for sentence, (start, end) in enumerate(golden["sentence_spans"]):
        inside = torch.nonzero(targets.evidence.token_sentence == sentence).squeeze(1)
        assert inside.tolist() == list(range(start + 1, end + 1))
    pairs = list(zip(targets.pairs.head.tolist(), targets.pairs.tail.tolist(), strict=True))
    found = [
        [rows[pairs[row]], sentence, int(targets.evidence.counts[row, sentence])]
        for row, sentence in torch.nonzero(targets.evidence.counts).tolist()
    ]
    assert sorted(found) == golden["sentence_labels_nonzero"]
    assert torch.equal(targets.evidence.related, targets.labels[:, 1:].any(1))


def _source(system: str, tokenizer: PreTrainedTokenizerBase, document: Document) -> TrainingSet:
    """The one document as training data of the system."""
    collator = Collator(SubwordTokeniser(tokenizer), max_length=512, overlap=128)
    typed = system == "docunet"
    return TrainingSet(
        [document],
        [1.0],
        docred_schema(),
        collator,
        Negatives(),
        10,
        Budget(),
        0,
        plain=False,
        marked=True,
        typed=typed,
        evidence=True,
    )


def _golden(shared: Path, system: str, number: int) -> dict:
    path = shared / "golden" / "heads" / system / f"preprocessing_redocred_dev_{number}.json"
    return json.loads(path.read_text(encoding="utf-8"))
