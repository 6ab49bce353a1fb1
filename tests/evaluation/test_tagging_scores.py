"""Mention tagging against seqeval's own report, and what tags cannot hold."""

import random
import runpy
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from joint_ie.document import Document, Entity, Mention, Span
from joint_ie.evaluation.protocol import Scores, evaluate
from joint_ie.evaluation.tagging import TAGGING, tags

neutral = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))
build = partial(neutral["build"], words=(tuple("abc"), tuple("defg")))


def agrees_with_seqeval(gold: list[Document], predicted: list[Document]) -> Scores:
    scores = evaluate(TAGGING, gold, predicted)
    true, found = ([sentence for document in side for sentence in tags(document)[0]] for side in (gold, predicted))
    if not any(tag != "O" for sentences in (true, found) for sentence in sentences for tag in sentence):
        assert scores["mentions"].gold == scores["mentions"].predicted == 0  # seqeval has no report of nothing
        return scores
    report: dict[str, Any] = classification_report(
        true, found, output_dict=True, mode="strict", scheme=IOB2, zero_division=0
    )
    rows = {"micro avg": scores["mentions"], "macro avg": scores.macro["mentions"], **scores.per_label["mentions"]}
    assert {*rows} == {*report} - {"weighted avg"}
    for name, row in rows.items():
        for part, key in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert getattr(row, part) == pytest.approx(report[name][key], rel=1e-12, abs=0), (name, part)
        assert name == "macro avg" or row.gold == report[name]["support"], name
    return scores


@pytest.mark.parametrize("name", neutral["PREDICTIONS"])
def test_real_documents(shared: Path, name: str) -> None:
    scores = agrees_with_seqeval(neutral["load"](shared, "gold"), neutral["load"](shared, name))
    # 1699 listed mentions: 2 repeats, 1 span of two entities, 4 that overlap longer ones
    assert (scores["mentions"].gold, scores.counts["untagged_gold"]) == (1692, 4)


def test_tags_of_sentences() -> None:
    document = build([("X", [(0, 2), (2, 3)]), ("type::B-cell", [(3, 5), (5, 6), (5, 6)])])
    assert tags(document) == (
        [["B-X", "I-X", "B-X"], ["B-type::B-cell", "I-type::B-cell", "B-type::B-cell", "O"]],
        0,
    )
    assert evaluate(TAGGING, [document], [document]).per_label["mentions"]["type::B-cell"].gold == 2


@pytest.mark.parametrize(
    ("clusters", "second", "left_out"),
    [
        ([("X", [(3, 4)]), ("Y", [(3, 6)])], ["B-Y", "I-Y", "I-Y", "O"], 1),  # the longest wins
        ([("X", [(4, 6)]), ("Y", [(3, 5)])], ["B-Y", "I-Y", "O", "O"], 1),  # of those the earliest
        ([("Y", [(3, 5)]), ("X", [(3, 5)])], ["B-X", "I-X", "O", "O"], 1),  # of those the first type
        ([("X", [(3, 6), (5, 7)]), ("Y", [(6, 7)])], ["B-X", "I-X", "I-X", "B-Y"], 1),  # what lost blocks nothing
        ([("X", [(2, 4)]), ("Y", [(3, 4)])], ["B-Y", "O", "O", "O"], 1),  # the end of a sentence
        ([("X", [(3, 4)]), ("X", [(3, 4)])], ["B-X", "O", "O", "O"], 0),  # the same mention twice
    ],
)
def test_what_tags_cannot_hold(
    clusters: Sequence[tuple[str, Sequence[Span]]], second: list[str], left_out: int
) -> None:
    for order in (clusters, clusters[::-1]):
        document = build(order)
        assert tags(document) == ([["O"] * 3, second], left_out)
        scores = evaluate(TAGGING, [document], [build([])])
        assert (scores.counts["untagged_gold"], scores.counts["untagged_predicted"]) == (left_out, 0)
        scores = evaluate(TAGGING, [build([])], [document])
        assert (scores.counts["untagged_gold"], scores.counts["untagged_predicted"]) == (0, left_out)


def test_a_mention_has_its_own_type_before_its_entitys() -> None:
    document = build([("X", [(0, 1)])])
    mentions: tuple[Mention, ...] = (document.mention(0, 1, type="Y"), document.mention(1, 2))
    assert tags(document.with_annotations([Entity("X", "a", mentions)], ()))[0][0] == ["B-Y", "B-X", "O"]


def test_strict_mode() -> None:
    gold = build([("X", [(0, 2)]), ("X", [(3, 5)])])
    predicted = build([("X", [(0, 1)]), ("Y", [(3, 5)])])
    scores = agrees_with_seqeval([gold], [predicted])
    assert (scores["mentions"].true_positives, scores["mentions"].predicted, scores["mentions"].gold) == (0, 2, 2)


spans = st.sampled_from([(i, j) for i in range(7) for j in range(i + 1, min(i + 4, 8))])
documents = st.lists(st.tuples(st.sampled_from("XYZ"), st.lists(spans, min_size=1, max_size=3)), max_size=4).map(build)


@given(documents, documents)
def test_scores_equal_seqevals(gold: Document, predicted: Document) -> None:
    agrees_with_seqeval([gold], [predicted])


@given(documents)
def test_nothing_is_lost_silently(document: Document) -> None:
    sentences, left_out = tags(document)
    distinct = {(mention.span, entity.type) for entity in document.entities for mention in entity.mentions}
    assert sum(tag[0] == "B" for sentence in sentences for tag in sentence) + left_out == len(distinct)
    assert [len(sentence) for sentence in sentences] == [3, 4]
    entities = random.Random(0).sample(document.entities, len(document.entities))
    assert tags(document.with_annotations(entities, ())) == (sentences, left_out)
