from collections.abc import Callable
from typing import Any

import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.losses import adaptive_focal, distillation_kl, distillation_mse

LOSSES = [distillation_mse, distillation_kl]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(3))
def test_golden_loss_and_gradient(
    golden_case: Callable[..., Any], assert_parity: Callable[..., None], seed: int, dtype: torch.dtype
) -> None:
    case = golden_case("kd_docre/kd_loss", seed)
    raw, teacher = case.tensors["student_logits_raw"].to(dtype).requires_grad_(), case.tensors["teacher_logits"]
    labels, pairs = case.tensors["labels"], case.tensors["pairs"]
    apart = pairs[:, 1] != pairs[:, 2]
    student = raw * apart[:, None]
    mse = distillation_mse(student, teacher.to(dtype))
    focal = adaptive_focal(student, labels, weighting="released")
    total = focal + mse
    total.backward()
    assert_parity(mse, case.scalars["loss_mse"], dtype)
    assert_parity(focal, case.scalars["loss_afl"], dtype)
    assert_parity(total, case.scalars["loss_total"], dtype)
    assert_parity(raw.grad, case.tensors["grad_student_logits_raw"], dtype)
    # Without an entity's pairs with itself, as everywhere here, the mean is over fewer pairs.
    ours = distillation_mse(raw[apart], teacher[apart].to(dtype))
    assert_parity(ours, case.scalars["loss_mse"] * len(pairs) / int(apart.sum()), dtype)


def test_kl_against_torch() -> None:
    student, teacher = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=teacher), torch.distributions.Categorical(logits=student)
    )
    torch.testing.assert_close(distillation_kl(student, teacher, "none"), expected)
    torch.testing.assert_close(distillation_kl(student, teacher), expected.mean())


@pytest.mark.parametrize("loss", LOSSES)
def test_least_for_the_teacher_itself_who_gets_no_gradient(loss: Callable[..., torch.Tensor]) -> None:
    student, teacher = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    student, teacher = student.requires_grad_(), teacher.requires_grad_()
    copies = student.detach().clone(), teacher.detach().clone()
    value = loss(student, teacher)
    value.backward()
    assert value > 0
    assert teacher.grad is None
    assert torch.equal(student, copies[0])
    assert torch.equal(teacher, copies[1])
    assert loss(teacher, teacher).item() == pytest.approx(0)
    values = loss(student, teacher, "none")
    torch.testing.assert_close(loss(student, teacher, "sum"), values.sum())
    torch.testing.assert_close(loss(student.flip(0), teacher.flip(0), "none"), values.flip(0))


@pytest.mark.parametrize("loss", LOSSES)
def test_edges(loss: Callable[..., torch.Tensor]) -> None:
    empty = torch.zeros(0, 5, requires_grad=True)
    value = loss(empty, torch.zeros(0, 5))
    value.backward()
    assert value.item() == 0
    large = torch.tensor([[1e4, -1e4, 25.0]], requires_grad=True)
    value = loss(large, torch.tensor([[-1e4, 1e4, 25.0]]))
    value.backward()
    assert value.isfinite()
    assert large.grad.isfinite().all()
    assert loss(torch.zeros(2, 3).bfloat16(), torch.ones(2, 3).bfloat16()).dtype == torch.float32
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2, 2\)"):
        loss(torch.zeros(2, 3), torch.zeros(2, 2))
