import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.encoding.segments import segments

SPANS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)).map(lambda s: (s[0], s[0] + s[1])), max_size=9)


@given(SPANS, st.integers(1, 5), st.lists(st.integers(1, 5), min_size=3, max_size=6))
def test_every_span_has_a_place_or_a_reason(spans: list[tuple[int, int]], max_width: int, lengths: list[int]) -> None:
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    spans = [(start, end) for start, end in spans if end <= len(sentence)]
    found = segments(np.array(spans, dtype=np.int64).reshape(-1, 2), sentence, max_width)
    inside = {(start, end) for start, end in spans if len(set(sentence[start:end])) == 1}
    fitting = {(start, end) for start, end in inside if end - start <= max_width}
    kept: list[tuple[int, int]] = []
    for start, end in sorted(fitting, key=lambda s: (s[0] - s[1], s[0])):
        if all(end <= s or e <= start for s, e in kept):
            kept.append((start, end))
    assert [tuple(span) for span in found.spans.tolist()] == sorted(kept)
    assert found.across == len(set(spans) - inside)
    assert found.wide == len(inside - fitting)
    assert found.overlapping == len(fitting) - len(kept)


def test_the_longest_then_the_first_has_its_place() -> None:
    spans = np.array([(2, 4), (0, 3), (3, 6), (3, 5), (3, 6), (6, 7)])
    found = segments(spans, np.zeros(8, dtype=np.int64), 10)
    assert found.spans.tolist() == [[0, 3], [3, 6], [6, 7]]
    assert (found.across, found.wide, found.overlapping) == (0, 0, 2)
