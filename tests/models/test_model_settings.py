from typing import Any

import pytest

from joint_ie.errors import InputError
from joint_ie.models.config import JointConfig
from joint_ie.models.relation_settings import RelationSettings
from joint_ie.models.settings import ModelSettings, TaskWeights
from joint_ie.settings import from_mapping, to_mapping


def test_block_size_must_divide() -> None:
    with pytest.raises(InputError, match="embedding_size = 100 should be a multiple of block_size = 64"):
        RelationSettings(embedding_size=100)
    with pytest.raises(InputError, match=r"c\.yaml: relations: embedding_size = 100"):
        from_mapping(ModelSettings, {"relations": {"embedding_size": 100}}, "c.yaml")


def test_wrong_names_are_refused() -> None:
    with pytest.raises(InputError, match=r'task_weights\.relation = 1 is not a setting \(did you mean "relations"'):
        from_mapping(ModelSettings, {"task_weights": {"relation": 1}}, "c.yaml")
    with pytest.raises(InputError, match=r'mentions\.treshold = 1 is not a setting \(did you mean "threshold"'):
        from_mapping(ModelSettings, {"mentions": {"treshold": 1}}, "c.yaml")
    with pytest.raises(InputError, match=r"relations\.representation = 'localised-context'"):
        from_mapping(ModelSettings, {"relations": {"representation": "localised-context"}}, "c.yaml")


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(InputError, match="give at least one of mentions, coreference"):
        TaskWeights(0, 0, 0, 0)
    with pytest.raises(InputError, match=r"c\.yaml: task_weights: relations = -1\.0 should be at least 0"):
        from_mapping(ModelSettings, {"task_weights": {"relations": -1}}, "c.yaml")


def test_tasks_that_are_not_named_keep_their_weight() -> None:
    settings = from_mapping(ModelSettings, {"task_weights": {"relations": 2.0, "mentions": 0}}, "c.yaml")
    assert settings.task_weights == TaskWeights(0.0, 1.0, 0.25, 2.0)


def test_config_gives_back_settings_and_schema(toy) -> None:
    model = toy.model(mentions={"threshold": 0.4}, task_weights={"relations": 1.5})
    again = JointConfig.from_dict(model.config.to_dict())
    assert again.settings == model.settings and to_mapping(again.settings) == model.config.model
    assert again.schema == toy.SCHEMA
    assert again.encoder_config["hidden_size"] == 16
    assert JointConfig().settings == ModelSettings()  # transformers makes empty ones


def test_shifts_are_one_number_or_one_for_each_relation(toy) -> None:
    for shift in (0.5, (0.1, -0.2, 0.3, 0.4)):
        RelationSettings(shift=shift, gold_shift=shift).check_shifts(4)
    settings = from_mapping(ModelSettings, {"relations": {"gold_shift": [1, 2, "3e-1"]}}, "c.yaml")
    assert settings.relations.gold_shift == (1.0, 2.0, 0.3)
    with pytest.raises(InputError, match=r"relations\.gold_shift has 3 numbers, but the schema 4 relations"):
        settings.relations.check_shifts(4)
    with pytest.raises(InputError, match=r"relations\.shift has 2 numbers"):
        toy.model(relations={"shift": [1.0, 2.0]})


def test_what_is_marked() -> None:
    assert [RelationSettings(input=kind).marked for kind in ("one-pass", "markers", "typed-markers")] == [0, 1, 1]


def test_evidence_guides_contexts_alone(toy) -> None:
    for representation in toy.REPRESENTATIONS:
        for without in ({}, {"context": False}, {"pair_aware": {"grid": False}}):
            if "context" in without and representation != "localized-context":
                continue
            given = {"relations": {"representation": representation} | without}
            if toy.model(**given).relation_scorer.needs_attention:
                given["relations"]["evidence_weight"] = 0.1
                assert toy.model(**given).settings.relations.evidence_weight == 0.1
                continue
            given["relations"]["evidence_weight"] = 0.1
            with pytest.raises(
                InputError, match=rf"c\.yaml: relations: evidence_weight = 0\.1 .*{representation} has no"
            ):
                from_mapping(ModelSettings, given, "c.yaml")
    with pytest.raises(InputError, match="evidence_weight = -1 should be at least 0"):
        RelationSettings(evidence_weight=-1)


@pytest.mark.parametrize(
    ("setting", "value", "able"),
    [
        ("pooling", "mean", ["localized-context", "axial-attention", "u-net", "pair-aware"]),
        ("context", False, ["localized-context"]),
        ("pool_spans", True, ["localized-context"]),
        ("typed", True, ["localized-context"]),
        ("dropout", 0.1, ["localized-context"]),
    ],
)
def test_settings_without_effect_on_a_representation_are_refused(
    toy, setting: str, value: Any, able: list[str]
) -> None:
    default = getattr(RelationSettings(), setting)
    for representation in toy.REPRESENTATIONS:
        assert getattr(RelationSettings(representation=representation, **{setting: default}), setting) == default
        given = {"relations": {"representation": representation, setting: value}}
        if representation in able:
            assert getattr(from_mapping(ModelSettings, given, "c.yaml").relations, setting) == value
            continue
        said = rf"^c\.yaml: relations: {setting} = {value!r} has no effect on representation = '{representation}'"
        with pytest.raises(InputError, match=rf"{said}; leave it at {default!r}, or take {', '.join(able)}$"):
            from_mapping(ModelSettings, given, "c.yaml")


def test_a_product_that_is_always_there_is_not_a_choice() -> None:
    given: dict[str, Any] = {"coreference": {"method": "antecedent", "product": True}}
    said = r"^c\.yaml: coreference: product = True has no effect on method = 'antecedent'"
    with pytest.raises(InputError, match=said):
        from_mapping(ModelSettings, given, "c.yaml")
    given = {"coreference": {"method": "antecedent", "linkage": "average"}}
    with pytest.raises(InputError, match=r"linkage = 'average' has no effect .*; leave it at 'complete', or"):
        from_mapping(ModelSettings, given, "c.yaml")
    given = {"coreference": {"method": "antecedent", "typical_mentions": 25}}
    with pytest.raises(InputError, match=r"typical_mentions = 25 has no effect .*; leave it at None, or"):
        from_mapping(ModelSettings, given, "c.yaml")
    with pytest.raises(InputError, match=r"typical_mentions = 0 should be at least 1"):
        from_mapping(ModelSettings, {"coreference": {"typical_mentions": 0}}, "c.yaml")


@pytest.mark.parametrize("dropout", [-0.1, 1.0, float("nan")])
def test_dropout_leaves_something(dropout: float) -> None:
    with pytest.raises(InputError, match=rf"dropout = {dropout} should be at least 0 and below 1"):
        RelationSettings(dropout=dropout)


def test_averaged_layers(toy) -> None:
    assert toy.model(encoder={"averaged_layers": 2}).encoder.averaged_layers == 2
    with pytest.raises(InputError, match="averaged_layers = 3, but the encoder has 2"):
        toy.model(encoder={"averaged_layers": 3})
    with pytest.raises(InputError, match=r"c\.yaml: encoder: averaged_layers = 0 should be at least 1"):
        from_mapping(ModelSettings, {"encoder": {"averaged_layers": 0}}, "c.yaml")
