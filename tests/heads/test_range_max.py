import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.heads.range_max import RangeMax


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, list[tuple[int, int]]]:
    """Rows, the longest range, and ranges; some of them empty, also at the very end."""
    rows = draw(st.integers(1, 40))
    longest = draw(st.integers(1, rows))
    start = st.integers(0, rows)
    spans = st.lists(
        start.flatmap(lambda s: st.tuples(st.just(s), st.integers(s, min(rows, s + longest)))), min_size=1, max_size=10
    )
    return rows, longest, draw(spans)


@given(ranges(), st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_the_same_bits_and_gradients_as_slices(drawn: tuple, seed: int) -> None:
    rows, longest, spans = drawn
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, 3, generator=generator, requires_grad=True)
    weight = torch.randn(len(spans), 3, generator=generator)
    found = RangeMax(values, longest)(torch.tensor(spans))
    expected = torch.stack([values[s:e].amax(0) if s < e else torch.zeros(3) for s, e in spans])
    assert torch.equal(found, expected)
    (gradient,) = torch.autograd.grad((found * weight).sum(), values)
    (reference,) = (
        torch.autograd.grad((expected * weight).sum(), values, allow_unused=True)
        if any(s < e for s, e in spans)
        else (torch.zeros(rows, 3),)
    )
    assert torch.allclose(gradient, reference, atol=1e-6)


def test_the_gradient_of_one_range_is_exact() -> None:
    values = torch.randn(37, 4, requires_grad=True)
    for length in range(1, 38):
        (gradient,) = torch.autograd.grad(RangeMax(values, 37)(torch.tensor([[0, length]])).sum(), values)
        (reference,) = torch.autograd.grad(values[:length].amax(0).sum(), values)
        assert torch.equal(gradient, reference)


def test_longer_ranges_than_announced_do_not_pass_silently() -> None:
    with pytest.raises(IndexError):
        RangeMax(torch.arange(16.0)[:, None], 4)(torch.tensor([[0, 16]]))
