"""Weights of tokens and sentences in localized contexts, and the losses of them, against DREEAM (golden README 6)."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads import pair_contexts as pair_contexts_module
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.localized_context import sentence_weights
from joint_ie.heads.pair_contexts import pair_contexts
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.losses import adaptive_threshold, attention_guidance, evidence_guidance

GOLDEN = Path(__file__).parents[1] / "golden" / "dreeam"


def assert_parity(actual: Tensor, expected: Tensor | float) -> None:
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=actual.dtype), rtol=0, atol=1e-10)


@dataclass(frozen=True)
class Case:
    """One golden file; ``attention`` [B, heads, L, L] is the leaf, ``token_sentence`` [tokens] as in training."""

    golden: dict[str, Tensor]
    scalars: dict[str, float]
    attention: Tensor
    given: PairInput
    token_sentence: Tensor

    @property
    def positions(self) -> Tensor:
        """One-hot positions in the document [tokens, L], whose contexts are the weights of tokens."""
        position = torch.cat([torch.arange(n) for n in self.given.token_offset.diff().tolist()])
        return torch.eye(self.attention.shape[-1], dtype=self.attention.dtype)[position]

    def weights_of_tokens(self) -> Tensor:
        given = self.given
        return pair_contexts(given.attention, given.mentions, self.positions, given.token_offset, given.pairs, "exact")


@pytest.fixture(params=[(seed, way) for seed in range(3) for way in ("whole", "blocks")])
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Both ways through a document: at once, and in blocks of positions with a few pairs at a time."""
    seed, way = request.param
    if way == "blocks":
        monkeypatch.setattr(pair_contexts_module, "BLOCK", 5)
        monkeypatch.setattr(pair_contexts_module, "ELEMENTS", 40)
    golden = load_file(GOLDEN / f"evidence_loss_seed{seed}.safetensors")
    described = json.loads((GOLDEN / f"evidence_loss_seed{seed}.json").read_text())
    dims, ragged = described["dims"], described["ragged"]
    attention = golden["attention"].clone().requires_grad_()
    lengths = [document["length"] for document in dims["docs"]]
    offset = torch.tensor([0, *lengths]).cumsum(0)
    rows, values, entities = [], [], []
    token_sentence = torch.full((int(offset[-1]),), -1)
    for document, found in enumerate(ragged["entity_pos"]):
        for spans in found:
            for start, _ in spans:
                rows.append(int(offset[document]) + start + ragged["offset"])
                values.append(attention[document, :, start + ragged["offset"]])
        entities.append([[(0, 1)] * len(spans) for spans in found])  # word spans are not looked at
        first = int(offset[document]) + ragged["offset"]
        for number, (start, end) in enumerate(ragged["sentence_spans"][document]):
            token_sentence[first + start : first + end] = number
    mentions = MentionIndex.build(entities, [0] * len(entities))
    document, head, tail = golden["pairs"].unbind(1)
    count = torch.bincount(mentions.entity_document)
    before = (count.cumsum(0) - count)[document]
    hidden = torch.cat([states[:length] for states, length in zip(golden["sequence_output"], lengths, strict=True)])
    row = torch.tensor(rows)
    given = PairInput(
        hidden=hidden,
        token_offset=offset,
        rows=row,
        attention=AttentionRows(torch.stack(values), torch.zeros_like(row)),
        words=RangeMax(hidden, 1),
        word_offset=torch.zeros(2, dtype=torch.long),
        word_sentence=torch.zeros(1, dtype=torch.long),
        spans=hidden[row],
        entities=hidden[:0],
        entity_type=torch.zeros(mentions.entities, dtype=torch.long),
        mentions=mentions,
        pairs=PairIndex(before + head, before + tail, document),
    )
    return Case(golden, described["scalars"], attention, given, token_sentence)


def test_weights_of_tokens_and_sentences(case: Case) -> None:
    golden = case.golden
    assert_parity(case.weights_of_tokens(), golden["token_distribution"])
    sentences = sentence_weights(case.given, case.token_sentence, golden["sentence_distribution"].shape[1])
    assert_parity(sentences, golden["sentence_distribution"])
    predicted = golden["evidence_pred"]
    assert torch.equal((sentences > 0.2).long(), predicted[:, : sentences.shape[1]])
    assert not predicted[:, sentences.shape[1] :].any()


def test_evidence_loss_and_gradient(case: Case) -> None:
    golden = case.golden
    counts = golden["sentence_labels"]
    sentences = sentence_weights(case.given, case.token_sentence, counts.shape[1])
    loss = evidence_guidance(sentences, counts, golden["labels"][:, 1:].bool().any(1))
    assert_parity(loss, case.scalars["loss_evidence"])
    loss.backward()
    assert_parity(case.attention.grad, golden["grad_attention.evidence"])


def test_attention_loss_and_gradient(case: Case) -> None:
    loss = attention_guidance(case.weights_of_tokens(), case.golden["teacher_token_attention"])
    assert_parity(loss, case.scalars["loss_attention"])
    loss.backward()
    assert_parity(case.attention.grad, case.golden["grad_attention.attention"])


def test_relation_loss(case: Case) -> None:
    assert_parity(adaptive_threshold(case.golden["logits"], case.golden["labels"]), case.scalars["loss_relation"])
