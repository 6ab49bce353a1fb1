from dataclasses import dataclass

import pytest

from joint_ie.errors import InputError
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.training.settings import TrainingSettings


@dataclass(frozen=True)
class Wrapper:
    training: TrainingSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("accumulation", 0), ("threads", 0), ("validate_every", 0), ("patience", 0), ("log_every", 0),
        ("save_every_steps", 0), ("encoder_learning_rate", -1e-4), ("head_learning_rate", -1e-4),
        ("weight_decay", -1), ("validate_from", -1), ("max_gradient_norm", 0), ("layer_decay", 0), ("layer_decay", 2),
        ("warmup", 1), ("seed", -1), ("seed", 2**32),
    ],
)  # fmt: skip
def test_values_out_of_range_are_named(name, value):
    with pytest.raises(InputError, match=f"config.yaml: training: {name} = .* should be"):
        from_mapping(Wrapper, {"training": {name: value}}, "config.yaml")


def test_defaults_survive_a_round_trip():
    assert from_mapping(TrainingSettings, to_mapping(TrainingSettings())) == TrainingSettings()
