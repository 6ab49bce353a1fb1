"""The chain of tags against enumeration of all segmentations: each is one sequence of tags."""

import runpy
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from joint_ie.heads.tag_chain import (
    FIRST,
    INSIDE,
    LAST,
    OUTSIDE,
    SINGLE,
    TAGS,
    log_likelihood,
    log_partition,
    segment_tags,
    segmentation,
)

steps = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("segmentations.py"))))

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=4)
EXAMPLES = LENGTHS, st.integers(0, 1000)


def drawn(lengths: list[int], seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions, transitions and lengths."""
    generator = torch.Generator().manual_seed(seed)
    emissions = 2 * torch.randn(len(lengths), max(lengths), TAGS, generator=generator, dtype=torch.double)
    transitions = 2 * torch.randn(TAGS, TAGS, generator=generator, dtype=torch.double)
    return emissions, transitions, torch.tensor(lengths)


def tags_of(mentions: tuple, words: int) -> list[int]:
    tags = [OUTSIDE] * words
    for start, end in mentions:
        tags[start:end] = [SINGLE] if end - start == 1 else [FIRST, *[INSIDE] * (end - start - 2), LAST]
    return tags


def score(emissions: Tensor, transitions: Tensor, tags: list[int]) -> Tensor:
    """Of a sentence, which begins as after a word outside."""
    before = [OUTSIDE, *tags[:-1]]
    return sum(emissions[i, tag] + transitions[tag, b] for i, (tag, b) in enumerate(zip(tags, before, strict=True)))


@given(st.integers(1, 7))
def test_tags_of_segments(words: int) -> None:
    for mentions in steps.segmentations(words, words):
        spans = torch.tensor(mentions, dtype=torch.long).view(-1, 2)
        assert segment_tags(spans, words).tolist() == tags_of(mentions, words)


@given(*EXAMPLES, st.integers(1, 7))
def test_against_enumeration(lengths: list[int], seed: int, max_width: int) -> None:
    given = drawn(lengths, seed)
    emissions, transitions, _ = given
    partition, found = log_partition(*given), segmentation(*given, max_width)
    for i, length in enumerate(lengths):
        expected, marginal, every, values = steps.enumerated(
            length, length, lambda m, i=i, n=length: score(emissions[i], transitions, tags_of(m, n))
        )
        torch.testing.assert_close(partition[i], expected)
        columns = min(max_width, length)
        torch.testing.assert_close(found.marginal[i, :length, :columns], marginal[:, :columns])
        assert not found.marginal[i, :, columns:].any()
        assert steps.mentions_of(found.width[i, :length].tolist()) == every[int(values.argmax())]
        assert not found.width[i, length:].any()
    assert found.marginal.shape[2] == max_width and not found.marginal.requires_grad


@given(st.integers(1, 4), st.integers(0, 1000))
def test_log_likelihoods_and_invalid_tags(words: int, seed: int) -> None:
    """Valid sequences have all of the probability, others (inside after outside, a mention left open) none."""
    emissions, transitions, _ = drawn([words], seed)
    every = list(product(range(TAGS), repeat=words))
    lengths = torch.full((len(every),), words)
    likelihood = log_likelihood(emissions.expand(len(every), -1, -1), transitions, lengths, torch.tensor(every))
    valid = {tuple(tags_of(mentions, words)) for mentions in steps.segmentations(words, words)}
    is_valid = torch.tensor([tags in valid for tags in every])
    assert not likelihood[~is_valid].exp().any()
    assert likelihood[is_valid].exp().sum().item() == pytest.approx(1)
    expected = torch.stack([score(emissions[0], transitions, list(tags)) for tags in every])[is_valid].log_softmax(0)
    torch.testing.assert_close(likelihood[is_valid], expected)


@pytest.mark.parametrize("tag", [FIRST, INSIDE, LAST])
def test_what_speaks_for_one_tag_alone_does_not_make_it_valid(tag: int) -> None:
    emissions = torch.zeros(1, 5, TAGS)
    emissions[..., tag] = 100.0
    found = segmentation(emissions, torch.zeros(TAGS, TAGS), torch.tensor([5]), 5)
    mentions = steps.mentions_of(found.width[0].tolist())
    assert all(0 <= start < end <= 5 for start, end in mentions)
    assert all(e <= s for (_, e), (s, _) in pairwise(mentions))
    assert found.marginal.isfinite().all() and found.marginal.max() <= 1 + 1e-5


def test_gradients() -> None:
    emissions, transitions, lengths = drawn([4, 2, 1], 3)
    tags = torch.tensor([[OUTSIDE, FIRST, INSIDE, LAST], [SINGLE, OUTSIDE, 0, 0], [OUTSIDE, 0, 0, 0]])

    def likelihood(emissions: Tensor, transitions: Tensor) -> Tensor:
        return log_likelihood(emissions, transitions, lengths, tags)

    assert torch.autograd.gradcheck(likelihood, (emissions.requires_grad_(), transitions.requires_grad_()))


@given(*EXAMPLES)
def test_sentences_do_not_depend_on_their_neighbours(lengths: list[int], seed: int) -> None:
    emissions, transitions, _ = given = drawn(lengths, seed)
    together = segmentation(*given, 3)
    for i, length in enumerate(lengths):
        alone = segmentation(emissions[i : i + 1, :length], transitions, torch.tensor([length]), 3)
        assert torch.equal(alone.width[0], together.width[i, :length])
        torch.testing.assert_close(alone.marginal[0], together.marginal[i, :length])


@pytest.mark.filterwarnings("error")
def test_without_gradients() -> None:
    given = drawn([4, 2], 5)
    with torch.no_grad():
        expected = segmentation(*given, 2)
    with torch.inference_mode():
        found = segmentation(*(tensor + 0 for tensor in given), 2)
        assert torch.equal(found.width, expected.width) and torch.equal(found.marginal, expected.marginal)


def test_a_long_sentence_in_single_precision() -> None:
    """What is said of its first words does not depend on the last ones."""
    emissions, transitions, _ = (t.float() for t in drawn([4000], 6))
    emissions = emissions.log_softmax(2)
    found = segmentation(emissions, transitions, torch.tensor([4000]), 4)
    near = segmentation(emissions[:, :200], transitions, torch.tensor([200]), 4)
    torch.testing.assert_close(found.marginal[:, :150], near.marginal[:, :150], rtol=1e-4, atol=1e-5)
    assert torch.equal(found.width[:, :150], near.width[:, :150])
