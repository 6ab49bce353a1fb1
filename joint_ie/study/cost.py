"""What the variants of a study took, and how they learned."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any

from joint_ie.evaluation.spread import Spread, spread_of
from joint_ie.study.configuration import Headline
from joint_ie.study.records import Record
from joint_ie.study.study_records import StudyRecords, VariantRecords


@dataclass(frozen=True)
class VariantCost:
    """Spreads over seeds; times in seconds, memory in bytes. A ``pipeline`` counts the training of its two parts.

    Some cells of an ``interrupted`` variant went on in another process, whose memory alone is known, and of records
    that do not say ``cpu_complete`` its CPU time alone.
    """

    variant: str
    pipeline: bool
    interrupted: bool
    cpu_complete: bool
    costs: Mapping[str, Spread]

    def to_dict(self) -> dict[str, Any]:
        """Everything, in full precision."""
        return {
            "variant": self.variant,
            "pipeline": self.pipeline,
            "interrupted": self.interrupted,
            "cpu_complete": self.cpu_complete,
            **{name: found.to_dict() for name, found in self.costs.items()},
        }


@dataclass(frozen=True)
class Curve:
    """A metric on held-out documents by epoch, counted from 1: the seeds' mean, lowest and highest value.

    Epochs are those that every seed has; ``epochs_of_some`` counts the others.
    """

    variant: str
    metric: str
    seeds: int
    points: tuple[tuple[int, float, float, float], ...]
    epochs_of_some: int

    def to_dict(self) -> dict[str, Any]:
        """Everything, in full precision."""
        return {
            "variant": self.variant,
            "metric": self.metric,
            "seeds": self.seeds,
            "points": [dict(zip(("epoch", "mean", "low", "high"), point, strict=True)) for point in self.points],
            "epochs_of_some_seeds": self.epochs_of_some,
        }


def costs(study: StudyRecords) -> list[VariantCost]:
    """Of every variant that has a finished cell."""
    return [
        VariantCost(
            variant=variant.name,
            pipeline=variant.records[0].pipeline is not None,
            interrupted=any(record.cost.processes > 1 for record in variant.records),
            cpu_complete=all(record.cost.cpu_complete or record.cost.processes == 1 for record in variant.records),
            costs={
                name: spread_of([values[name] for values in map(_costs, variant.records)])
                for name in _costs(variant.records[0])
            },
        )
        for variant in study.variants
        if variant.records
    ]


def _costs(record: Record) -> dict[str, float]:
    cost = record.cost
    return {
        "training_seconds": cost.training_seconds,
        "cpu_seconds": cost.cpu_seconds,
        "evaluation_seconds": sum(cost.evaluation_seconds.values()),
        "peak_memory": cost.peak_memory,
        "parameters": cost.parameters,
        "steps": cost.steps,
    }


def curves(study: StudyRecords) -> list[Curve]:
    """One metric for all: that of the headline, else the one that most variants were validated with.

    Trained variants that were not validated with it have no curve (`trained_variants`).
    """
    metrics = {variant.name: _metrics(variant) for variant in trained_variants(study)}
    counts = Counter(name for found in metrics.values() for name in found)
    if not counts:
        return []
    wanted = monitored(study.headline)
    metric = wanted if wanted in counts else counts.most_common(1)[0][0]
    return [_curve(variant, metric) for variant in trained_variants(study) if metric in metrics[variant.name]]


def trained_variants(study: StudyRecords) -> list[VariantRecords]:
    """Those with a finished cell that was trained: all but pipelines of models that are there already."""
    return [variant for variant in study.variants if any(record.curve for record in variant.records)]


def _metrics(variant: VariantRecords) -> list[str]:
    """What every validation of every seed has."""
    points = [point for record in variant.records for point in record.curve]
    return [name for name in points[0].metrics if all(name in point.metrics for point in points)]


def monitored(headline: Headline) -> str:
    """What `training.validation` calls the headline's measure."""
    return "gold_entities" if headline.mode == "gold-entities" else headline.measure.removesuffix(".f1")


def _curve(variant: VariantRecords, metric: str) -> Curve:
    runs = [{point.epoch: point.metrics[metric] for point in r.curve} for r in variant.records if r.curve]
    every = set.union(*map(set, runs))
    common = sorted(set.intersection(*map(set, runs)))
    values = {epoch: [run[epoch] for run in runs] for epoch in common}
    points = tuple((epoch + 1, mean(found), min(found), max(found)) for epoch, found in values.items())
    return Curve(variant.name, metric, len(runs), points, len(every) - len(common))
