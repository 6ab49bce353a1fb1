"""PEMSCL's whole loss against the published model (golden README 3d): values, predictions and gradients."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import linear

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.localized_context import LocalizedContext
from joint_ie.heads.pair_embedding import DenseEmbedding, GroupedProducts
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.relation_head import PairScores
from joint_ie.losses import decide_adaptive, pairwise_moving_threshold
from joint_ie.models.relation_objective import RelationObjective
from joint_ie.models.relation_settings import ContrastiveSettings, RelationSettings

# the released code's factor temperature / base is part of the weight
VARIANTS = {
    "mixed": ContrastiveSettings(0.1, 0.2, "released"),
    "single_precision_path": ContrastiveSettings(0.1, 0.2, "released-single-precision"),
    "mixed_tau2": ContrastiveSettings(0.1, 2.0, "released"),
}
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def assert_parity(actual: Tensor, expected: Tensor | float) -> None:
    """Golden README 8: float64 absolute, float32 relative to the largest value."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    tolerance = 1e-10 if actual.dtype == torch.float64 else 1e-5 * expected.abs().max().item()
    torch.testing.assert_close(actual.detach().double(), expected, rtol=0, atol=tolerance)


def objective(variant: str) -> RelationObjective:
    return RelationObjective(RelationSettings(loss="pairwise-moving-threshold-released", contrastive=VARIANTS[variant]))


@dataclass(frozen=True)
class Case:
    """One golden file; ``states`` and ``attention`` are the leaves."""

    golden: dict[str, Tensor]
    scalars: dict[str, float]
    states: Tensor
    attention: Tensor
    given: PairInput
    head: LocalizedContext


def load(shared: Path, seed: int, dtype: torch.dtype) -> Case:
    path = shared / "golden" / "heads" / "pemscl" / f"total_loss_seed{seed}"
    golden = load_file(path.with_suffix(".safetensors"))
    described = json.loads(path.with_suffix(".json").read_text())
    dims, ragged = described["dims"], described["ragged"]
    states = golden["sequence_output"].to(dtype).requires_grad_()  # [B, L, d]
    attention = golden["attention"].to(dtype).requires_grad_()  # [B, H, L, L]
    lengths = torch.tensor([document["length"] for document in dims["docs"]])
    offset = torch.cat([lengths[:1] * 0, lengths.cumsum(0)])
    hidden = torch.cat([states[document, :length] for document, length in enumerate(lengths.tolist())])
    places = [
        (document, start + ragged["offset"])
        for document, entities in enumerate(ragged["entity_pos"])
        for mentions in entities
        for start, _ in mentions
    ]
    rows = torch.tensor([int(offset[document]) + row for document, row in places])
    mentions = MentionIndex.build(ragged["entity_pos"], offset[:-1].tolist())
    document, head, tail = golden["pairs"].unbind(1)
    count = torch.bincount(mentions.entity_document)
    first = (count.cumsum(0) - count)[document]
    given = PairInput(
        hidden=hidden,
        token_offset=offset,
        rows=rows,
        attention=AttentionRows(
            torch.stack([attention[document, :, row] for document, row in places]), torch.zeros_like(rows)
        ),
        words=RangeMax(hidden, 1),
        word_offset=torch.zeros(2, dtype=torch.long),
        word_sentence=torch.zeros(1, dtype=torch.long),
        spans=hidden[rows],
        entities=hidden[:0],
        entity_type=torch.zeros(mentions.entities, dtype=torch.long),
        mentions=mentions,
        pairs=PairIndex(first + head, first + tail, document),
    )
    module = LocalizedContext(dims["d"], dims["emb_size"], dims["block_size"], dims["C"]).to(dtype)
    module.load_state_dict({name: golden[name] for name, _ in module.named_parameters()})
    return Case(golden, described["scalars"], states, attention, given, module)


@DTYPES
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_loss_and_gradients(shared: Path, seed: int, variant: str, dtype: torch.dtype) -> None:
    case = load(shared, seed, dtype)
    golden = case.golden
    scores = case.head(case.given)
    assert isinstance(scores.embedding, GroupedProducts)
    assert_parity(scores.logits, golden["logits"])
    assert torch.equal(decide_adaptive(scores.logits, 4), golden["pred_k4"][:, 1:].bool())
    scores.logits.retain_grad()
    loss = objective(variant)(scores, golden["labels"], case.given.pairs, training=True)
    loss.backward()
    assert_parity(loss, case.scalars[f"loss_total.{variant}"])
    assert_parity(scores.logits.grad, golden[f"grad_logits.{variant}"])
    if variant == "mixed":  # the others have no gradients further down
        assert_parity(case.states.grad, golden["grad_sequence_output.mixed"])
        assert_parity(case.attention.grad, golden["grad_attention.mixed"])
        for name, weight in case.head.named_parameters():
            assert_parity(weight.grad, golden[f"grad_{name}.mixed"])


@DTYPES
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_gradient_of_the_pair_representation(shared: Path, seed: int, variant: str, dtype: torch.dtype) -> None:
    """The built products, which both losses look at."""
    case = load(shared, seed, dtype)
    golden = case.golden
    products = golden["pair_representation"].to(dtype).requires_grad_()
    logits = linear(products, golden["bilinear.weight"].to(dtype), golden["bilinear.bias"].to(dtype))
    scores = PairScores(logits, DenseEmbedding(products))
    loss = objective(variant)(scores, golden["labels"], case.given.pairs, training=True)
    loss.backward()
    assert_parity(products.grad, golden[f"grad_pair_representation.{variant}"])


@pytest.mark.parametrize("seed", range(3))
def test_products_are_the_pair_representation(shared: Path, seed: int) -> None:
    """Cosines without the products."""
    case = load(shared, seed, torch.float64)
    built = case.golden["pair_representation"]
    rows = torch.arange(len(built))
    with torch.no_grad():
        assert_parity(case.head(case.given).embedding.cosines(rows), DenseEmbedding(built).cosines(rows))


@pytest.mark.parametrize("seed", range(3))
def test_first_loss_with_the_divisors_of_the_paper(shared: Path, seed: int) -> None:
    case = load(shared, seed, torch.float64)
    logits = case.golden["logits"].clone().requires_grad_()
    loss = pairwise_moving_threshold(logits, case.golden["labels"], entropy="mean")
    loss.backward()
    assert_parity(loss, case.scalars["loss_1_aligned"])
    assert_parity(logits.grad, case.golden["grad_logits_1_aligned"])
