from joint_ie.cli.tune import shift_text


def test_shifts_in_words() -> None:
    assert shift_text(-0.25) == "-0.250"
    assert shift_text((0.5, -1.25, 0.0)) == "-1.250 to +0.500 (each relation its own)"
