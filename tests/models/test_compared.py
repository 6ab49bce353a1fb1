from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.models import compared

TEXTS = st.lists(st.sampled_from(["Ann Lee", "ann", "Bob", "Lee", "Oslo", ""]), max_size=12)


def found(texts: list[str]) -> list[tuple[int, int]]:
    return [(i, j) for part in compared.compared_pairs(texts) for i, j in part.tolist()]


@given(st.integers(0, 40), st.integers(1, 50))
def test_all_pairs_once(mentions: int, together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compared, "TOGETHER", together)
        assert sorted(found(["x"] * mentions)) == list(combinations(range(mentions), 2))
        sizes = [len(part) for part in compared.compared_pairs(["x"] * mentions)]
    assert all(size < together + mentions for size in sizes)


@given(TEXTS, st.integers(1, 4), st.integers(1, 20))
def test_likely_pairs_of_many(texts: list[str], near: int, together: int) -> None:
    """Against a slow way to say the same."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"EXACT": 0, "NEAR": near, "TOGETHER": together}.items():
            patch.setattr(compared, name, value)
        pairs = found(texts)
    words = [set(text.lower().split()) for text in texts]
    expected = set()
    for j in range(len(texts)):
        expected |= {(i, j) for i in range(max(0, j - near), j)}
        for word in words[j]:
            expected |= {(i, j) for i in [i for i in range(j) if word in words[i]][-near:]}
    assert sorted(pairs) == sorted(expected)


def test_their_number_grows_with_the_length() -> None:
    random = np.random.default_rng(0)
    counts = []
    for mentions in (10_000, 20_000):
        texts = [f"name{number}" for number in random.integers(0, 500, mentions)]
        counts.append(sum(map(len, compared.compared_pairs(texts))))
    assert counts[1] < 2.2 * counts[0]
