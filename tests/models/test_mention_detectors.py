"""Which of overlapping spans are kept."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.models.mention_detectors import PROBABLE, most_probable

SPANS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 4), st.floats(0.0, 1.0, width=32)),
    max_size=12,
    unique_by=lambda s: s[2],
)


@settings(deadline=None)
@given(SPANS, st.floats(0.015625, 1.0, width=32))
def test_most_probable_spans(found: list[tuple[int, int, float]], threshold: float) -> None:
    """Against one by one, from the most probable on; and the threshold may be applied before or after."""
    spans = torch.tensor([(start, start + width) for start, width, _ in found], dtype=torch.long).view(-1, 2)
    probability = torch.tensor([p for _, _, p in found], dtype=torch.float32)
    kept: list[tuple[int, int]] = []
    expected = [False] * len(found)
    for i in sorted(range(len(found)), key=lambda i: -found[i][2]):
        start, end = spans[i].tolist()
        if found[i][2] >= PROBABLE and all(end <= s or e <= start for s, e in kept):
            kept.append((start, end))
            expected[i] = True
    result = most_probable(spans, probability)
    assert result.tolist() == expected
    above = probability >= threshold
    assert torch.equal(most_probable(spans[above], probability[above]), result[above])
