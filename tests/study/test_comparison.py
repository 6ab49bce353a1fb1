"""Means, deviations, differences and adjusted p against numpy, and against the tests called directly."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from joint_ie.errors import InputError
from joint_ie.evaluation import holm, paired_bootstrap
from joint_ie.evaluation.tally import Tally
from joint_ie.study.comparison import Comparison, _measure, comparisons, counted_in, parts_of
from joint_ie.study.configuration import Headline
from joint_ie.study.records import Record
from joint_ie.study.results import Results
from joint_ie.study.study_records import StudyRecords


def f1(small: SimpleNamespace, quality: float, seed: int) -> float:
    """Of the relations of a cell of the small study, from sums of its tallies."""
    reached = quality + float(np.random.default_rng([seed, int(1000 * quality)]).normal(0, 0.01))
    rows = small.tallies(reached, seed, 30)
    sums = np.zeros(4)
    for row in rows:
        for (measure, _), tally in row.items():
            if measure == "relations":
                sums += (tally.right_predicted, tally.predicted, tally.right_gold, tally.gold)
    return 2 * sums[0] / (sums[1] + sums[3])


def row(comparison: Comparison, variant: str):
    return next(row for row in comparison.rows if row.variant == variant)


def test_means_and_deviations_are_numpys(small: SimpleNamespace, found: Results) -> None:
    head = found.comparisons[0]
    for variant, quality, seeds in (("atlop", 0.5, (1, 2, 3)), ("pemscl", 0.75, (1, 2, 3)), ("kd-docre", 0.55, (1, 2))):
        values = [f1(small, quality, seed) for seed in seeds]
        spread = row(head, variant).scores["relations.f1"]
        assert spread.mean == pytest.approx(np.mean(values), rel=1e-12)
        assert spread.deviation == pytest.approx(np.std(values, ddof=1), rel=1e-9)
        by_seed = [scores["relations.f1"] for scores in row(head, variant).by_seed.values()]
        assert by_seed == pytest.approx(values, rel=1e-12)


def test_one_seed_has_no_deviation(found: Results) -> None:
    only = row(found.comparisons[0], "ncrl")
    assert only.seeds == (1,) and only.scores["relations.f1"].deviation is None


def test_differences_are_those_of_the_paired_bootstrap(small: SimpleNamespace, found: Results) -> None:
    study = small.study()
    head = found.comparisons[0]
    runs = {
        variant.name: [record.counts("gold-entities", "docred") for record in variant.records]
        for variant in study.variants
        if variant.records
    }
    others = [name for name in runs if name != "atlop"]
    direct = {
        name: paired_bootstrap(runs[name], runs["atlop"], "relations", resamples=500, trainings=len(runs[name]) > 1)
        for name in others
    }
    adjusted = dict(zip(others, holm([direct[name].p for name in others]), strict=True))
    for name in others:
        assert row(head, name).difference == direct[name]
        assert row(head, name).p_holm == adjusted[name]
        assert row(head, name).significant == (adjusted[name] <= 0.05 and len(runs[name]) > 1)
    baseline = row(head, "atlop")
    assert baseline.difference is None and baseline.p_holm is None and not baseline.significant
    assert row(head, "pemscl").significant and not row(head, "separate").significant


def test_rows_are_sorted_and_the_headline_comes_first(found: Results) -> None:
    assert [(c.mode, c.protocol, c.measure) for c in found.comparisons] == [
        ("gold-entities", "docred", "relations.f1"),
        ("gold-entities", "distance", "average"),
    ]
    for comparison in found.comparisons:
        means = [row.scores[comparison.measure].mean for row in comparison.rows]
        assert means == sorted(means, reverse=True)
    assert "paee" not in [row.variant for row in found.comparisons[0].rows]  # it has no finished cell


def test_the_headline_may_be_of_any_protocol(small: SimpleNamespace) -> None:
    study = replace(small.study(), headline=Headline("gold-entities", "distance", "inter.recall"))
    first = comparisons(study, 50)[0]
    assert (first.protocol, first.measure) == ("distance", "inter.recall")


@pytest.mark.parametrize(
    ("headline", "measures", "chosen"),
    [
        ("relations_strict", ["clusters", "relations", "relations_strict"], "relations_strict.f1"),
        ("relations_strict", ["clusters_half", "relations_half", "relations_strict_half"], "relations_strict_half.f1"),
        ("relations_strict.recall", ["clusters", "relations"], "relations.f1"),
        ("mentions", ["clusters", "relations"], "relations.f1"),
        ("mentions", ["intra", "inter"], "average"),
        ("mentions", ["strict", "boundaries"], "strict.f1"),
    ],
)
def test_other_protocols_are_compared_by_what_is_called_alike(
    small: SimpleNamespace, headline: str, measures: list[str], chosen: str
) -> None:
    counts = small.counts([{(measure, ""): Tally(1, 2, 1, 2) for measure in measures}], "other", measures)
    study = replace(small.study(), headline=Headline("end-to-end", "docred", headline))
    assert _measure(study, "gold-entities", "other", counts) == chosen


@pytest.mark.parametrize(
    ("headline", "message"),
    [
        (
            Headline("gold-entities", "docred", "relation"),
            r'measure "relation" is unknown .*did you mean "relations\.f1"',
        ),
        (Headline("gold-entities", "jerex", "relations"), "no finished cell was scored .* gold-entities/docred"),
        (Headline("end-to-end", "docred", "relations"), "no finished cell was scored in mode end-to-end"),
    ],
)
def test_a_headline_that_is_not_there(small: SimpleNamespace, headline: Headline, message: str) -> None:
    with pytest.raises(InputError, match=message):
        comparisons(replace(small.study(), headline=headline), 50)


@pytest.mark.parametrize(("baseline", "reason"), [(None, "names no baseline"), ("paee", "paee, has no finished cell")])
def test_without_a_baseline_there_are_scores_only(small: SimpleNamespace, baseline: str | None, reason: str) -> None:
    first = comparisons(replace(small.study(), baseline=baseline), 50)[0]
    assert reason in first.untested and first.baseline is None
    assert all(row.difference is None for row in first.rows) and len(first.rows) == 6


def test_cells_scored_on_other_documents_are_refused(small: SimpleNamespace) -> None:
    study: StudyRecords = small.study()
    other = small.variant("ncrl", 0.5, number=29)
    mixed = replace(study, variants=(*study.variants[:1], other))
    with pytest.raises(InputError, match=r"ncrl with seed 1 was scored on redocred/dev \(29 documents"):
        _ = mixed.corpus
    with pytest.raises(InputError, match="one run has 29 gold documents, another 30"):
        comparisons(mixed, 50)
    with pytest.raises(InputError, match="no finished cell yet"):
        _ = replace(study, variants=study.variants[5:6]).corpus


def test_a_score_that_is_no_sum_is_not_tested(small: SimpleNamespace) -> None:
    study = small.study()

    def whole(record: Record) -> Record:
        result = record.results["gold-entities"]
        counted = result.protocols["docred"]
        changed = replace(counted, protocol=replace(counted.protocol, whole=("relations",)))
        return replace(record, results={"gold-entities": replace(result, protocols={"docred": changed})})

    variants = tuple(replace(v, records=tuple(map(whole, v.records))) for v in study.variants[:2])
    [comparison] = comparisons(replace(study, variants=variants), 20)
    assert "no sum over documents" in comparison.untested and comparison.baseline == "atlop"
    assert all(row.difference is None for row in comparison.rows)


def test_parts_of_a_measure() -> None:
    assert [counted_in(name) for name in ("relations.f1", "macro.relations.f1", "average")] == [
        *("relations", "relations", "average")
    ]
    assert parts_of("relations.f1") == ("relations.precision", "relations.recall", "relations.f1")
    assert parts_of("macro.relations.recall")[0] == "macro.relations.precision"
    assert parts_of("average") == ("average",)
