"""Parameter groups and the learning-rate schedule, against what they are defined to be."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import BertConfig, BertModel

from joint_ie.training.optimisation import (
    adamw,
    freeze_embeddings,
    learning_rate_factor,
    parameter_groups,
    set_learning_rates,
)
from joint_ie.training.settings import TrainingSettings


@pytest.fixture
def model():
    config = BertConfig(
        vocab_size=11, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=9,
    )  # fmt: skip
    return nn.ModuleDict({"encoder": BertModel(config), "head": nn.Sequential(nn.Linear(8, 4), nn.LayerNorm(4))})


def by_name(groups):
    return {name: (group.learning_rate, group.weight_decay) for group in groups for name in group.names}


def test_every_parameter_is_in_one_group_with_its_rate_and_decay(model):
    settings = TrainingSettings(encoder_learning_rate=1e-5, head_learning_rate=1e-3, weight_decay=0.1)
    groups = parameter_groups(model, settings)
    assert len(groups) == 4
    assert sorted(name for group in groups for name in group.names) == sorted(dict(model.named_parameters()))
    for name, (rate, decay) in by_name(groups).items():
        assert rate == (1e-5 if name.startswith("encoder.") else 1e-3)
        assert decay == (0.0 if name.endswith("bias") or "LayerNorm" in name or name == "head.1.weight" else 0.1)


def test_layer_decay_falls_from_the_top_layer_to_the_embeddings(model):
    rates = by_name(parameter_groups(model, TrainingSettings(encoder_learning_rate=1.0, layer_decay=0.5)))
    expected = {
        "encoder.pooler.dense.weight": 1.0,
        "encoder.encoder.layer.2.output.dense.weight": 1.0,
        "encoder.encoder.layer.1.output.dense.bias": 0.5,
        "encoder.encoder.layer.0.output.dense.weight": 0.25,
        "encoder.embeddings.word_embeddings.weight": 0.125,
        "head.0.weight": 1e-4,
    }
    assert {name: rates[name][0] for name in expected} == expected


def test_frozen_parameters_are_in_no_group(model):
    freeze_embeddings(model)
    names = by_name(parameter_groups(model, TrainingSettings()))
    assert not [name for name in names if "embeddings" in name]
    assert "encoder.encoder.layer.0.output.dense.weight" in names


def test_rates_reach_the_optimiser(model):
    settings = TrainingSettings(encoder_learning_rate=1e-5, head_learning_rate=1e-3)
    groups = parameter_groups(model, settings)
    optimizer = adamw(model, groups)
    set_learning_rates(optimizer, groups, 0.5)
    parameter_rate = {id(p): options["lr"] for options in optimizer.param_groups for p in options["params"]}
    assert parameter_rate[id(model.get_parameter("head.0.weight"))] == 5e-4
    assert parameter_rate[id(model.get_parameter("encoder.pooler.dense.weight"))] == pytest.approx(5e-6)


def test_ten_steps_of_the_schedule_by_hand():
    factors = [learning_rate_factor(step, 10, 0.2) for step in range(10)]
    assert factors == [1 / 2, 1, 8 / 8, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]


@given(st.integers(1, 500), st.floats(0, 0.99))
def test_the_schedule_rises_then_falls_and_never_wastes_a_step(total, warmup):
    factors = [learning_rate_factor(step, total, warmup) for step in range(total)]
    rising = round(warmup * total)
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[:rising] == sorted(factors[:rising])
    assert factors[rising:] == sorted(factors[rising:], reverse=True)
    assert torch.tensor(factors).max() == 1
