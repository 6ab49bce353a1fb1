from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.errors import InputError
from joint_ie.losses import attention_guidance, evidence_guidance


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(3))
def test_golden_losses(
    golden_case: Callable[..., Any], assert_parity: Callable[..., None], seed: int, dtype: torch.dtype
) -> None:
    """Values; gradients are those of the attention, in `tests/heads/test_dreeam_golden.py`."""
    case = golden_case("dreeam/evidence_loss", seed)
    tensors = {k: v.to(dtype) if v.is_floating_point() else v for k, v in case.tensors.items()}
    related = tensors["labels"][:, 1:].bool().any(1)
    loss = evidence_guidance(tensors["sentence_distribution"], tensors["sentence_labels"], related)
    assert_parity(loss, case.scalars["loss_evidence"], dtype)
    loss = attention_guidance(tensors["token_distribution"], tensors["teacher_token_attention"])
    assert_parity(loss, case.scalars["loss_attention"], dtype)


def some_distributions(seed: int, pairs: int, columns: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, pairs, columns, generator=generator, dtype=torch.float64).softmax(2)


@given(st.integers(0, 2**31), st.integers(0, 6), st.integers(1, 5))
def test_evidence_pair_by_pair(seed: int, pairs: int, sentences: int) -> None:
    """Nothing given is changed, and every pair that counts adds torch's divergence of its weights from its counts."""
    generator = torch.Generator().manual_seed(seed)
    distribution = some_distributions(seed, pairs, sentences)[0]
    counts = torch.randint(0, 3, (pairs, sentences), generator=generator)
    related = torch.rand(pairs, generator=generator) < 0.6
    copies = distribution.clone(), counts.clone(), related.clone()
    loss = evidence_guidance(distribution, counts, related)
    terms = [
        torch.nn.functional.kl_div(weights.log(), count.double() / count.sum(), reduction="sum") if count.any() else 0.0
        for weights, count, counted in zip(distribution, counts, related, strict=True)
        if counted
    ]
    assert loss.item() == pytest.approx(float(sum(terms)) / max(len(terms), 1), abs=1e-12)
    assert all(torch.equal(*both) for both in zip((distribution, counts, related), copies, strict=True))
    order = torch.randperm(pairs, generator=generator)
    torch.testing.assert_close(evidence_guidance(distribution[order], counts[order], related[order]), loss)


def test_least_for_the_teacher_itself_who_gets_no_gradient() -> None:
    student, teacher = (part.requires_grad_() for part in some_distributions(0, 4, 6))
    loss = attention_guidance(student, teacher)
    loss.backward()
    assert loss > 0 and teacher.grad is None
    expected = torch.nn.functional.kl_div(student.log(), teacher, reduction="batchmean")
    torch.testing.assert_close(loss, expected)
    assert attention_guidance(teacher, teacher).item() == 0


def test_edges() -> None:
    nothing = torch.zeros(0, 5, requires_grad=True)
    for loss in (
        evidence_guidance(nothing, torch.zeros(0, 5), torch.zeros(0, dtype=torch.bool)),
        evidence_guidance(nothing.new_ones(2, 5).requires_grad_(), torch.zeros(2, 5), torch.zeros(2, dtype=torch.bool)),
        attention_guidance(nothing, torch.zeros(0, 5)),
    ):
        loss.backward()
        assert loss.item() == 0
    # what carries no weight at all gets no gradient, wherever the evidence is
    weights = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1e-38, 0.5]], requires_grad=True)
    loss = evidence_guidance(weights, torch.tensor([[1, 0], [1, 1], [2, 0]]), torch.tensor([True, True, True]))
    loss.backward()
    assert loss.isfinite() and weights.grad.isfinite().all() and not weights.grad[:, 0].any()
    half = torch.tensor([[0.25, 0.5]], dtype=torch.bfloat16)
    assert evidence_guidance(half, torch.tensor([[1, 0]]), torch.tensor([True])).dtype == torch.float32
    assert attention_guidance(half, half).dtype == torch.float32


def test_shapes_are_checked() -> None:
    related = torch.ones(2, dtype=torch.bool)
    with pytest.raises(InputError, match=r"distribution \(2, 3\) and counts \(2, 2\) should both be \[pairs, sent"):
        evidence_guidance(torch.ones(2, 3), torch.ones(2, 2), related)
    with pytest.raises(InputError, match=r"related \(2,\) should be \[pairs\] as in distribution's 3"):
        evidence_guidance(torch.ones(3, 3), torch.ones(3, 3), related)
    with pytest.raises(InputError, match=r"student \(2, 3\) and teacher \(3, 3\) should both be \[pairs, tokens\]"):
        attention_guidance(torch.ones(2, 3), torch.ones(3, 3))
