"""A question as YAML: what is varied, with which seeds, and how it is scored (docs/studies.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from joint_ie.errors import InputError
from joint_ie.evaluation.protocol import Mode
from joint_ie.settings import from_mapping, load_yaml, to_mapping
from joint_ie.training.folders import write_file

Levels = dict[str, Any]
"""Values by axis; what names a value is its `level_name`."""


@dataclass(frozen=True)
class Overlay:
    """What a value of a named axis lays over the base: files first, then settings."""

    files: dict[str, Any] = field(default_factory=dict)
    """A list of files in the YAML, here their merged content."""
    set: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SeedsOf:
    """Other seeds for the variants that match."""

    match: Levels
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class ModesOf:
    """Other modes for the variants that match."""

    match: Levels
    modes: tuple[Mode, ...]


@dataclass(frozen=True)
class PipelineSettings:
    """A variant that trains nothing: its entities are found by one variant, relations between them by another."""

    entities: Levels
    relations: Levels


@dataclass(frozen=True)
class Headline:
    """The number that variants are sorted and compared by."""

    mode: Mode
    protocol: str
    measure: str


@dataclass(frozen=True)
class StudySettings:
    """The whole configuration of `joint-ie study`.

    A variant's training configuration is made of files and settings, the later winning: the files of ``base``, of the
    variant's value of every axis, and of ``over``; then ``set``, and the settings of the values.
    """

    question: str
    """One sentence, printed above every report."""
    axes: dict[str, dict[str, Overlay] | tuple[Any, ...]]
    """A name with its values and what each lays over, or a key of the training configuration with a list of values."""
    measure: Headline
    name: str = ""
    """The name of the study's file if empty."""
    base: dict[str, Any] = field(default_factory=dict)
    """A list of files in the YAML, here their merged content; so is ``over``."""
    over: dict[str, Any] = field(default_factory=dict)
    set: dict[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    """Values of ``training.seed``."""
    seeds_of: tuple[SeedsOf, ...] = ()
    leave_out: tuple[Levels, ...] = ()
    """Combinations of values that make no sense."""
    pipelines: dict[str, PipelineSettings] = field(default_factory=dict)
    modes: tuple[Mode, ...] = ("gold-entities",)
    modes_of: tuple[ModesOf, ...] = ()
    protocols: dict[Mode, tuple[str, ...]] = field(default_factory=dict)
    """Names of protocols by mode; the first of a mode that is not named."""
    corpus: str | None = None
    """What is scored; None: the dev documents of the run."""
    training_facts: str | None = None
    """A training corpus, for Ign F1 and groups of rare relations."""
    baseline: Levels | None = None
    """The variant that the others are tested against."""
    keep: tuple[Literal["predictions", "checkpoints"], ...] = ("predictions",)
    """What stays after a cell is scored, besides its record."""

    def __post_init__(self) -> None:
        for name in ("question", "axes", "seeds"):
            if not getattr(self, name):
                raise InputError(f"{name} is empty; fill it in")
        for axis, values in self.axes.items():
            if not values:
                raise InputError(f"axes.{axis} is empty; give it at least one value")


def read_study(path: Path) -> StudySettings:
    """The study that a YAML file describes; the files that it names are relative to its own folder."""
    data = load_yaml([path])
    for key in ("base", "over"):
        if key in data:
            data[key] = _content(data[key], path, key)
    axes = data.get("axes")
    for axis, values in axes.items() if isinstance(axes, dict) else ():
        for name, overlay in values.items() if isinstance(values, dict) else ():
            if isinstance(overlay, dict) and "files" in overlay:
                overlay["files"] = _content(overlay["files"], path, f"axes.{axis}.{name}.files")
    return from_mapping(StudySettings, {"name": path.stem, **data}, str(path))


def write_study(settings: StudySettings, path: Path) -> None:
    """Write what `read_study` reads, with the content of all files in it."""
    write_file(path, yaml.safe_dump(to_mapping(settings), sort_keys=False, allow_unicode=True))


def level_name(value: Any) -> str:
    """How a value of an axis is called: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def matches(levels: Mapping[str, str], match: Mapping[str, Any]) -> bool:
    """Whether a variant with these levels has all the values of ``match``."""
    return all(levels.get(axis) == level_name(value) for axis, value in match.items())


def _content(files: Any, path: Path, key: str) -> Mapping[str, Any]:
    """The merged content of a list of files; a study that was written has the content itself."""
    if isinstance(files, Mapping):
        return files
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise InputError(f"{path}: {key} = {files!r} should be a list of YAML files")
    return load_yaml([path.parent / file for file in files])
