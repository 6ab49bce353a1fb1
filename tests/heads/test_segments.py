import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.heads.segments import segment_logsumexp, segment_max, segment_sum

LENGTHS = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def parts(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    count = torch.tensor(lengths)
    values = torch.randn(sum(lengths), 3, generator=torch.Generator().manual_seed(len(lengths)), dtype=torch.float64)
    return values.requires_grad_(), torch.repeat_interleave(count), count


@given(LENGTHS)
@settings(deadline=None)
def test_max(lengths: list[int]) -> None:
    """With ties, among which `amax` divides a gradient equally, whatever its sign."""
    values, _, count = parts(lengths)
    values = values.detach().round().requires_grad_()
    expected = torch.stack([run.amax(0) for run in values.split(lengths)])
    found = segment_max(values, count)
    assert torch.equal(found, expected)
    weight = torch.tensor([1.0, -1.0, 0.3], dtype=torch.float64)
    pair = [torch.autograd.grad((weight * x).sum(), values)[0] for x in (found, expected)]
    assert torch.allclose(*pair, rtol=1e-15)


@given(LENGTHS)
@settings(deadline=None)
def test_sum(lengths: list[int]) -> None:
    values, segment, _ = parts(lengths)
    expected = torch.stack([run.sum(0) for run in values.split(lengths)])
    # one more segment, without rows, and more dimensions
    found = segment_sum(values[:, :, None], segment, len(lengths) + 1)
    assert torch.allclose(found[:-1, :, 0], expected) and not found[-1].any()


@given(LENGTHS, st.sampled_from([0.0, 1e4, -1e4]))
@settings(deadline=None)
def test_logsumexp(lengths: list[int], level: float) -> None:
    values, segment, count = parts(lengths)
    found = segment_logsumexp(values + level, segment, count)
    expected = torch.stack([(run + level).logsumexp(0) for run in values.split(lengths)])
    assert torch.allclose(found, expected, rtol=1e-12)
    pair = [torch.autograd.grad(x.sum(), values)[0] for x in (found, expected)]
    assert torch.allclose(*pair, rtol=1e-9)


def test_nothing() -> None:
    values, none = torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)
    assert segment_max(values, none).shape == (0, 3)
    assert segment_sum(values, none, 0).shape == (0, 3)
    assert segment_logsumexp(values, none, none).shape == (0, 3)
