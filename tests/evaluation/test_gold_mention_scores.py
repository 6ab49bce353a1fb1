"""Scores of predictions that were given the mentions: those of end to end, and checked."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from joint_ie.errors import InputError
from joint_ie.evaluation import (
    count_documents,
    end_to_end,
    error_report,
    evaluate,
    gold_mentions,
    paired_bootstrap,
    protocols,
    spread,
)

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
build = neutral["build"]

A, B, C, D = (0, 1), (1, 2), (2, 3), (3, 5)
GOLD = [
    build([("PER", [A, B]), ("LOC", [C]), ("LOC", [D])], [(0, 1, "P19"), (0, 2, "P20")], "1"),
    build([("PER", [A]), ("ORG", [A, D])], [(0, 1, "P27")], "2"),  # a mention of two entities
]
PREDICTED = [
    build([("PER", [A]), ("PER", [B]), ("LOC", [C, D])], [(0, 2, "P19")], "1"),
    build([("PER", [A]), ("ORG", [D])], [(0, 1, "P27")], "2"),
]


def test_every_protocol_counts_as_end_to_end() -> None:
    known = protocols("end-to-end")
    given = protocols("gold-mentions")
    assert list(given) == list(known)
    for name, protocol in given.items():
        scores = evaluate(protocol, GOLD, PREDICTED)
        assert scores.mode == scores.to_dict()["mode"] == "gold-mentions"
        assert replace(scores, mode="end-to-end") == evaluate(known[name], GOLD, PREDICTED)
        assert protocol.description == f"mentions given; {known[name].description}"


def test_mentions_are_trivially_right() -> None:
    scores = gold_mentions(GOLD, PREDICTED)
    assert scores["mentions"].f1 == 1.0
    assert (scores["clusters"].true_positives, scores["clusters"].gold, scores["clusters"].predicted) == (1, 5, 5)
    assert gold_mentions(GOLD, PREDICTED, "rebel").protocol == "rebel"
    report = error_report(GOLD, PREDICTED, "gold-mentions")
    assert report.gold["no_mention"] == report.gold["some_mentions"] == 0 and report.gold["clusters"] == 3
    assert report.unrelated_pairs is None and report.to_dict()["mode"] == "gold-mentions"


def test_other_mentions_are_refused() -> None:
    fewer = replace(PREDICTED[0], entities=PREDICTED[0].entities[:2], relations=())
    with pytest.raises(InputError, match="document '1' lacks 2 of gold's mentions and has 0 others; predict with gold"):
        gold_mentions(GOLD, [fewer])
    other = build([("PER", [A, B, C, (3, 4)])], id="1")
    with pytest.raises(InputError, match="lacks 1 of gold's mentions and has 1 others"):
        error_report(GOLD, [other], "gold-mentions")
    with pytest.raises(InputError, match="has 2 tokens where gold has 6"):
        gold_mentions(GOLD, [build([], id="1", words=[("a", "b")])])


def test_a_missing_prediction_has_no_mentions() -> None:
    scores = gold_mentions(GOLD, PREDICTED[1:])
    assert scores.missing == 1 and scores["mentions"].recall == 2 / 6


def test_what_mentions_cost_can_be_tested_but_not_averaged() -> None:
    """Two modes of one protocol on one corpus may be compared: the difference is what is lost at the mentions."""
    counts = [count_documents(protocols(mode)["jerex"], GOLD, PREDICTED) for mode in ("gold-mentions", "end-to-end")]
    assert paired_bootstrap(*counts, "relations", resamples=50).difference == 0
    with pytest.raises(InputError, match="in one mode"):
        spread([gold_mentions(GOLD, PREDICTED), end_to_end(GOLD, PREDICTED)])
