"""A study's cells, each with its checked training configuration; and whether older cells are still the same."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joint_ie.errors import InputError
from joint_ie.evaluation.protocol import Mode
from joint_ie.evaluation.protocols import named, protocols
from joint_ie.evaluation.significance import statistic_named
from joint_ie.settings import completed, differences, from_mapping, merge, to_mapping
from joint_ie.study.cells import Cell, Scoring
from joint_ie.study.configuration import StudySettings
from joint_ie.study.grid import Variant, variant_named, variants
from joint_ie.training.configuration import Experiment
from joint_ie.training.data import DataSettings, schema_for
from joint_ie.training.settings import NO_EFFECT

SAME_RESULT = frozenset({*(f"training.{name}" for name in NO_EFFECT), "training.threads"})
"""Settings that may differ between cells of one study; threads change the last bits of sums, the record has them."""

AFTER_TRAINING = ("tune", "model.relations.thresholds")
"""Settings that decide about a checkpoint when its training is over: variants that differ in them alone share one."""


@dataclass(frozen=True)
class Plan:
    """All cells of a study, those of the first seed first, so that an unfinished study has all variants early."""

    settings: StudySettings
    cells: tuple[Cell, ...]


def make_plan(settings: StudySettings, where: str, threads: int | None = None) -> Plan:
    """Every variant and seed, checked.

    ``threads`` replaces ``training.threads``; without it, configurations that say nothing about it get 1, so that as
    many cells as there are cores can run at a time. ``where`` (the study's file) begins the message of an `InputError`.
    """
    found = variants(settings, where)
    configs = {variant.name: _checked(variant, where, threads) for variant in found if not variant.pipeline}
    scorings = {variant.name: _scoring(settings, variant, configs, where) for variant in found}
    _check_headline(settings, found, scorings, where)
    trainers = _trainers(configs)
    having = {variant.name: variant.seeds for variant in found}
    cells = [
        Cell(
            study=settings.name,
            variant=variant.name,
            levels=variant.levels,
            seed=seed,
            config=_config(variant, configs, seed),
            scoring=scorings[variant.name],
            keep=settings.keep,
            pipeline=variant.pipeline,
            trained_by=next((name for name in trainers.get(variant.name, ()) if seed in having[name]), None),
        )
        for variant in found
        for seed in variant.seeds
    ]
    seeds = list(dict.fromkeys(cell.seed for cell in cells))
    return Plan(settings, tuple(sorted(cells, key=lambda cell: seeds.index(cell.seed))))


def with_parts(chosen: Sequence[Cell], cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The chosen cells and those that their pipelines need, in the order of ``cells``."""
    needed = {place for cell in chosen for place in (cell.place, *cell.parts)}
    return tuple(cell for cell in cells if cell.place in needed)


def changed_training(old: Cell, new: Cell) -> Iterator[tuple[str, Any, Any]]:
    """Every key in which an older cell's training differs so that its result may differ, with both values."""
    for key, before, after in differences(_completed(old), _completed(new)):
        if key.removeprefix("entities.").removeprefix("relations.") not in SAME_RESULT:
            yield key, before, after


def changed_scoring(old: Cell, new: Cell) -> Iterator[tuple[str, Any, Any]]:
    """Every key in which an older cell is scored otherwise, with both values."""
    yield from differences(to_mapping(old.scoring), to_mapping(new.scoring))


def _config(variant: Variant, configs: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, Any]:
    if variant.pipeline:
        parts = {"entities": variant.pipeline.entities, "relations": variant.pipeline.relations}
        return {part: _with_seed(configs[name], seed) for part, name in parts.items()}
    return _with_seed(configs[variant.name], seed)


def _with_seed(config: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return merge(config, {"training": {"seed": seed}})


def _checked(variant: Variant, where: str, threads: int | None) -> dict[str, Any]:
    """The whole training configuration, defaults included."""
    config = completed(Experiment, variant.config, f"{where}: variant {variant.name!r}")
    return merge(config, {"training": {"threads": threads or config["training"]["threads"] or 1}})


def _trainers(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """By variant, those before it with the same training."""
    found: dict[str, list[str]] = {}
    for name, config in configs.items():
        found[name] = [
            other
            for other in found
            if config["generation"] is None
            and all(key in AFTER_TRAINING for key, _, _ in differences(configs[other], config))
        ]
    return found


def _completed(cell: Cell) -> dict[str, Any]:
    """The configuration with the defaults of settings that are younger than the cell."""
    if cell.pipeline:
        return {part: completed(Experiment, config, cell.name) for part, config in cell.config.items()}
    return completed(Experiment, cell.config, cell.name)


def _scoring(
    settings: StudySettings, variant: Variant, configs: Mapping[str, Mapping[str, Any]], where: str
) -> Scoring:
    chosen: dict[Mode, tuple[str, ...]] = {}
    config = configs[variant.pipeline.relations if variant.pipeline else variant.name]
    relations = list(schema_for(from_mapping(DataSettings, config["data"], where)).relation_index)
    for mode in variant.modes:
        known = protocols(mode, relations=relations)
        try:
            found = named(settings.protocols.get(mode) or [next(iter(known))], known)
        except InputError as error:
            raise InputError(f"{where}: protocols.{mode}: {error}") from None
        chosen[mode] = tuple(protocol.name for protocol in found)
    return Scoring(chosen, settings.corpus, settings.training_facts)


def _check_headline(
    settings: StudySettings, found: Sequence[Variant], scorings: Mapping[str, Scoring], where: str
) -> None:
    """The headline must be measured somewhere, and the baseline be one variant that has it."""
    mode, name = settings.measure.mode, settings.measure.protocol
    having = [variant for variant in found if name in scorings[variant.name].protocols.get(mode, ())]
    if not having:
        raise InputError(f"{where}: measure: no variant is scored in mode {mode} by protocol {name!r}; add it to both")
    facts = None if settings.training_facts is None else frozenset[Any]()
    try:
        statistic_named(protocols(mode, facts)[name], settings.measure.measure)
    except InputError as error:
        raise InputError(f"{where}: measure: {error}") from None
    if settings.baseline is not None:
        baseline = variant_named(found, settings.baseline, f"{where}: baseline")
        if baseline not in having:
            raise InputError(f"{where}: baseline: {baseline.name!r} is not scored in mode {mode} by {name!r}; add it")
    for key in settings.protocols:
        if key not in {mode for scoring in scorings.values() for mode in scoring.protocols}:
            raise InputError(f"{where}: protocols.{key} is for a mode that no variant has; remove it, or add the mode")
