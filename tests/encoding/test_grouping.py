from hypothesis import given
from hypothesis import strategies as st

from joint_ie.encoding.grouping import by_length


@given(st.lists(st.integers(0, 50)), st.integers(1, 120))
def test_groups(lengths: list[int], budget: int) -> None:
    groups = list(by_length(lengths, budget))
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    ordered = [lengths[i] for group in groups for i in group]
    assert ordered == sorted(lengths, reverse=True)
    for position, group in enumerate(groups):
        longest = lengths[group[0]]
        assert len(group) == 1 or len(group) * longest <= budget
        if position + 1 < len(groups):  # no group is closed too early
            assert (len(group) + 1) * longest > budget


def test_only_the_chosen() -> None:
    assert list(by_length([3, 1, 2, 9], 100, [0, 2])) == [[0, 2]]
    assert list(by_length([], 10)) == []
