from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.losses import adaptive_focal, adaptive_threshold, decide_adaptive


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("gamma", [1, 2, 0.5])
@pytest.mark.parametrize(("weighting", "name"), [("paper", "paper"), ("released", "code")])
@pytest.mark.parametrize("seed", range(3))
def test_golden_loss_and_gradient(
    golden_case: Callable[..., Any],
    assert_parity: Callable[..., None],
    seed: int,
    weighting: str,
    name: str,
    gamma: float,
    dtype: torch.dtype,
) -> None:
    case = golden_case("kd_docre/af_loss", seed)
    logits = case.tensors["logits"].to(dtype).requires_grad_()
    loss = adaptive_focal(logits, case.tensors["labels"], gamma=gamma, weighting=weighting)
    loss.backward()
    assert_parity(loss, case.scalars[f"loss_{name}.gamma{gamma}"], dtype)
    assert_parity(logits.grad, case.tensors[f"grad_logits_{name}.gamma{gamma}"], dtype)


@pytest.mark.parametrize("seed", range(3))
def test_golden_decisions(golden_case: Callable[..., Any], seed: int) -> None:
    tensors = golden_case("kd_docre/af_loss", seed).tensors
    assert torch.equal(decide_adaptive(tensors["logits"], 4), tensors["pred_k4"][:, 1:].bool())


@pytest.mark.parametrize("gamma", [1, 2])
def test_real_documents(check_real_documents: Callable[..., None], gamma: int) -> None:
    loss = partial(adaptive_focal, gamma=gamma, weighting="released")
    check_real_documents("kd_docre", f"adaptive_focal_gamma{gamma}", loss, decide_adaptive)


def test_one_positive_relation_without_weight_is_the_adaptive_threshold() -> None:
    logits = torch.randn(9, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.nn.functional.one_hot(torch.arange(9) % 6, 6)
    expected = adaptive_threshold(logits, labels, "none")
    torch.testing.assert_close(adaptive_focal(logits, labels, "none", gamma=0), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_sure_positives_have_finite_gradients(dtype: torch.dtype) -> None:
    """1 - p rounds to 0, where its square root has an infinite slope."""
    logits = torch.tensor([[-1e3, 1e3, 0]], dtype=dtype, requires_grad=True)
    loss = adaptive_focal(logits, torch.tensor([[0, 1, 0]]), gamma=0.5)
    loss.backward()
    assert logits.grad.isfinite().all()


def test_gradcheck() -> None:
    labels = torch.tensor([[0, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 1]])
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: adaptive_focal(x, labels, "none", gamma=1.5), (logits,))


def test_bad_arguments() -> None:
    logits = torch.zeros(2, 3)
    with pytest.raises(InputError, match=r'"relesed".*did you mean "released"'):
        adaptive_focal(logits, logits, weighting="relesed")
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2, 2\)"):
        adaptive_focal(logits, torch.zeros(2, 2))
