"""The marginal likelihood of antecedents, against a loop over mentions and their probabilities."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from joint_ie.losses import antecedent_likelihood


def loop(scores: list[float], mention: list[int], coreferent: list[bool], mentions: int) -> float:
    """Lee et al. 2017, section 6, mention by mention, with plain numbers."""
    total = 0.0
    for i in range(mentions):
        mine = [(score, right) for score, owner, right in zip(scores, mention, coreferent, strict=True) if owner == i]
        weights = [1.0, *(math.exp(score) for score, _ in mine)]
        right = [not any(right for _, right in mine), *(right for _, right in mine)]
        total -= math.log(sum(w for w, r in zip(weights, right, strict=True) if r) / sum(weights))
    return total / max(mentions, 1)


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[float], list[int], list[bool], int]:
    mentions = draw(st.integers(0, 6))
    pair = st.tuples(st.floats(-20, 20), st.integers(0, max(mentions - 1, 0)), st.booleans())
    pairs = draw(st.lists(pair, max_size=15 if mentions else 0))
    scores, owner, right = ([pair[i] for pair in pairs] for i in range(3))
    return scores, owner, right, mentions


def tensors(scores: list[float], mention: list[int], coreferent: list[bool]) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.tensor(scores, dtype=torch.float64),
        torch.tensor(mention, dtype=torch.long),
        torch.tensor(coreferent, dtype=torch.bool),
    )


@given(documents())
def test_loop(case: tuple[list[float], list[int], list[bool], int]) -> None:
    *pairs, mentions = case
    assert antecedent_likelihood(*tensors(*pairs), mentions).item() == pytest.approx(loop(*case), abs=1e-12)


@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(case, random) -> None:
    scores, mention, right = tensors(*case[:3])
    order = torch.tensor(random.sample(range(len(scores)), len(scores)), dtype=torch.long)
    there = antecedent_likelihood(scores[order], mention[order], right[order], case[3])
    torch.testing.assert_close(there, antecedent_likelihood(scores, mention, right, case[3]))


def test_gradient() -> None:
    scores = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    mention = torch.tensor([1, 2, 2, 3, 3, 3, 5, 5, 5])
    right = torch.tensor([1, 0, 0, 1, 1, 0, 0, 1, 0], dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda s: antecedent_likelihood(s, mention, right, 6), scores)


def test_far_scores_keep_their_gradient_in_single_precision() -> None:
    scores = torch.tensor([300.0, -300.0, 500.0], requires_grad=True)
    loss = antecedent_likelihood(scores, torch.tensor([0, 0, 1]), torch.tensor([False, True, False]), 2)
    loss.backward()
    assert loss.item() == pytest.approx((600 + 500) / 2)
    torch.testing.assert_close(scores.grad, torch.tensor([0.5, -0.5, 0.5]))


def test_half_precision_is_computed_in_32_bits() -> None:
    scores = torch.tensor([0.5, -0.25], dtype=torch.bfloat16)
    owner, right = torch.tensor([1, 1]), torch.tensor([True, False])
    found = antecedent_likelihood(scores, owner, right, 2)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(loop([0.5, -0.25], [1, 1], [True, False], 2), rel=1e-6)


@pytest.mark.parametrize("mentions", [0, 1])
def test_nothing_to_choose_from_is_no_loss_but_a_graph(mentions: int) -> None:
    scores = torch.zeros(0, requires_grad=True)
    empty = torch.zeros(0, dtype=torch.long)
    loss = antecedent_likelihood(scores, empty, empty.bool(), mentions)
    loss.backward()
    assert loss.item() == 0 and scores.grad is not None
