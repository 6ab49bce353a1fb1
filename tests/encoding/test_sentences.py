import torch
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.encoding.sentences import sentence_rows


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 40), st.integers(1, 3))
def test_every_word_once_within_the_limit(lengths: list[int], most: int, gap: int) -> None:
    """Sentence numbers may have gaps."""
    sentence = torch.repeat_interleave(torch.arange(len(lengths)) * gap, torch.tensor(lengths, dtype=torch.long))
    groups = sentence_rows(sentence, most)
    words = [row[:n].tolist() for rows in groups for row, n in zip(rows.words, rows.lengths.tolist(), strict=True)]
    expected = [(sentence == number).nonzero().squeeze(1).tolist() for number in sentence.unique().tolist()]
    assert sorted(words) == expected
    for rows in groups:
        assert rows.words.shape[1] == int(rows.lengths.max())
        assert rows.words.numel() <= most or len(rows.lengths) == 1
        assert torch.equal(rows.real.sum(1), rows.lengths)


def test_a_long_sentence_makes_no_others_long() -> None:
    sentence = torch.repeat_interleave(torch.arange(801), torch.tensor([25] * 400 + [5000] + [25] * 400))
    groups = sentence_rows(sentence, 1 << 14)
    assert sum(rows.words.numel() for rows in groups) < 2 * len(sentence)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(1, 20), st.booleans())
def test_put_is_the_reverse_of_take(lengths: list[int], most: int, matrix: bool) -> None:
    sentence = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    values = torch.randn(len(sentence), *(2, 3) if matrix else ())
    back = torch.zeros_like(values)
    for rows in sentence_rows(sentence, most):
        taken = rows.take(values, -7.0)
        assert (taken[~rows.real] == -7).all()
        rows.put(taken, back)
    assert torch.equal(back, values)
