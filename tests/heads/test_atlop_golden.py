"""Localized context against the published pair module (golden README 1b): values, predictions and gradients."""

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from joint_ie.heads.localized_context import LocalizedContext
from joint_ie.heads.pair_contexts import entity_attention, pair_contexts
from joint_ie.heads.segments import segment_logsumexp
from joint_ie.losses import adaptive_threshold, decide_adaptive


@pytest.fixture(params=(0, 1, 2))
def case(request: pytest.FixtureRequest, published: ModuleType) -> Any:
    return published.case(request, "atlop/pair_module", request.param)


@pytest.fixture
def head(case: Any) -> LocalizedContext:
    sizes = [case.dims[name] for name in ("d", "emb_size", "block_size", "C")]
    head = LocalizedContext(*sizes).double()
    case.load_weights(head)
    return head


def test_entities_and_contexts(case: Any, blocks: None) -> None:
    golden, given = case.golden, case.pair_input()
    length = golden["pair_attention"].shape[1]
    states = given.hidden[given.rows]
    embeddings = segment_logsumexp(states, given.mentions.entity, given.mentions.mention_count)
    case.assert_parity(embeddings, golden["entity_embeddings"])
    case.assert_parity(entity_attention(given.attention, given.mentions, 0, length), golden["entity_attention"])
    context = pair_contexts(given.attention, given.mentions, given.hidden, given.token_offset, given.pairs)
    case.assert_parity(context, golden["context"])
    # the context of one-hot states is the normalised attention itself
    position = torch.cat([torch.arange(n) for n in [*given.token_offset.diff().tolist(), 1]])
    one_hot = torch.eye(length, dtype=torch.float64)[position]
    weights = pair_contexts(given.attention, given.mentions, one_hot, given.token_offset, given.pairs)
    case.assert_parity(weights, golden["pair_attention"])


def test_logits_loss_and_predictions(case: Any, head: LocalizedContext, blocks: None) -> None:
    golden = case.golden
    seen: list[tuple[Tensor, Tensor]] = []
    head.bilinear.register_forward_pre_hook(lambda module, arguments: seen.append(arguments))
    logits = head(case.pair_input()).logits
    case.assert_parity(seen[0][0], golden["z_s"])
    case.assert_parity(seen[0][1], golden["z_o"])
    case.assert_parity(logits, golden["logits"])
    case.assert_parity(adaptive_threshold(logits, golden["labels"]), case.scalars["loss"])
    assert torch.equal(decide_adaptive(logits, 3), golden["pred_k3"][:, 1:].bool())


def test_gradients(case: Any, head: LocalizedContext, blocks: None) -> None:
    logits = head(case.pair_input()).logits
    logits.retain_grad()
    adaptive_threshold(logits, case.golden["labels"]).backward()
    case.assert_parity(logits.grad, case.golden["grad_logits"])
    case.assert_input_gradients()
    case.assert_weight_gradients(head)
