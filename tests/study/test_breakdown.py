"""Means over seeds by label, bucket and class of error, against sums made here."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from joint_ie.study.breakdown import by_bucket, by_error, by_label
from joint_ie.study.comparison import comparisons
from joint_ie.study.report.breakdown_tables import bucket_tables
from joint_ie.study.results import Results


def test_labels_are_sorted_by_gold_and_averaged(small: SimpleNamespace, found: Results) -> None:
    labels = found.labels
    assert labels.kind == "docred: relations"
    assert labels.variants == tuple(row.variant for row in found.comparisons[0].rows)
    assert list(labels.gold.values()) == sorted(labels.gold.values(), reverse=True)
    expected = []
    for seed in (1, 2, 3):
        reached = 0.5 + float(np.random.default_rng([seed, 500]).normal(0, 0.01))
        tallies = [row["relations", "P17"] for row in small.tallies(reached, seed, 30)]
        right, predicted, gold = (sum(getattr(t, n) for t in tallies) for n in ("right_gold", "predicted", "gold"))
        expected.append(2 * right / (predicted + gold))
    assert labels.values["P17"]["atlop"] == pytest.approx(np.mean(expected), rel=1e-12)
    assert labels.gold["P17"] == gold


def test_a_label_that_one_run_alone_predicts_counts_as_zero_in_the_others(small: SimpleNamespace) -> None:
    """No run has gold facts of it, so that nobody can be right."""
    study = small.study()
    first = study.variants[0].records[0]
    rows = [dict(row) for row in small.tallies(0.5, 1, 30)]
    rows[0]["relations", "P9"] = small.Tally(0, 1, 0, 0)
    recorded = small.RecordedCounts.of(small.counts(rows))
    result = first.results["gold-entities"]
    changed = replace(first, results={"gold-entities": replace(result, protocols={"docred": recorded})})
    atlop = replace(study.variants[0], records=(changed, *study.variants[0].records[1:]))
    study = replace(study, variants=(atlop, study.variants[1]))
    labels = by_label(study, comparisons(study, 20)[0])
    assert list(labels.values)[-1] == "P9" and labels.gold["P9"] == 0
    assert labels.values["P9"] == {"pemscl": 0.0, "atlop": 0.0}


def test_a_protocol_without_labels(small: SimpleNamespace, found: Results) -> None:
    assert by_label(small.study(), found.comparisons[1]) is None


def test_buckets_are_means_over_seeds(small: SimpleNamespace, found: Results) -> None:
    distance, mentions = by_bucket(small.study(), found.comparisons[0])
    assert (distance.kind, mentions.kind) == ("sentence_distance", "mentions")
    records = small.study().variants[1].records
    scores = [record.results["gold-entities"].buckets["sentence_distance"]["0"] for record in records]
    assert distance.values["0"]["pemscl"] == pytest.approx(np.mean([score.f1 for score in scores]))
    assert distance.gold == {"0": 25, "1+": 12}


def test_buckets_without_gold_facts_are_not_shown(small: SimpleNamespace, found: Results) -> None:
    [breakdowns] = found.breakdowns
    distance = breakdowns.buckets[0]
    empty = replace(distance, gold=distance.gold | {"9": 0}, values=distance.values | {"9": distance.values["0"]})
    [table] = bucket_tables(found, replace(breakdowns, buckets=(empty,)))
    assert [row[0] for row in table.rows] == ["0", "1+"]


def test_shares_of_errors_add_up_to_one(small: SimpleNamespace, found: Results) -> None:
    gold, predicted = by_error(small.study(), found.comparisons[0])
    assert list(gold.values) == ["correct", "missed"] and list(predicted.values) == ["correct", "spurious"]
    for side in (gold, predicted):
        for variant in side.variants:
            assert sum(values[variant] for values in side.values.values()) == pytest.approx(1)
    errors = [record.results["gold-entities"].errors.gold for record in small.study().variants[0].records]
    assert gold.values["missed"]["atlop"] == pytest.approx(np.mean([counts["missed"] / 100 for counts in errors]))
