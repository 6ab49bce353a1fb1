import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.encoding.distances import between, edit_distances, word_distances

SPANS = st.tuples(st.integers(0, 12), st.integers(1, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
PAIRS = st.lists(st.tuples(SPANS, SPANS), min_size=1, max_size=8)


def both(pairs: list) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([first for first, _ in pairs]), torch.tensor([second for _, second in pairs])


@given(PAIRS)
@settings(deadline=None)
def test_words_between_are_those_strictly_between(pairs: list) -> None:
    for (first, second), (start, end) in zip(pairs, between(*both(pairs)).tolist(), strict=True):
        earlier, later = sorted((first, second))
        assert list(range(start, end)) == [i for i in range(20) if earlier[1] <= i < later[0]]


@given(PAIRS)
@settings(deadline=None)
def test_word_distance_of_golden_readme(pairs: list) -> None:
    for (first, second), distance in zip(pairs, word_distances(*both(pairs)).tolist(), strict=True):
        overlap = set(range(*first)) & set(range(*second))
        earlier, later = sorted((first, second))
        assert distance == (0 if overlap else later[0] - (earlier[1] - 1))


def levenshtein(a: str, b: str) -> int:
    """Wagner and Fischer's table, row by row."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        last, row = row, [i]
        for j, right in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (left != right)))
    return row[-1]


@given(st.lists(st.text("abé ", max_size=6), min_size=1, max_size=5), st.data())
@settings(deadline=None)
def test_edit_distances(texts: list[str], data: st.DataObject) -> None:
    number = st.integers(0, len(texts) - 1)
    pairs = data.draw(st.lists(st.tuples(number, number), max_size=8))
    found = edit_distances(texts, torch.tensor(pairs, dtype=torch.long).view(-1, 2))
    assert found.dtype == torch.long
    assert found.tolist() == [levenshtein(texts[i], texts[j]) for i, j in pairs]
