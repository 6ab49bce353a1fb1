"""KD-DocRE's preprocessing of three Re-DocRED documents (golden README 1d): ATLOP's, with the diagonal as pairs."""

import json
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from joint_ie.corpora import docred_schema, read_docred
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.subwords import SubwordTokeniser
from joint_ie.encoding.training_set import Budget, TrainingSet
from joint_ie.heads.pair_grid import PairGrid
from joint_ie.models.checkpoint import load_tokenizer


@pytest.mark.parametrize("number", range(3))
def test_subwords_pairs_and_labels(number: int, shared: Path) -> None:
    stem = shared / "golden" / "heads" / "kd_docre" / f"preprocessing_redocred_dev_{number}"
    golden = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    stored = load_file(stem.with_suffix(".safetensors"))
    document = next(islice(read_docred(shared / "data" / "redocred" / "dev_revised.json"), number, None))
    # gte-small has the vocabulary that the golden files were made with (`test_preprocessing_golden.py`)
    tokenizer = load_tokenizer(shared / "encoders" / "gte-small")
    collator = Collator(SubwordTokeniser(tokenizer), max_length=512, overlap=128)
    schema = docred_schema()
    source = TrainingSet(
        [document], [1.0], schema, collator, Negatives(), 10, Budget(), seed=0, plain=False, marked=True
    )
    batch = source.batch([(0,)], epoch=0)
    mentions, pairs = batch.given.mentions, batch.targets.pairs
    assert batch.given.marked.windows.input_ids.tolist() == [golden["input_ids"]]
    rows = batch.given.marked.word_row[mentions.spans[:, 0]]
    assert rows.tolist() == [row for entity in golden["mention_rows"] for row in entity]

    # the same order: row-major; golden's diagonal has no relation and is no pair here, but it is a cell
    apart = stored["pairs"][:, 0] != stored["pairs"][:, 1]
    assert torch.equal(torch.stack((pairs.head, pairs.tail), 1), stored["pairs"][apart].long())
    columns = json.loads((shared / "data" / "docred" / "rel2id.json").read_text())
    order = torch.tensor([columns["Na"], *(columns[label.id] for label in schema.relation_types)])
    labels = stored["labels"].bool()
    assert torch.equal(batch.targets.labels[:, 1:].bool(), labels[apart][:, order][:, 1:])
    assert not labels[~apart, 1:].any()
    assert len(labels) == int(PairGrid.build(mentions, 1).mask.sum())
