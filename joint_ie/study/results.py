"""All that a report says about a study, as numbers."""

from dataclasses import dataclass
from typing import Any

from joint_ie.study.breakdown import Breakdown, by_bucket, by_error, by_label
from joint_ie.study.comparison import RESAMPLES, Comparison, comparisons
from joint_ie.study.cost import Curve, VariantCost, costs, curves
from joint_ie.study.records import ScoredCorpus
from joint_ie.study.study_records import StudyRecords

FORMAT = 1


@dataclass(frozen=True)
class ModeBreakdowns:
    """Where the variants differ in one mode."""

    mode: str
    buckets: tuple[Breakdown, ...]
    errors: tuple[Breakdown, ...]


@dataclass(frozen=True)
class Results:
    """``comparisons`` begin with that of the headline, whose labels are ``labels``."""

    study: StudyRecords
    corpus: ScoredCorpus
    resamples: int
    comparisons: tuple[Comparison, ...]
    labels: Breakdown | None
    breakdowns: tuple[ModeBreakdowns, ...]
    costs: tuple[VariantCost, ...]
    curves: tuple[Curve, ...]

    def to_dict(self) -> dict[str, Any]:
        """The content of ``report.json``: fractions, seconds and bytes in full precision."""
        study, head = self.study, self.study.headline
        return {
            "format": FORMAT,
            "study": study.name,
            "question": study.question,
            "corpus": {
                "name": self.corpus.name,
                "documents": self.corpus.documents,
                "fingerprint": self.corpus.fingerprint,
            },
            "headline": {"mode": head.mode, "protocol": head.protocol, "measure": head.measure},
            "baseline": study.baseline,
            "resamples": self.resamples,
            "cells": [
                {
                    "variant": variant.name,
                    "levels": dict(variant.levels),
                    "finished_seeds": [record.seed for record in variant.records],
                    "missing_seeds": list(variant.missing),
                    "failures": {str(seed): message for seed, message in variant.failures.items()},
                }
                for variant in study.variants
            ],
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
            "labels": self.labels.to_dict() if self.labels else None,
            "breakdowns": [
                {
                    "mode": found.mode,
                    "buckets": [breakdown.to_dict() for breakdown in found.buckets],
                    "errors": [breakdown.to_dict() for breakdown in found.errors],
                }
                for found in self.breakdowns
            ],
            "costs": [cost.to_dict() for cost in self.costs],
            "curves": [curve.to_dict() for curve in self.curves],
        }


def results(study: StudyRecords, resamples: int = RESAMPLES) -> Results:
    """Compute everything; errors are those of `comparisons` and of `StudyRecords.corpus`."""
    corpus = study.corpus
    compared = tuple(comparisons(study, resamples))
    first_of = {comparison.mode: comparison for comparison in reversed(compared)}
    modes = dict.fromkeys(comparison.mode for comparison in compared)
    return Results(
        study=study,
        corpus=corpus,
        resamples=resamples,
        comparisons=compared,
        labels=by_label(study, compared[0]),
        breakdowns=tuple(
            ModeBreakdowns(mode, tuple(by_bucket(study, first_of[mode])), tuple(by_error(study, first_of[mode])))
            for mode in modes
        ),
        costs=tuple(costs(study)),
        curves=tuple(curves(study)),
    )
