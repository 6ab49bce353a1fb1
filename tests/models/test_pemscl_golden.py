"""PEMSCL's whole loss against the published model (golden README 3d): values, predictions and gradients."""

from types import ModuleType
from typing import Any

import pytest
import torch
from torch.nn.functional import linear

from joint_ie.heads.localized_context import LocalizedContext
from joint_ie.heads.pair_embedding import DenseEmbedding, GroupedProducts
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


def objective(variant: str) -> RelationObjective:
    return RelationObjective(RelationSettings(loss="pairwise-moving-threshold-released", contrastive=VARIANTS[variant]))


@pytest.fixture
def dtype() -> torch.dtype:
    """Of tests that have no choice."""
    return torch.float64


@pytest.fixture
def case(request: pytest.FixtureRequest, published: ModuleType, seed: int, dtype: torch.dtype) -> Any:
    return published.case(request, "pemscl/total_loss", seed, dtype)


@pytest.fixture
def head(case: Any) -> LocalizedContext:
    sizes = [case.dims[name] for name in ("d", "emb_size", "block_size", "C")]
    head = LocalizedContext(*sizes).to(case.dtype)
    case.load_weights(head)
    return head


@DTYPES
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_loss_and_gradients(case: Any, head: LocalizedContext, variant: str) -> None:
    golden, given = case.golden, case.pair_input()
    scores = head(given)
    assert isinstance(scores.embedding, GroupedProducts)
    case.assert_parity(scores.logits, golden["logits"])
    assert torch.equal(decide_adaptive(scores.logits, 4), golden["pred_k4"][:, 1:].bool())
    scores.logits.retain_grad()
    loss = objective(variant)(scores, golden["labels"], given.pairs, training=True)
    loss.backward()
    case.assert_parity(loss, case.scalars[f"loss_total.{variant}"])
    case.assert_parity(scores.logits.grad, golden[f"grad_logits.{variant}"])
    if variant == "mixed":  # the others have no gradients further down
        case.assert_input_gradients(".mixed")
        case.assert_weight_gradients(head, ".mixed")


@DTYPES
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_gradient_of_the_pair_representation(case: Any, dtype: torch.dtype, variant: str) -> None:
    """The built products, which both losses look at."""
    golden = case.golden
    products = golden["pair_representation"].to(dtype).requires_grad_()
    logits = linear(products, golden["bilinear.weight"].to(dtype), golden["bilinear.bias"].to(dtype))
    scores = PairScores(logits, DenseEmbedding(products))
    loss = objective(variant)(scores, golden["labels"], case.pair_input().pairs, training=True)
    loss.backward()
    case.assert_parity(products.grad, golden[f"grad_pair_representation.{variant}"])


@pytest.mark.parametrize("seed", range(3))
def test_products_are_the_pair_representation(case: Any, head: LocalizedContext) -> None:
    """Cosines without the products."""
    built = case.golden["pair_representation"]
    rows = torch.arange(len(built))
    with torch.no_grad():
        case.assert_parity(head(case.pair_input()).embedding.cosines(rows), DenseEmbedding(built).cosines(rows))


@pytest.mark.parametrize("seed", range(3))
def test_first_loss_with_the_divisors_of_the_paper(case: Any) -> None:
    logits = case.golden["logits"].clone().requires_grad_()
    loss = pairwise_moving_threshold(logits, case.golden["labels"], entropy="mean")
    loss.backward()
    case.assert_parity(loss, case.scalars["loss_1_aligned"])
    case.assert_parity(logits.grad, case.golden["grad_logits_1_aligned"])
