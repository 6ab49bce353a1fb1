import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.encoding.spans import all_spans


@given(st.lists(st.integers(1, 9), max_size=5), st.integers(1, 6), st.integers(0, 3))
@settings(deadline=None)
def test_all_spans_of_every_sentence_by_width_then_start(lengths: list[int], max_width: int, gap: int) -> None:
    # sentence numbers may jump: a document can have sentences without words
    sentence = [number * (gap + 1) for number, length in enumerate(lengths) for _ in range(length)]
    expected = []
    first = 0
    for length in lengths:
        for width in range(1, max_width + 1):
            for start in range(first, first + length - width + 1):
                expected.append([start, start + width])
        first += length
    assert all_spans(torch.tensor(sentence, dtype=torch.long), max_width).tolist() == expected
