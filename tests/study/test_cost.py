"""Costs and learning curves over seeds."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from joint_ie.study.configuration import Headline
from joint_ie.study.cost import costs, curves, trained_variants
from joint_ie.study.records import CurvePoint


def test_costs_are_means_and_deviations_over_seeds(small: SimpleNamespace) -> None:
    study = small.study()
    found = {cost.variant: cost for cost in costs(study)}
    seconds = [record.cost.training_seconds for record in study.variants[0].records]
    spread = found["atlop"].costs["training_seconds"]
    assert spread.mean == pytest.approx(np.mean(seconds))
    assert spread.deviation == pytest.approx(np.std(seconds, ddof=1))
    assert found["ncrl"].costs["training_seconds"].deviation is None
    assert found["atlop"].costs["evaluation_seconds"].mean == 61
    assert [cost.variant for cost in costs(study) if cost.pipeline] == ["separate"]
    assert "paee" not in found


def test_of_an_interrupted_cell_an_old_record_knows_less(small: SimpleNamespace) -> None:
    study = small.study()
    first = study.variants[0]

    def known(*stages: tuple[int, bool]) -> tuple[bool, bool]:
        made = [replace(first.records[0].cost, processes=n, cpu_complete=complete) for n, complete in stages]
        records = tuple(replace(first.records[0], cost=cost) for cost in made)
        [cost] = costs(replace(study, variants=(replace(first, records=records),)))
        return cost.interrupted, cost.cpu_complete

    assert known((1, False), (1, False)) == (False, True)
    assert known((1, False), (2, True)) == (True, True)
    assert known((1, True), (2, False)) == (True, False)


def curve_of(values: dict[int, float], metric: str = "gold_entities") -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(epoch, epoch, 1.0, {metric: value, "other": 0.0}) for epoch, value in values.items())


def test_curves_go_from_the_lowest_to_the_highest_seed(small: SimpleNamespace) -> None:
    study = small.study()
    one, two, three = study.variants[0].records
    one = replace(one, curve=curve_of({0: 0.1, 1: 0.2, 2: 0.3}))
    two = replace(two, curve=curve_of({0: 0.3, 1: 0.4}))
    three = replace(three, curve=curve_of({0: 0.2, 1: 0.9, 2: 0.5}))
    study = replace(study, variants=(replace(study.variants[0], records=(one, two, three)),))
    [curve] = curves(study)
    assert curve.points == (
        (1, pytest.approx(0.2), 0.1, 0.3),
        (2, pytest.approx(0.5), 0.2, 0.9),
    )
    assert curve.epochs_of_some == 1 and curve.seeds == 3 and curve.metric == "gold_entities"


def test_a_pipeline_has_no_curve(small: SimpleNamespace) -> None:
    assert [curve.variant for curve in curves(small.study())] == ["atlop", "pemscl", "ncrl", "kd-docre", small.EVIL]


def test_the_metric_is_the_headlines_or_one_that_most_have(small: SimpleNamespace) -> None:
    study = small.study()
    strict = replace(study, headline=Headline("end-to-end", "jerex", "relations_strict.f1"))
    assert {curve.metric for curve in curves(strict)} == {"gold_entities"}  # nothing else was validated
    record = study.variants[0].records[0]
    mixed = (
        replace(record, curve=curve_of({0: 0.1}, "relations_strict")),
        replace(record, seed=2, curve=curve_of({0: 0.1})),
    )
    variants = (replace(study.variants[0], records=mixed),)
    assert [curve.metric for curve in curves(replace(strict, variants=variants))] == ["other"]
    bare = (replace(record, curve=curve_of({0: 0.1})), replace(record, curve=(CurvePoint(0, 0, 1.0, {"x": 1.0}),)))
    assert curves(replace(study, variants=(replace(study.variants[0], records=bare),))) == []


def test_variants_validated_otherwise_have_no_curve_and_cost_the_others_none(small: SimpleNamespace) -> None:
    study = small.study()
    first, *_ = study.variants
    record = first.records[0]
    variants = tuple(
        replace(first, name=name, records=(replace(record, curve=curve_of({0: 0.1}, metric)),))
        for name, metric in (("relations-only", "gold_entities"), ("one", "relations_strict"), ("two", "relations"))
    )
    study = replace(study, headline=Headline("end-to-end", "jerex", "relations_strict.f1"), variants=variants)
    assert [(curve.variant, curve.metric) for curve in curves(study)] == [("one", "relations_strict")]
    assert [variant.name for variant in trained_variants(study)] == ["relations-only", "one", "two"]
