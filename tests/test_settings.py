"""YAML to checked dataclasses and back."""

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.errors import InputError
from joint_ie.settings import Given, differences, from_mapping, load_yaml, merge, to_mapping


@dataclass(frozen=True)
class Inner:
    rate: float = 1e-4
    name: str = "a"
    limit: int | None = None


@dataclass(frozen=True)
class Outer:
    epochs: int
    on: bool = True
    kind: Literal["auto", "bf16", "no"] = "auto"
    sizes: tuple[int, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)
    more: tuple[Inner, ...] = ()
    maybe: Inner | None = None
    shift: float | tuple[float, ...] = 0.0

    def __post_init__(self):
        if self.epochs < 0:
            raise InputError(f"epochs = {self.epochs} should be at least 0")


@dataclass(frozen=True)
class Top:
    outer: Outer


numbers = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(Inner, numbers, st.text(), st.none() | st.integers(-(2**70), 2**70))
outers = st.builds(
    Outer,
    epochs=st.integers(0),
    on=st.booleans(),
    kind=st.sampled_from(["auto", "bf16", "no"]),
    sizes=st.lists(st.integers()).map(tuple),
    weights=st.dictionaries(st.text(), numbers),
    inner=inners,
    more=st.lists(inners, max_size=3).map(tuple),
    maybe=st.none() | inners,
    shift=numbers | st.lists(numbers).map(tuple),
)


@given(outers)
def test_round_trip_through_mappings_json_and_yaml(settings):
    data = to_mapping(settings)
    assert from_mapping(Outer, data) == settings
    assert from_mapping(Outer, json.loads(json.dumps(data))) == settings
    assert from_mapping(Outer, yaml.safe_load(yaml.safe_dump(data))) == settings


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"epohcs": 3},
            r'f.yaml: outer.epohcs = 3 is not a setting (did you mean "epochs"?); allowed here: epochs, on',
        ),
        ({"epochs": 1, "inner": {"nam": "x"}}, "f.yaml: outer.inner.nam = 'x' is not a setting (did you mean"),
        ({"epochs": 1, 7: 2}, "outer.7 = 2 is not a setting; allowed here"),
        ({}, "f.yaml: outer.epochs is missing"),
        ({"epochs": "3"}, "outer.epochs = '3' should be a whole number"),
        ({"epochs": True}, "outer.epochs = True should be a whole number"),
        ({"epochs": 1.0}, "outer.epochs = 1.0 should be a whole number"),
        ({"epochs": None}, "outer.epochs = None should be a whole number"),
        ({"epochs": 1, "on": 1}, "outer.on = 1 should be true or false"),
        ({"epochs": 1, "inner": {"rate": "fast"}}, "outer.inner.rate = 'fast' should be a number"),
        ({"epochs": 1, "inner": {"rate": float("nan")}}, "outer.inner.rate = nan should be a number"),
        ({"epochs": 1, "inner": {"rate": 10**400}}, "should be a number"),
        ({"epochs": 1, "inner": {"rate": True}}, "outer.inner.rate = True should be a number"),
        ({"epochs": 1, "inner": {"name": 3}}, "outer.inner.name = 3 should be text"),
        ({"epochs": 1, "inner": [1]}, "outer.inner = [1] should be a mapping of settings"),
        ({"epochs": 1, "kind": "bf61"}, "outer.kind = 'bf61' is not a choice (did you mean \"bf16\"?); allowed: auto"),
        ({"epochs": 1, "kind": 3}, "outer.kind = 3 is not a choice; allowed: auto, bf16, no"),
        ({"epochs": 1, "sizes": [1, "x"]}, "outer.sizes[1] = 'x' should be a whole number"),
        ({"epochs": 1, "shift": "x"}, "outer.shift = 'x' should be a number"),
        ({"epochs": 1, "shift": None}, "outer.shift = None should be a number"),
        ({"epochs": 1, "shift": [1, "x"]}, "outer.shift[1] = 'x' should be a number"),
        ({"epochs": 1, "sizes": "12"}, "outer.sizes = '12' should be a list"),
        ({"epochs": 1, "weights": {"a": "b"}}, "outer.weights.a = 'b' should be a number"),
        ({"epochs": 1, "weights": {True: 1}}, "should be a mapping with text as keys"),
        ({"epochs": 1, "more": [{}, {"x": 1}]}, "outer.more[1].x = 1 is not a setting"),
        ({"epochs": -1}, "f.yaml: outer: epochs = -1 should be at least 0"),
    ],
)
def test_errors_name_the_key_the_value_and_what_is_allowed(data, message):
    with pytest.raises(InputError) as caught:
        from_mapping(Top, {"outer": data}, "f.yaml")
    assert message in str(caught.value)


def test_what_yaml_reads_otherwise_than_people_do(tmp_path):
    (tmp_path / "f.yaml").write_text("epochs: 1\nkind: no\ninner:\n  rate: 1e-4\n")
    settings = from_mapping(Outer, load_yaml([tmp_path / "f.yaml"]))
    assert (settings.kind, settings.inner.rate) == ("no", 1e-4)


def test_later_files_win_and_overrides_win_over_files(tmp_path):
    (tmp_path / "a.yaml").write_text("epochs: 1\nsizes: [1, 2]\ninner: {name: a, rate: 0.5}\n")
    (tmp_path / "b.yaml").write_text("sizes: [3]\ninner:\n  name: b\n")
    merged = load_yaml([tmp_path / "a.yaml", tmp_path / "b.yaml"], ["inner.rate=1e-3", "weights.x=2", "maybe={}"])
    assert merged == {
        "epochs": 1, "sizes": [3], "inner": {"name": "b", "rate": "1e-3"}, "weights": {"x": 2}, "maybe": {},
    }  # fmt: skip
    assert from_mapping(Outer, merged).inner.rate == 1e-3


