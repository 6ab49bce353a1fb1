import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.losses import decide_adaptive, none_class_ranking

VARIANTS: dict[str, dict[str, Any]] = {
    "shift0_reg": {},
    "shift0.05_reg": {"shift": 0.05},
    "shift0.2_reg": {"shift": 0.2},
    "shift0_noreg": {"none_class": False},
    "shift0.05_reg_sum": {"shift": 0.05, "reduction": "sum"},
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_golden_loss_and_gradient(
    golden_case: Callable[..., Any], assert_parity: Callable[..., None], seed: int, variant: str, dtype: torch.dtype
) -> None:
    case = golden_case("ncrl/ncr_loss", seed)
    logits = case.tensors["logits"].to(dtype).requires_grad_()
    loss = none_class_ranking(logits, case.tensors["labels"], **VARIANTS[variant])
    loss.backward()
    assert_parity(loss, case.scalars[f"loss.{variant}"], dtype, single=2e-6)
    assert_parity(logits.grad, case.tensors[f"grad_logits.{variant}"], dtype)


@pytest.mark.parametrize("seed", range(3))
def test_golden_decisions(golden_case: Callable[..., Any], seed: int) -> None:
    tensors = golden_case("ncrl/ncr_loss", seed).tensors
    assert torch.equal(decide_adaptive(tensors["logits"], 4), tensors["pred_k4"][:, 1:].bool())


@pytest.mark.parametrize(("name", "shift"), [("ncr_shift0", 0.0), ("ncr_shift0.05", 0.05)])
def test_real_documents(check_real_documents: Callable[..., None], name: str, shift: float) -> None:
    check_real_documents("ncrl", name, partial(none_class_ranking, shift=shift), decide_adaptive, labels_from="atlop")


def test_by_hand() -> None:
    logits = torch.tensor([[0.5, 2.0, -1.0], [1.0, 0.3, -2.0]], dtype=torch.float64)
    labels = torch.tensor([[0, 1, 0], [0, 0, 0]])

    def right(margin: float) -> float:
        return math.log(1 + math.exp(-margin))

    pairs = [right(1.5) + right(1.5) + right(0.0), right(0.7) + right(3.0) + right(1.85)]
    assert none_class_ranking(logits, labels, "none").tolist() == pytest.approx(pairs)


def test_bad_arguments() -> None:
    logits = torch.zeros(2, 3)
    with pytest.raises(InputError, match=r"shift = 1\.5"):
        none_class_ranking(logits, logits, shift=1.5)
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2, 2\)"):
        none_class_ranking(logits, torch.zeros(2, 2))
