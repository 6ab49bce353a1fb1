"""Localized context against the published pair module (golden README 1b): values, predictions and gradients."""

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
from joint_ie.heads.localized_context import LocalizedContext
from joint_ie.heads.pair_contexts import entity_attention, pair_contexts
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.segments import segment_logsumexp
from joint_ie.losses import adaptive_threshold, decide_adaptive

WEIGHTS = ("head_extractor", "tail_extractor", "bilinear")


def assert_parity(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)  # golden README 8


@dataclass(frozen=True)
class Case:
    """One golden file as this package's tensors; ``states`` and ``attention`` are the leaves, as golden has them."""

    golden: dict[str, Tensor]
    loss: float
    states: Tensor
    attention: Tensor
    given: PairInput
    head: LocalizedContext


@pytest.fixture(params=(0, 1, 2))
def case(request: pytest.FixtureRequest, shared: Path) -> Case:
    folder = shared / "golden" / "heads" / "atlop"
    golden = load_file(folder / f"pair_module_seed{request.param}.safetensors")
    described = json.loads((folder / f"pair_module_seed{request.param}.json").read_text())
    dims, ragged = described["dims"], described["ragged"]
    states = golden["sequence_output"].clone().requires_grad_()  # [B, L, d]
    attention = golden["attention"].clone().requires_grad_()  # [B, H, L, L]
    hidden, offset, rows, values, entities = [], [0], [], [], []
    for document, found in enumerate(ragged["entity_pos"]):
        entities.append([])
        for spans in found:
            kept = [start + ragged["offset"] for start, _ in spans if start + ragged["offset"] < dims["L"]]
            # The peer drops mentions beyond the padded length L and gives an entity with none left zeros (seed 2);
            # here nothing is ever dropped. Such an entity gets one mention at a token of zeros without attention,
            # behind all documents: log-sum-exp and mean of a single row are that row, so nothing else changes.
            rows += [offset[-1] + row for row in kept] or [-1]
            values += [attention[document, :, row] for row in kept] or [torch.zeros_like(attention[0, :, 0])]
            entities[-1].append([(0, 1)] * max(1, len(kept)))  # word spans are not looked at
        length = dims["docs"][document]["length"]
        hidden.append(states[document, :length])
        offset.append(offset[-1] + length)
    hidden.append(torch.zeros_like(states[0, :1]))
    flat = torch.cat(hidden)
    mentions = MentionIndex.build(entities, [0] * len(entities))
    row = torch.tensor([r if r >= 0 else len(flat) - 1 for r in rows])
    document, head, tail = golden["pairs"].unbind(1)
    count = torch.bincount(mentions.entity_document)
    first = (count.cumsum(0) - count)[document]
    given = PairInput(
        hidden=flat,
        token_offset=torch.tensor(offset),
        rows=row,
        attention=AttentionRows(torch.stack(values), torch.zeros_like(row)),
        words=RangeMax(flat, 1),
        word_offset=torch.zeros(2, dtype=torch.long),
        word_sentence=torch.zeros(1, dtype=torch.long),
        spans=flat[row],
        entities=flat[:0],
        entity_type=torch.zeros(mentions.entities, dtype=torch.long),
        mentions=mentions,
        pairs=PairIndex(first + head, first + tail, document),
    )
    module = LocalizedContext(dims["d"], dims["emb_size"], dims["block_size"], dims["C"]).double()
    module.load_state_dict({name: value for name, value in golden.items() if name.split(".")[0] in WEIGHTS})
    return Case(golden, described["scalars"]["loss"], states, attention, given, module)


@pytest.fixture(params=("whole", "blocks"))
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways through a document: at once, and in blocks of positions with a few pairs at a time."""
    if request.param == "blocks":
        monkeypatch.setattr(pair_contexts_module, "BLOCK", 5)
        monkeypatch.setattr(pair_contexts_module, "ELEMENTS", 40)


def test_entities_and_contexts(case: Case, blocks: None) -> None:
    golden, given = case.golden, case.given
    length = golden["pair_attention"].shape[1]
    states = given.hidden[given.rows]
    embeddings = segment_logsumexp(states, given.mentions.entity, given.mentions.mention_count)
    assert_parity(embeddings, golden["entity_embeddings"])
    assert_parity(entity_attention(given.attention, given.mentions, 0, length), golden["entity_attention"])
    context = pair_contexts(given.attention, given.mentions, given.hidden, given.token_offset, given.pairs)
    assert_parity(context, golden["context"])
    # the context of one-hot states is the normalised attention itself
    position = torch.cat([torch.arange(n) for n in [*given.token_offset.diff().tolist(), 1]])
    one_hot = torch.eye(length, dtype=torch.float64)[position]
    weights = pair_contexts(given.attention, given.mentions, one_hot, given.token_offset, given.pairs)
    assert_parity(weights, golden["pair_attention"])


def test_logits_loss_and_predictions(case: Case, blocks: None) -> None:
    golden = case.golden
    seen: list[tuple[Tensor, Tensor]] = []
    case.head.bilinear.register_forward_pre_hook(lambda module, arguments: seen.append(arguments))
    logits = case.head(case.given).logits
    assert_parity(seen[0][0], golden["z_s"])
    assert_parity(seen[0][1], golden["z_o"])
    assert_parity(logits, golden["logits"])
    assert_parity(adaptive_threshold(logits, golden["labels"]), torch.tensor(case.loss, dtype=torch.float64))
    assert torch.equal(decide_adaptive(logits, 3), golden["pred_k3"][:, 1:].bool())


def test_gradients(case: Case, blocks: None) -> None:
    golden = case.golden
    logits = case.head(case.given).logits
    logits.retain_grad()
    adaptive_threshold(logits, golden["labels"]).backward()
    assert_parity(logits.grad, golden["grad_logits"])
    assert_parity(case.states.grad, golden["grad_sequence_output"])
    assert_parity(case.attention.grad, golden["grad_attention"])
    for name, weight in case.head.named_parameters():
        assert_parity(weight.grad, golden[f"grad_{name}"])
