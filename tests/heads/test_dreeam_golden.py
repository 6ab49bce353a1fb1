"""Weights of tokens and sentences in localized contexts, and the losses of them, against DREEAM (golden README 6)."""

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from joint_ie.heads.localized_context import sentence_weights
from joint_ie.heads.pair_contexts import pair_contexts
from joint_ie.losses import adaptive_threshold, attention_guidance, evidence_guidance


@pytest.fixture(params=range(3))
def case(request: pytest.FixtureRequest, published: ModuleType) -> Any:
    return published.case(request, "dreeam/evidence_loss", request.param)


def weights_of_tokens(case: Any) -> Tensor:
    """One-hot positions in the document [tokens, L] have contexts that are the weights of tokens."""
    given = case.pair_input()
    position = torch.cat([torch.arange(n) for n in given.token_offset.diff().tolist()])
    one_hot = torch.eye(case.dims["L"], dtype=torch.float64)[position]
    return pair_contexts(given.attention, given.mentions, one_hot, given.token_offset, given.pairs, "exact")


def weights_of_sentences(case: Any, sentences: int) -> Tensor:
    given, ragged = case.pair_input(), case.described["ragged"]
    token_sentence = torch.full((len(given.hidden),), -1)
    for first, spans in zip(given.token_offset.tolist(), ragged["sentence_spans"], strict=False):
        for number, (start, end) in enumerate(spans):
            token_sentence[first + ragged["offset"] + start : first + ragged["offset"] + end] = number
    return sentence_weights(given, token_sentence, sentences)


def test_weights_of_tokens_and_sentences(case: Any, blocks: None) -> None:
    golden = case.golden
    case.assert_parity(weights_of_tokens(case), golden["token_distribution"])
    sentences = weights_of_sentences(case, golden["sentence_distribution"].shape[1])
    case.assert_parity(sentences, golden["sentence_distribution"])
    predicted = golden["evidence_pred"]
    assert torch.equal((sentences > 0.2).long(), predicted[:, : sentences.shape[1]])
    assert not predicted[:, sentences.shape[1] :].any()


def test_evidence_loss_and_gradient(case: Any, blocks: None) -> None:
    golden = case.golden
    counts = golden["sentence_labels"]
    sentences = weights_of_sentences(case, counts.shape[1])
    loss = evidence_guidance(sentences, counts, golden["labels"][:, 1:].bool().any(1))
    case.assert_parity(loss, case.scalars["loss_evidence"])
    loss.backward()
    case.assert_parity(case.attention.grad, golden["grad_attention.evidence"])


def test_attention_loss_and_gradient(case: Any, blocks: None) -> None:
    loss = attention_guidance(weights_of_tokens(case), case.golden["teacher_token_attention"])
    case.assert_parity(loss, case.scalars["loss_attention"])
    loss.backward()
    case.assert_parity(case.attention.grad, case.golden["grad_attention.attention"])


def test_relation_loss(case: Any) -> None:
    case.assert_parity(adaptive_threshold(case.golden["logits"], case.golden["labels"]), case.scalars["loss_relation"])
