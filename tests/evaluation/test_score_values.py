import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joint_ie.evaluation import Score
from joint_ie.evaluation.scores import harmonic
from joint_ie.evaluation.tally import Tally

fractions = st.floats(min_value=1e-9, max_value=1.0)


def test_zero_denominators_give_zero() -> None:
    assert Tally(0, 0, 0, 0).score() == Score(0.0, 0.0, 0.0, 0, 0, 0)
    assert Tally(0, 3, 0, 0).score() == Score(0.0, 0.0, 0.0, 0, 3, 0)
    assert Tally(0, 0, 0, 3).score() == Score(0.0, 0.0, 0.0, 0, 0, 3)


def test_known_values() -> None:
    score = Tally(1, 2, 1, 3).score()
    assert score.to_dict() == {
        "precision": 0.5,
        "recall": pytest.approx(1 / 3),
        "f1": pytest.approx(0.4),
        "true_positives": 1,
        "predicted": 2,
        "gold": 3,
    }
    assert Tally(7, 7, 7, 7).score().f1 == 1.0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_f1_is_the_share_of_both_sides(right: int, only_predicted: int, only_gold: int) -> None:
    score = Tally(right, right + only_predicted, right, right + only_gold).score()
    total = 2 * right + only_predicted + only_gold
    assert score.f1 == pytest.approx(2 * right / total if total else 0.0, rel=1e-14)


@given(fractions, fractions, fractions)
@example(0.3101475693193326, 0.3101475693193327, 0.7298317482601286)  # 2pr / (p + r) is not monotone here
def test_f1_is_monotone_to_the_last_bit(a: float, b: float, recall: float) -> None:
    low, high = sorted((a, b))
    assert harmonic(low, recall) <= harmonic(high, recall)
    assert harmonic(low, recall) == harmonic(recall, low)
