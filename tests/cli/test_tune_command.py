from joint_ie.cli.tune import lines, shift_text
from joint_ie.models.settings import ModelSettings
from joint_ie.models.tuning import Tuned


def test_shifts_in_words() -> None:
    assert shift_text(-0.25) == "-0.250"
    assert shift_text((0.5, -1.25, 0.0)) == "-1.250 to +0.500 (each relation its own)"


def test_what_was_found_and_what_was_left() -> None:
    settings = ModelSettings()
    assert list(lines(Tuned(settings, 0.9, 0.8, 0.25, 0.5))) == [
        "mentions      from 0.850   F1 90.00",
        "coreference   above 0.850  F1 80.00 (clusters)",
        "relations     shift +0.000 F1 25.00 (strict)",
        "gold entities shift +0.000 F1 50.00",
    ]
    left = "left as it was: not trained for this, or for a step before it (model.task_weights)"
    *entities, relations = lines(Tuned(settings, gold_entities=0.0))
    assert all(line.endswith(left) for line in entities)
    assert relations == "gold entities shift +0.000 F1 0.00"
