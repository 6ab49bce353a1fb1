import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.models.cuts import best_cut

items = st.lists(
    st.tuples(st.one_of(st.floats(2**-20, 1 - 2**-20, width=32), st.sampled_from([0.125, 0.25, 0.5])), st.booleans()),
    max_size=30,
)


def f1(right: int, predicted: int, gold: int) -> float:
    return 2 * right / (predicted + gold) if predicted + gold else 0.0


@given(items, st.integers(0, 5))
def test_best_cut_is_the_best_of_all_cuts(scored: list[tuple[float, bool]], missed: int) -> None:
    scores, right = np.array([s for s, _ in scored]), np.array([r for _, r in scored], dtype=bool)
    gold = int(right.sum()) + missed
    cut, best = best_cut(scores, right, gold)
    assert 0 < cut < 1
    assert cut not in scores  # so that "from" and "above" are the same
    assert best == pytest.approx(f1(right[scores > cut].sum(), (scores > cut).sum(), gold))
    for other in (*scores, 1.0):
        assert f1(right[scores >= other].sum(), (scores >= other).sum(), gold) <= best + 1e-12


@given(items, st.integers(0, 5), st.integers(0, 30))
def test_best_cut_takes_no_more_than_it_may(scored: list[tuple[float, bool]], missed: int, most: int) -> None:
    scores, right = np.array([s for s, _ in scored]), np.array([r for _, r in scored], dtype=bool)
    gold = int(right.sum()) + missed
    cut, best = best_cut(scores, right, gold, most)
    assert (scores > cut).sum() <= most
    assert best == pytest.approx(f1(right[scores > cut].sum(), (scores > cut).sum(), gold))
    for other in scores:
        if (scores >= other).sum() <= most:
            assert f1(right[scores >= other].sum(), (scores >= other).sum(), gold) <= best + 1e-12


def test_best_cut_of_nothing() -> None:
    assert best_cut(np.zeros(0), np.zeros(0, dtype=bool), 3) == (0.5, 0.0)
    assert best_cut(np.zeros(0), np.zeros(0, dtype=bool), 0) == (0.5, 0.0)
