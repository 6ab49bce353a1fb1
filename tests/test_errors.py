import math

import pytest

from joint_ie.errors import InputError, check_range


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "allowed"),
    [
        ({"low": 1}, (1, 7), (0, 0.9), "at least 1"),
        ({"low": 0, "high": 1}, (0, 0.5, 1), (-0.1, 1.1), "at least 0 and at most 1"),
        ({"above": 0}, (1e-9, 7), (0, -1), "above 0"),
        ({"above": 0, "high": 1}, (0.1, 1), (0, 1.1), "above 0 and at most 1"),
        ({"low": 0, "below": 1}, (0, 0.9), (-0.1, 1), "at least 0 and below 1"),
    ],
)
def test_ranges(bounds: dict, inside: tuple, outside: tuple, allowed: str) -> None:
    for value in (None, *inside):
        check_range("share", value, **bounds)
    for value in (*outside, math.nan):
        with pytest.raises(InputError) as caught:
            check_range("share", value, **bounds)
        assert str(caught.value) == f"share = {value} should be {allowed}"