def test_extends_is_relative_to_the_file_and_lies_below_it(tmp_path):
    (tmp_path / "systems").mkdir()
    (tmp_path / "base.yaml").write_text("epochs: 1\ninner: {name: a, limit: 4}\n")
    (tmp_path / "systems" / "middle.yaml").write_text("extends: ../base.yaml\ninner: {name: b}\n")
    (tmp_path / "systems" / "top.yaml").write_text("extends: middle.yaml\nepochs: 3\n")
    assert load_yaml([tmp_path / "systems" / "top.yaml"]) == {"epochs": 3, "inner": {"name": "b", "limit": 4}}


def test_extends_in_a_circle_or_to_nothing_is_named(tmp_path):
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(InputError, match=r"a\.yaml: extends itself by way of .*b\.yaml"):
        load_yaml([tmp_path / "a.yaml"])
    (tmp_path / "b.yaml").write_text("extends: c.yaml\n")
    with pytest.raises(InputError, match=r"c\.yaml: cannot be read .*, which .*b\.yaml extends"):
        load_yaml([tmp_path / "b.yaml"])
    (tmp_path / "b.yaml").write_text("extends: [c.yaml]\n")
    with pytest.raises(InputError, match=r"b\.yaml: extends = \['c.yaml'\] should be the path"):
        load_yaml([tmp_path / "b.yaml"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: [1, 2\nc: 3\n", r"f\.yaml line 3: is not valid YAML \(.+\)"),
        (b"a: \xff\n", r"f\.yaml: is not valid YAML"),
        (b"- 1\n- 2\n", r"f\.yaml: should be a mapping of settings .* not \[1, 2\]"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "f.yaml").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_yaml([tmp_path / "f.yaml"])


def test_a_missing_file_and_an_empty_one(tmp_path):
    with pytest.raises(InputError, match=r"no\.yaml: cannot be read \(No such file or directory\)"):
        load_yaml([tmp_path / "no.yaml"])
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert load_yaml([tmp_path / "empty.yaml"]) == {}


@pytest.mark.parametrize("override", ["epochs", "=3", "a..b=3", "a=[1"])
def test_a_broken_override_is_named(override):
    with pytest.raises(InputError) as caught:
        load_yaml([], [override])
    assert repr(override) in str(caught.value)


def test_differences_name_full_paths_in_order():
    old = {"a": {"b": 1, "c": [1]}, "d": 2, "gone": 0}
    new = {"new": {"x": 1}, "d": 2, "a": {"b": 1, "c": [2]}}
    assert list(differences(old, new)) == [("a.c", [1], [2]), ("gone", 0, None), ("new", None, {"x": 1})]
    assert list(differences(old, dict(reversed(old.items())))) == []


def test_a_misspelt_key_comes_before_what_is_missing():
    with pytest.raises(InputError, match=r'inner\.nmae = 1 is not a setting \(did you mean "name"'):
        from_mapping(Outer, {"inner": {"nmae": 1}})


@pytest.mark.parametrize(
    ("file", "overrides", "place"),
    [
        ({"epohcs": 1}, ["outer.epochs=1"], "f.yaml: outer.epohcs"),
        ({}, ["outer.epohcs=1"], "command line: outer.epohcs"),
        ({}, ["outer={epochs: 1, inner: {rate: x}}"], "command line: outer.inner.rate"),
        ({"inner": {"rate": "x"}}, ["outer={epochs: 1}"], "f.yaml: outer.inner.rate"),
        ({"epochs": 1}, ["outer.more=[{rate: x}]"], "command line: outer.more[0].rate"),
        ({"epochs": 1}, ["outer.more=x"], "command line: outer.more"),
        ({"epochs": 1}, ["outer.inner=3"], "command line: outer.inner = 3"),
        ({"epochs": 1}, ["outer.kind=bf"], "command line: outer.kind"),
        ({}, ["outer.on=true"], "f.yaml: outer.epochs is missing"),
        # what a whole group of settings refuses may come from either
        ({"epochs": -1}, ["outer.on=true"], "f.yaml and the command line: outer: epochs = -1"),
        ({"epochs": -1}, [], "f.yaml: outer: epochs = -1"),
    ],
)
def test_errors_name_what_set_a_value(file, overrides, place):
    data = {"outer": file}
    for override in overrides:
        data = merge(data, load_yaml([], [override]))
    with pytest.raises(InputError) as caught:
        from_mapping(Top, data, Given(("f.yaml",), tuple(overrides)))
    assert str(caught.value).startswith(place)


@dataclass(frozen=True)
class Source:
    corpus: str
    share: float = 1.0


@dataclass(frozen=True)
class Sources:
    train: tuple[Source, ...] = ()
    modes: tuple[str, ...] = ()
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("data", "end"),
    [
        ({"train": "a, b.jsonl"}, "should be a list such as [{corpus: 'a, b.jsonl'}]"),
        ({"train": ["a.jsonl"]}, "train[0] = 'a.jsonl' should be a mapping of settings such as {corpus: a.jsonl}"),
        ({"train": [3]}, "should be a mapping of settings"),
        ({"train": {"corpus": "a"}}, "should be a list"),
        ({"modes": "end-to-end"}, "should be a list such as [end-to-end]"),
        ({"inner": "a"}, "should be a mapping of settings"),
    ],
)
def test_errors_show_how_a_lone_value_is_written(data, end):
    with pytest.raises(InputError) as caught:
        from_mapping(Sources, data)
    assert str(caught.value).endswith(end)
