"""The variants of a study: the product of its axes, without what is left out, and with its pipelines."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from joint_ie.errors import InputError, nearest
from joint_ie.evaluation.protocol import Mode
from joint_ie.settings import merge
from joint_ie.study.configuration import Overlay, StudySettings, level_name, matches
from joint_ie.study.records import PipelineParts

PIPELINE = "pipeline"
"""The axis of a pipeline, whose only level is its name."""


@dataclass(frozen=True)
class Variant:
    """A point of the grid. ``config`` is its training configuration but for the seed, empty for a ``pipeline``."""

    name: str
    levels: dict[str, str]
    config: dict[str, Any]
    seeds: tuple[int, ...]
    modes: tuple[Mode, ...]
    pipeline: PipelineParts | None = None


@dataclass(frozen=True)
class _Level:
    """A value of an axis: its name, how it shows in the name of a variant, and what it lays over."""

    name: str
    shown: str
    overlay: Overlay


def variants(settings: StudySettings, where: str) -> tuple[Variant, ...]:
    """All variants, in the order of the axes; ``where`` (the study's file) begins the message of an `InputError`."""
    levels = {axis: _levels(settings, axis, where) for axis in settings.axes}
    _check_matches(settings, levels, where)
    trained = [
        _variant(settings, dict(zip(levels, point, strict=True)))
        for point in product(*levels.values())
        if not any(
            matches({axis: level.name for axis, level in zip(levels, point, strict=True)}, left_out)
            for left_out in settings.leave_out
        )
    ]
    if not trained:
        raise InputError(f"{where}: leave_out leaves no variant at all; remove some of it")
    found = [*trained, *(_pipeline(settings, name, trained, where) for name in settings.pipelines)]
    _check_names(found, where)
    return tuple(found)


def variant_named(found: Sequence[Variant], match: Mapping[str, Any], where: str) -> Variant:
    """The only variant with these levels; ``where`` (file and key) begins the message of an `InputError`."""
    chosen = [variant for variant in found if matches(variant.levels, match)]
    if len(chosen) != 1:
        asked = ", ".join(f"{axis}: {level_name(value)}" for axis, value in match.items())
        names = "; ".join(variant.name for variant in chosen or found)
        raise InputError(
            f"{where} = {{{asked}}} should name one variant, but names {len(chosen)}; "
            f"{'choose one of' if chosen else 'there are'} {names}"
        )
    return chosen[0]


def folder_name(variant: str) -> str:
    """The name of a variant without what file systems and shells do not like."""
    return re.sub(r"[^A-Za-z0-9._=+-]+", "-", variant).strip("-.") or "variant"


def _levels(settings: StudySettings, axis: str, where: str) -> list[_Level]:
    values = settings.axes[axis]
    if isinstance(values, dict):
        return [_Level(name, name, overlay) for name, overlay in values.items()]
    found = []
    short = _short_names([key for key, values in settings.axes.items() if isinstance(values, tuple)])[axis]
    for value in values:
        overlay: Any = value
        for key in reversed(axis.split(".")):
            overlay = {key: overlay}
        name = level_name(value)
        found.append(_Level(name, f"{short}={name}", Overlay(set=overlay)))
    repeated = [name for name, count in Counter(level.name for level in found).items() if count > 1]
    if repeated:
        raise InputError(f"{where}: axes.{axis} has {repeated[0]} twice; remove one")
    return found


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    """The last part of every key, or as many as tell it apart from the others."""
    found = {}
    for key in keys:
        parts = key.split(".")
        endings = (".".join(parts[-count:]) for count in range(1, len(parts) + 1))
        others = [f".{other}" for other in keys if other != key]
        found[key] = next((end for end in endings if not any(o.endswith(f".{end}") for o in others)), key)
    return found


def _variant(settings: StudySettings, point: Mapping[str, _Level]) -> Variant:
    levels = {axis: level.name for axis, level in point.items()}
    overlays = [level.overlay for level in point.values()]
    config: dict[str, Any] = {}
    for layer in (settings.base, *(overlay.files for overlay in overlays), settings.over, settings.set):
        config = merge(config, layer)
    for overlay in overlays:
        config = merge(config, overlay.set)
    seeds, modes = _seeds_and_modes(settings, levels)
    return Variant(", ".join(level.shown for level in point.values()), levels, config, seeds, modes)


def _pipeline(settings: StudySettings, name: str, trained: Sequence[Variant], where: str) -> Variant:
    parts = settings.pipelines[name]
    entities = variant_named(trained, parts.entities, f"{where}: pipelines.{name}.entities")
    relations = variant_named(trained, parts.relations, f"{where}: pipelines.{name}.relations")
    levels = {PIPELINE: name}
    asked, modes = _seeds_and_modes(settings, levels)
    seeds = tuple(seed for seed in asked if seed in entities.seeds and seed in relations.seeds)
    if not seeds:
        raise InputError(
            f"{where}: pipelines.{name} has no seed that both of its variants have; give them a common one"
        )
    return Variant(name, levels, {}, seeds, modes, PipelineParts(entities.name, relations.name))


def _seeds_and_modes(settings: StudySettings, levels: Mapping[str, str]) -> tuple[tuple[int, ...], tuple[Mode, ...]]:
    """Of the entries that match, the last holds."""
    seeds, modes = settings.seeds, settings.modes
    for other_seeds in settings.seeds_of:
        if matches(levels, other_seeds.match):
            seeds = other_seeds.seeds
    for other_modes in settings.modes_of:
        if matches(levels, other_modes.match):
            modes = other_modes.modes
    return tuple(dict.fromkeys(seeds)), tuple(dict.fromkeys(modes))


def check_levels(match: Mapping[str, Any], known: Mapping[str, Iterable[str]], where: str) -> None:
    """Raise `InputError` unless ``match`` has axes and values that there are; ``where`` names file and key."""
    for axis, value in match.items():
        if axis not in known:
            raise InputError(f"{where}: {axis} is not an axis{nearest(axis, known)}; there are {', '.join(known)}")
        names = list(known[axis])
        if level_name(value) not in names:
            raise InputError(
                f"{where}: {axis} = {value!r} is not a value of this axis{nearest(level_name(value), names)}; "
                f"there are {', '.join(names)}"
            )


def _check_matches(settings: StudySettings, levels: Mapping[str, Sequence[_Level]], where: str) -> None:
    """Find out misspelt axes and values, which would otherwise match nothing, silently."""
    axes = {axis: [level.name for level in values] for axis, values in levels.items()}
    every = {**axes, **({PIPELINE: list(settings.pipelines)} if settings.pipelines else {})}
    if settings.pipelines and PIPELINE in axes:
        raise InputError(f"{where}: axes.{PIPELINE} is the axis of the pipelines; call it otherwise")
    for i, left_out in enumerate(settings.leave_out):
        check_levels(left_out, axes, f"{where}: leave_out[{i}]")
    for i, other in enumerate(settings.seeds_of):
        check_levels(other.match, every, f"{where}: seeds_of[{i}].match")
    for i, modes in enumerate(settings.modes_of):
        check_levels(modes.match, every, f"{where}: modes_of[{i}].match")
    for name, parts in settings.pipelines.items():
        check_levels(parts.entities, axes, f"{where}: pipelines.{name}.entities")
        check_levels(parts.relations, axes, f"{where}: pipelines.{name}.relations")
    if settings.baseline is not None:
        check_levels(settings.baseline, every, f"{where}: baseline")


def _check_names(found: Sequence[Variant], where: str) -> None:
    folders: dict[str, str] = {}
    for variant in found:
        folder = folder_name(variant.name).lower()
        if folder in folders:
            raise InputError(
                f"{where}: the variants {folders[folder]!r} and {variant.name!r} would have one folder ({folder}); "
                f"rename a value"
            )
        folders[folder] = variant.name
