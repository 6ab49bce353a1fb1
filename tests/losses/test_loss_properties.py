"""What holds for every relation loss: nothing given is changed, pairs do not know their order, nothing overflows."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.losses import RELATION_LOSSES

EACH = pytest.mark.parametrize("name", RELATION_LOSSES)
LABELS = {
    "no pairs": torch.zeros(0, 4),
    "one pair": torch.tensor([[0, 0, 1, 0]]),
    "no positive pair": torch.tensor([[1, 0, 0, 0]] * 3),
    "all relations": torch.tensor([[0, 1, 1, 1]] * 3),
    "all kinds": torch.tensor([[0, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 1]]),
}


def some_pairs(seed: int, pairs: int, relations: int, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(pairs, 1 + relations, generator=generator, dtype=torch.float64)
    labels = torch.rand(pairs, 1 + relations, generator=generator) < torch.rand(1, generator=generator)
    labels[:, 0] = ~labels[:, 1:].any(1)
    return logits, labels


@EACH
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 7), st.integers(1, 6), st.sampled_from([0.1, 3.0, 25.0]))
def test_properties(name: str, seed: int, pairs: int, relations: int, scale: float) -> None:
    loss = RELATION_LOSSES[name].loss
    logits, labels = some_pairs(seed, pairs, relations, scale)
    copies = logits.clone(), labels.clone()
    values = loss(logits, labels, reduction="none")
    assert values.shape == (pairs,)
    assert (values >= 0).all()
    torch.testing.assert_close(loss(logits, labels, reduction="sum"), values.sum())
    torch.testing.assert_close(loss(logits, labels), values.sum() / max(pairs, 1))
    order = torch.randperm(pairs, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(loss(logits[order], labels[order], reduction="none"), values[order])
    # Column 0 of the labels may say whether a pair has a relation, or nothing; labels may be numbers.
    silent = labels.double()
    silent[:, 0] = 0
    assert torch.equal(loss(logits, silent, reduction="none"), values)
    assert torch.equal(logits, copies[0])
    assert torch.equal(labels, copies[1])


@EACH
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 7), st.integers(1, 6), st.sampled_from([3.0, 25.0]), st.integers(1, 9))
def test_decisions(name: str, seed: int, pairs: int, relations: int, scale: float, top_k: int) -> None:
    relation = RELATION_LOSSES[name]
    logits, _ = some_pairs(seed, pairs, relations, scale)
    before = logits.clone()
    decided, confidence = relation.decide(logits, 0.5), relation.confidence(logits)
    assert decided.shape == confidence.shape == (pairs, relations)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert (confidence[decided] >= 0.5).all()
    assert (confidence[~decided] <= 0.5).all()
    capped = relation.decide(logits, 0.5, top_k)
    assert not (capped & ~decided).any()
    if name != "binary-cross-entropy":  # which has no limit
        assert (capped.sum(1) <= top_k).all()
    assert torch.equal(logits, before)


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 25.0, 1e4])
@pytest.mark.parametrize("kind", LABELS)
def test_edges(name: str, kind: str, scale: float, dtype: torch.dtype) -> None:
    labels = LABELS[kind]
    logits = torch.randn(labels.shape, generator=torch.Generator().manual_seed(0), dtype=dtype)
    logits = (scale * logits).requires_grad_()
    loss = RELATION_LOSSES[name].loss(logits, labels)
    loss.backward()
    assert loss.dtype == logits.grad.dtype == dtype
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    if kind == "no pairs":
        assert loss.item() == 0


@EACH
def test_half_precision_is_summed_in_float32(name: str) -> None:
    logits, labels = some_pairs(0, 6, 5, 3.0)
    loss = RELATION_LOSSES[name].loss
    half = loss(logits.bfloat16(), labels)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, loss(logits.bfloat16().float(), labels))
    assert RELATION_LOSSES[name].confidence(logits.bfloat16()).dtype == torch.float32
