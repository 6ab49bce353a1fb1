import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from joint_ie.errors import InputError
from joint_ie.losses import decide_adaptive, pairwise_moving_threshold, supervised_contrastive

FORMS = {"as_code": "released", "gammaPN": "mean", "gamma1": "sum"}
"""Golden README 3b's names of the entropy forms, and ours."""


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(3))
def test_golden_without_entropy(
    golden_case: Callable[..., Any], assert_parity: Callable[..., None], seed: int, dtype: torch.dtype
) -> None:
    case = golden_case("pemscl/pmt_loss", seed)
    logits, labels = case.tensors["logits"].to(dtype).requires_grad_(), case.tensors["labels"]
    assert_parity(pairwise_moving_threshold(logits, labels, "none", entropy=None), case.tensors["per_pair_loss"], dtype)
    assert_parity(pairwise_moving_threshold(logits, labels, "sum", entropy=None), case.scalars["loss_paper_sum"], dtype)
    loss = pairwise_moving_threshold(logits, labels, entropy=None)
    loss.backward()
    assert_parity(loss, case.scalars["loss_pmt"], dtype)
    assert_parity(logits.grad, case.tensors["grad_logits"], dtype)
    assert torch.equal(decide_adaptive(case.tensors["logits"], 4), case.tensors["pred_k4"][:, 1:].bool())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_golden_entropy(
    golden_case: Callable[..., Any], assert_parity: Callable[..., None], seed: int, form: str, dtype: torch.dtype
) -> None:
    case = golden_case("pemscl/em_term", seed)
    logits, labels = case.tensors["logits"].to(dtype).requires_grad_(), case.tensors["labels"]
    nothing = torch.zeros_like(labels)
    both = pairwise_moving_threshold(logits, labels, entropy=FORMS[form])
    entropy = both - pairwise_moving_threshold(logits, labels, entropy=None)
    positive = pairwise_moving_threshold(
        logits, labels, entropy=FORMS[form], negative_mask=nothing
    ) - pairwise_moving_threshold(logits, labels, entropy=None, negative_mask=nothing)
    assert_parity(both, case.scalars[f"loss_pmt_plus_em.{form}"], dtype)
    # The rest are differences of losses, of which float32 cancels the digits (golden README 8).
    single = 1e-4
    assert_parity(entropy, case.scalars[f"loss_em.{form}"], dtype, single)
    assert_parity(positive, case.scalars[f"loss_em_positive.{form}"], dtype, single)
    assert_parity(entropy - positive, case.scalars[f"loss_em_negative.{form}"], dtype, single)
    gradient = torch.autograd.grad(both, logits, retain_graph=True)[0]
    assert_parity(gradient, case.tensors[f"grad_logits_pmt_plus_em.{form}"], dtype)
    gradient = torch.autograd.grad(entropy, logits)[0]
    assert_parity(gradient, case.tensors[f"grad_logits_em.{form}"], dtype, single)


@pytest.mark.parametrize(("name", "entropy"), [("pmt_only", None), ("pmt_plus_em_as_code", "released")])
def test_real_documents(check_real_documents: Callable[..., None], name: str, entropy: str | None) -> None:
    check_real_documents("pemscl", name, partial(pairwise_moving_threshold, entropy=entropy), decide_adaptive)


TOTALS = {
    "mixed": ("released", 0.2, 0.1),
    "single_precision_path": ("released-single-precision", 0.2, 0.1),
    "mixed_tau2": ("released", 2.0, 0.1),
}
"""Form, temperature and weight of the contrastive loss; 0.2 / 2 is golden README 3d's factor."""


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("variant", TOTALS)
@pytest.mark.parametrize("seed", range(3))
def test_golden_total(
    shared: Path,
    golden_case: Callable[..., Any],
    assert_parity: Callable[..., None],
    seed: int,
    variant: str,
    dtype: torch.dtype,
) -> None:
    case = golden_case("pemscl/total_loss", seed, shared / "golden" / "heads")
    golden = {name: tensor.to(dtype) for name, tensor in case.tensors.items() if tensor.is_floating_point()}
    labels = case.tensors["labels"]
    pairs = golden["pair_representation"].requires_grad_()
    logits = F.linear(pairs, golden["bilinear.weight"], golden["bilinear.bias"])
    form, temperature, weight = TOTALS[variant]
    first = pairwise_moving_threshold(logits, labels, entropy="released")
    total = first + weight * supervised_contrastive(pairs, labels, temperature, form=form)
    assert_parity(first, case.scalars[f"loss_1.{variant}"], dtype)
    assert_parity(total, case.scalars[f"loss_total.{variant}"], dtype)
    gradients = torch.autograd.grad(total, (logits, pairs), retain_graph=True)
    assert_parity(gradients[0], case.tensors[f"grad_logits.{variant}"], dtype)
    assert_parity(gradients[1], case.tensors[f"grad_pair_representation.{variant}"], dtype)
    aligned = pairwise_moving_threshold(logits, labels, entropy="mean")
    assert_parity(aligned, case.scalars["loss_1_aligned"], dtype)
    assert_parity(torch.autograd.grad(aligned, logits)[0], case.tensors["grad_logits_1_aligned"], dtype)


def test_by_hand() -> None:
    logits = torch.tensor([[0.5, 2.0, -1.0, 0.5]], dtype=torch.float64)
    labels = torch.tensor([[0, 1, 0, 0]])
    margins = {1.5: 1, -1.5: 0, 0.0: 0}
    probability = {m: 1 / (1 + math.exp(-m)) for m in margins}
    entropy = {m: -p * math.log(p) - (1 - p) * math.log(1 - p) for m, p in probability.items()}
    likelihood = -sum(math.log(p if margins[m] else 1 - p) for m, p in probability.items())
    expected = {
        None: likelihood,
        "sum": likelihood + sum(entropy.values()),
        "mean": likelihood + entropy[1.5] + (entropy[-1.5] + entropy[0.0]) / 2,
    }
    for form, value in expected.items():
        assert pairwise_moving_threshold(logits, labels, entropy=form).item() == pytest.approx(value)
    mask = torch.tensor([[True, False, False, True]])  # the positive relation counts all the same
    masked = -math.log(probability[1.5]) + math.log(2) + entropy[1.5] + entropy[0.0] / 2
    assert pairwise_moving_threshold(logits, labels, negative_mask=mask).item() == pytest.approx(masked)


def test_bad_arguments() -> None:
    logits = torch.zeros(2, 3)
    with pytest.raises(InputError, match=r'"men".*did you mean "mean"'):
        pairwise_moving_threshold(logits, logits, entropy="men")
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2, 2\)"):
        pairwise_moving_threshold(logits, logits, negative_mask=torch.zeros(2, 2))
