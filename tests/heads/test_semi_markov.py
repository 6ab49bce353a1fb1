"""The programme against enumeration of all segmentations."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from joint_ie.heads.semi_markov import best_score, log_likelihood, log_partition, segmentation

steps = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("segmentations.py"))))

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def drawn(lengths: list[int], widths: int, seed: int, dtype: torch.dtype = torch.double) -> Tensor:
    """Scores of sentences, padded, far enough apart that one segmentation is best."""
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(len(lengths), max(lengths), widths, generator=generator, dtype=dtype)
    end = torch.arange(1, 1 + max(lengths))[:, None]
    fits = (torch.arange(1, 1 + widths) <= end) & (end <= torch.tensor(lengths)[:, None, None])
    return scores.masked_fill(~fits, -torch.inf)


def score(scores: Tensor, mentions: tuple) -> Tensor:
    return sum((scores[end - 1, end - start - 1] for start, end in mentions), torch.zeros((), dtype=scores.dtype))


@given(LENGTHS, st.integers(1, 4), st.integers(0, 1000))
def test_against_enumeration(lengths: list[int], widths: int, seed: int) -> None:
    scores = drawn(lengths, widths, seed)
    partition, best, found = log_partition(scores), best_score(scores), segmentation(scores)
    for i, length in enumerate(lengths):
        expected, marginal, every, values = steps.enumerated(length, widths, lambda m, i=i: score(scores[i], m))
        torch.testing.assert_close(partition[i], expected)
        torch.testing.assert_close(best[i], values.max())
        torch.testing.assert_close(found.marginal[i, :length], marginal)
        assert steps.mentions_of(found.width[i].tolist()) == every[int(values.argmax())]
    assert not found.marginal.requires_grad


@given(LENGTHS, st.integers(1, 4), st.integers(0, 1000))
def test_log_likelihoods_are_those_of_a_distribution(lengths: list[int], widths: int, seed: int) -> None:
    scores = drawn(lengths, widths, seed)
    every = list(steps.segmentations(lengths[0], widths))
    gold = torch.zeros(len(every), *scores.shape[1:], dtype=torch.bool)
    for row, mentions in zip(gold, every, strict=True):
        for start, end in mentions:
            row[end - 1, end - start - 1] = True
    likelihood = log_likelihood(scores[:1].expand(len(every), -1, -1), gold)
    assert likelihood.exp().sum().item() == pytest.approx(1)
    expected = torch.stack([score(scores[0], m) for m in every]).log_softmax(0)
    torch.testing.assert_close(likelihood, expected)


def test_gradients() -> None:
    scores = drawn([5, 3, 1], 3, 1)
    finite = scores.isfinite()

    def likelihood(values: Tensor) -> Tensor:
        padded = torch.full_like(scores, -torch.inf).masked_scatter(finite, values)
        gold = torch.zeros_like(finite)
        gold[0, 3, 1] = gold[1, 0, 0] = True
        return log_likelihood(padded, gold)

    assert torch.autograd.gradcheck(likelihood, scores[finite].requires_grad_())


@given(LENGTHS, st.integers(1, 4), st.integers(0, 1000))
def test_sentences_do_not_depend_on_their_neighbours(lengths: list[int], widths: int, seed: int) -> None:
    scores = drawn(lengths, widths, seed)
    together = segmentation(scores)
    for i, length in enumerate(lengths):
        alone = segmentation(scores[i : i + 1, :length])
        assert torch.equal(alone.width[0], together.width[i, :length])
        torch.testing.assert_close(alone.marginal[0], together.marginal[i, :length])
        assert not together.width[i, length:].any() and not together.marginal[i, length:].any()


def test_a_long_sentence_in_single_precision() -> None:
    """Words that have nothing to do with each other have independent marginals."""
    scores = drawn([3000], 1, 2, torch.float)
    found = segmentation(scores)
    torch.testing.assert_close(found.marginal, scores.sigmoid(), rtol=1e-4, atol=1e-5)
    assert torch.equal(found.width > 0, scores[..., 0] > 0)


def test_without_gradients() -> None:
    scores = drawn([4, 2], 2, 3)
    with torch.no_grad():
        expected = segmentation(scores)
    with torch.inference_mode():
        found = segmentation(scores + 0)
        assert torch.equal(found.width, expected.width) and torch.equal(found.marginal, expected.marginal)
