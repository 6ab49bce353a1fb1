"""What a study's file says, and the variants that it makes."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.errors import InputError
from joint_ie.settings import from_mapping
from joint_ie.study.configuration import StudySettings, level_name, matches, read_study, write_study
from joint_ie.study.grid import Variant, folder_name, variant_named, variants

MINIMAL: dict[str, Any] = {
    "question": "Which is better?",
    "axes": {"loss": {"atlop": {}, "pemscl": {"set": {"model": {"relations": {"loss": "pairwise"}}}}}},
    "measure": {"mode": "gold-entities", "protocol": "docred", "measure": "relations"},
}


def made(**changes: Any) -> tuple[Variant, ...]:
    return variants(from_mapping(StudySettings, {**MINIMAL, **changes}, "s.yaml"), "s.yaml")


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "losses.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, **changes}))
    return path


RATIO = "model.relations.negative_labels.ratio"


def test_the_product_of_named_and_key_axes() -> None:
    found = made(axes={**MINIMAL["axes"], RATIO: [1.0, 0.1, None]}, set={"training": {"epochs": 3}})
    assert [variant.name for variant in found] == [
        f"{loss}, ratio={ratio}" for loss, ratio in product(("atlop", "pemscl"), ("1.0", "0.1", "null"))
    ]
    assert found[4].levels == {"loss": "pemscl", RATIO: "0.1"}
    assert found[4].config == {
        "training": {"epochs": 3},
        "model": {"relations": {"loss": "pairwise", "negative_labels": {"ratio": 0.1}}},
    }


keys = st.sampled_from(["a.x", "a.y", "b.x", "c"])
axes = st.dictionaries(keys, st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True), min_size=1, max_size=3)


@given(axes, st.data())
def test_the_grid_is_the_product_without_what_is_left_out(axes: dict[str, list[int]], data: st.DataObject) -> None:
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    left_out = data.draw(st.lists(st.sampled_from(points), max_size=len(points) - 1, unique_by=str))
    found = made(axes=axes, leave_out=left_out)
    wanted = [point for point in points if point not in left_out]
    assert [variant.levels for variant in found] == [{k: str(v) for k, v in point.items()} for point in wanted]
    assert len({variant.name for variant in found}) == len(found)
    for variant, point in zip(found, wanted, strict=True):
        for key, value in point.items():
            config: Any = variant.config
            for part in key.split("."):
                config = config[part]
            assert config == value


def test_files_and_settings_are_laid_over_each_other_in_order(tmp_path: Path) -> None:
    for name, content in {
        "base": {"training": {"epochs": 1, "seed": 1, "warmup": 0.1, "patience": 1}},
        "system": {"training": {"epochs": 2, "warmup": 0.2, "patience": 2}, "extends": "base.yaml"},
        "budget": {"training": {"epochs": 3, "patience": 3}},
    }.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    changes: dict[str, Any] = {
        "base": ["base.yaml"],
        "axes": {"system": {"one": {"files": ["system.yaml"], "set": {"training": {"patience": 5}}}, "two": {}}},
        "over": ["budget.yaml"],
        "set": {"training": {"patience": 4}},
    }
    path = written(tmp_path, **changes)
    settings = read_study(path)
    assert [variant.config["training"] for variant in variants(settings, "")] == [
        {"epochs": 3, "seed": 1, "warmup": 0.2, "patience": 5},
        {"epochs": 3, "seed": 1, "warmup": 0.1, "patience": 4},
    ]
    write_study(settings, tmp_path / "elsewhere.yaml")
    for name in ("base", "system", "budget"):
        (tmp_path / f"{name}.yaml").unlink()
    again = read_study(tmp_path / "elsewhere.yaml")
    assert again == settings
    assert again.name == "losses"


def test_seeds_and_modes_of_some_variants() -> None:
    found = made(
        seeds=[1, 2, 2],
        seeds_of=[
            {"match": {"loss": "pemscl"}, "seeds": [1, 2, 3, 4]},
            {"match": {"pipeline": "both"}, "seeds": [2, 9]},
        ],
        modes_of=[{"match": {"pipeline": "both"}, "modes": ["end-to-end"]}, {"match": {"loss": "atlop"}, "modes": []}],
        pipelines={"both": {"entities": {"loss": "atlop"}, "relations": {"loss": "pemscl"}}},
    )
    assert [(variant.name, variant.seeds, variant.modes) for variant in found] == [
        ("atlop", (1, 2), ()),
        ("pemscl", (1, 2, 3, 4), ("gold-entities",)),
        ("both", (2,), ("end-to-end",)),
    ]
    assert found[2].pipeline is not None
    assert (found[2].pipeline.entities, found[2].pipeline.relations) == ("atlop", "pemscl")
    assert found[2].levels == {"pipeline": "both"}


def test_short_names_of_keys_tell_axes_apart() -> None:
    axes = {"model.mentions.threshold": [0.5], "model.coreference.threshold": [0.6], "training.epochs": [3]}
    [variant] = made(axes=axes)
    assert variant.name == "mentions.threshold=0.5, coreference.threshold=0.6, epochs=3"


@given(st.text())
def test_folder_names_are_safe(name: str) -> None:
    folder = folder_name(name)
    assert (
        folder and folder.isascii() and not set(folder) & set("/\\ \n\t:*?\"'<>|$&;~") and folder.strip(".") == folder
    )


@pytest.mark.parametrize(
    ("value", "name"), [("a b", "a b"), (None, "null"), (True, "true"), (0.1, "0.1"), ([1], "[1]")]
)
def test_level_names(value: object, name: str) -> None:
    assert level_name(value) == name
    assert matches({"x": name, "y": "1"}, {"x": value})
    assert not matches({"y": name}, {"x": value})


BOTH = {"both": {"entities": {"loss": "atlop"}, "relations": {"loss": "pemscl"}}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": ""}, r"question is empty; fill it in"),
        ({"axes": {}}, r"axes is empty"),
        ({"axes": {"loss": {}}}, r"axes\.loss is empty; give it at least one value"),
        ({"axes": {"training.epochs": [3, 3]}}, r"axes\.training\.epochs has 3 twice"),
        ({"axes": {"loss": {"a b": {}, "A-B": {}}}}, r"'a b' and 'A-B' would have one folder \(a-b\)"),
        (
            {"axes": {"loss": {"a": {"sets": {}}}}},
            r"axes\.loss\.a\.sets = .* is not a setting \(did you mean \"set\"\?\)",
        ),
        ({"axes": {"loss": {"a": {}}, "pipeline": {"b": {}}}, "pipelines": BOTH}, r"axes\.pipeline is the axis of"),
        ({"seeds": []}, r"seeds is empty"),
        ({"seeds": ["one"]}, r"seeds\[0\] = 'one' should be a whole number"),
        ({"leave_out": [{}]}, r"leave_out leaves no variant at all"),
        ({"leave_out": [{"los": "atlop"}]}, r"leave_out\[0\]: los is not an axis \(did you mean \"loss\"\?\)"),
        ({"leave_out": [{"loss": "atlob"}]}, r"leave_out\[0\]: loss = 'atlob' is not a value .*mean \"atlop\""),
        ({"seeds_of": [{"match": {"x": 1}, "seeds": [1]}]}, r"seeds_of\[0\]\.match: x is not an axis"),
        ({"modes_of": [{"match": {"x": 1}, "modes": []}]}, r"modes_of\[0\]\.match: x is not an axis"),
        ({"modes": ["gold"]}, r"modes\[0\] = 'gold' is not a choice.*allowed: end-to-end, gold-mentions"),
        ({"baseline": {"loss": "x"}}, r"baseline: loss = 'x' is not a value"),
        ({"keep": ["all"]}, r"keep\[0\] = 'all' is not a choice; allowed: predictions, checkpoints"),
        (
            {"pipelines": {"both": {**BOTH["both"], "entities": {}}}},
            r"pipelines\.both\.entities = \{\} should name one",
        ),
        (
            {"pipelines": BOTH, "seeds_of": [{"match": {"loss": "pemscl"}, "seeds": [7]}]},
            r"pipelines\.both has no seed that both of its variants have",
        ),
        ({"measure": {"mode": "gold-entities"}}, r"measure\.protocol is missing; set it"),
    ],
)
def test_mistakes_are_one_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"^s\.yaml: .*{message}"):
        made(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": ["gone.yaml"]}, r"gone\.yaml: cannot be read \(No such file"),
        ({"base": "base.yaml"}, r"losses\.yaml: base = 'base\.yaml' should be a list of YAML files"),
        ({"over": [3]}, r"losses\.yaml: over = \[3\] should be a list of YAML files"),
        ({"axes": {"a": {"b": {"files": "x"}}}}, r"losses\.yaml: axes\.a\.b\.files = 'x' should be a list"),
        ({"axes": 3}, r"losses\.yaml: axes = 3 should be a mapping with text as keys"),
        ({"axes": {"a": {0.5: {}}}}, r"losses\.yaml: axes\.a = .* should be a mapping with text as keys"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_study(written(tmp_path, **changes))


def test_a_variant_that_is_asked_for() -> None:
    found = made(axes={**MINIMAL["axes"], "training.epochs": [1, 2]})
    assert variant_named(found, {"loss": "atlop", "training.epochs": 2}, "").name == "atlop, epochs=2"
    with pytest.raises(InputError, match=r"x = \{loss: atlop\} should name one variant, but names 2; choose one of"):
        variant_named(found, {"loss": "atlop"}, "x")
