from collections.abc import Callable
from typing import Any

import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.losses import adaptive_softmax, adaptive_threshold, balanced_softmax, decide_balanced, global_confidence


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("loss", "name"),
    [(balanced_softmax, "balanced"), (adaptive_softmax, "learned_threshold"), (adaptive_threshold, "at")],
)
@pytest.mark.parametrize("seed", range(3))
def test_golden_loss_and_gradient(
    golden_case: Callable[..., Any],
    assert_parity: Callable[..., None],
    seed: int,
    loss: Callable[..., torch.Tensor],
    name: str,
    dtype: torch.dtype,
) -> None:
    case = golden_case("docunet/balanced_loss", seed)
    logits, labels = case.tensors["logits"].to(dtype).requires_grad_(), case.tensors["labels"]
    value = loss(logits, labels)
    value.backward()
    assert_parity(value, case.scalars[f"loss_{name}"], dtype)
    assert_parity(logits.grad, case.tensors[f"grad_logits_{name}"], dtype)
    if name == "balanced":
        assert_parity(balanced_softmax(logits, labels, "none"), case.tensors["per_pair_loss_balanced"], dtype)


@pytest.mark.parametrize("seed", range(3))
def test_golden_decisions(golden_case: Callable[..., Any], seed: int) -> None:
    tensors = golden_case("docunet/decode", seed).tensors
    for k in ("all", "1", "2", "3", "4"):
        decided = decide_balanced(tensors["logits"], None if k == "all" else int(k))
        expected = tensors[f"pred_k{k}"].bool()
        assert torch.equal(decided, expected[:, 1:]), k
        assert torch.equal(~decided.any(1), expected[:, 0]), k


def test_real_documents(check_real_documents: Callable[..., None]) -> None:
    check_real_documents("docunet", "balanced", balanced_softmax, decide_balanced)


def test_by_hand() -> None:
    """One pair with relation 1 of 2, one without: exponentials written out."""
    logits = torch.tensor([[0.5, 2.0, -1.0], [1.0, 0.3, -2.0]], dtype=torch.float64)
    labels = torch.tensor([[0, 1, 0], [0, 0, 0]])
    e = logits.exp()
    first = (1 + e[0, 0] + e[0, 2]).log() + (1 + 1 / e[0, 1]).log()
    second = (1 + e[1, 1] + e[1, 2]).log() + (1 + 1 / e[1, 0]).log()
    torch.testing.assert_close(balanced_softmax(logits, labels, "none"), torch.stack([first, second]))
    first = (e[0, 0] + e[0, 2]).log() + (1 / e[0, 0] + 1 / e[0, 1]).log()
    second = e[1].sum().log() - logits[1, 0]
    torch.testing.assert_close(adaptive_softmax(logits, labels, "none"), torch.stack([first, second]))


def test_decided_relations_are_more_likely_than_not() -> None:
    logits = torch.randn(50, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(global_confidence(logits) > 0.5, decide_balanced(logits))


def test_bad_arguments() -> None:
    logits = torch.zeros(2, 3)
    for loss in (balanced_softmax, adaptive_softmax):
        with pytest.raises(InputError, match=r"\(2, 3\).*\(2, 2\)"):
            loss(logits, torch.zeros(2, 2))
    with pytest.raises(InputError, match="top_k = 0"):
        decide_balanced(logits, 0)
