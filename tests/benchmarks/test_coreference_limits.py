"""The arithmetic of benchmarks/coreference_limits.py, on documents small enough to count by hand."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from joint_ie.document import Document, Entity

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def limits(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("coreference_limits")


def test_wrong_clusters_are_torn_joined_or_both(limits: ModuleType) -> None:
    gold = [{(0, 1), (2, 3), (4,), (5, 6)}, {(0, 1, 2)}]
    found = [{(0,), (1, 2), (3,), (4, 5, 6)}, {(0,), (1, 2)}]
    wrong = limits.Clustered(0.0, 0.5, gold, found).wrong()
    # of (0, 1) and (2, 3) a part is alone, and 1 and 2 are together; (4,) and (5, 6) are whole, but together
    assert wrong == {"torn and joined": 2, "joined": 2, "torn": 1}


def test_the_best_threshold_is_taken(limits: ModuleType) -> None:
    entity = np.array([0, 0, 1])
    document = limits.Scored(entity, np.zeros((3, 2)), np.zeros((3, 12)), np.zeros((3, 2)))
    assert document.same.tolist() == [True, False, False]
    found = limits.clustered([document], [np.array([0.6, 0.4, 0.3])])
    assert found.f1 == 100 and found.found == [{(0, 1), (2,)}] and found.wrong() == {}
    alone = limits.Scored(np.array([0]), np.zeros((0, 2)), np.zeros((0, 12)), np.zeros((0, 2)))
    misled = limits.clustered([document, alone], [np.array([0.1, 0.9, 0.1]), np.zeros(0)])
    # nothing joined: of two and one gold clusters one each, of four found
    assert misled.f1 == pytest.approx(200 * 2 / (4 + 3))


def test_a_threshold_rises_with_the_number_of_mentions(limits: ModuleType) -> None:
    """One pair at 0.6: of two mentions where two are usual 0.5 is 0.5, of four it is 2 / 3."""
    short = limits.Scored(np.array([0, 0]), np.zeros((1, 2)), np.zeros((1, 12)), np.zeros((1, 2)))
    long = limits.Scored(np.array([0, 1, 2, 3]), np.zeros((6, 2)), np.zeros((6, 12)), np.zeros((6, 2)))
    probability = [np.array([0.6]), np.array([0.6, 0, 0, 0, 0, 0])]
    same = limits.clustered([short, long], probability, thresholds=[0.5])
    rising = limits.clustered([short, long], probability, thresholds=[0.5], typical=2)
    assert same.found == [{(0, 1)}, {(0, 1), (2,), (3,)}]
    assert rising.found == [{(0, 1)}, {(0,), (1,), (2,), (3,)}] and rising.f1 == 100


def test_the_beginning_of_a_document(limits: ModuleType) -> None:
    words = [["Ann", "met", "Bo", "."], ["Bo", "left", "."], ["Ann", "too", "."]]
    document = Document.from_words("d", words)
    ann = Entity("PER", "Ann", (document.mention(0, 1), document.mention(7, 8)))
    bo = Entity("PER", "Bo", (document.mention(2, 3), document.mention(4, 5)))
    late = Entity("MISC", "too", (document.mention(8, 9),))
    found = limits.beginning(replace(document, entities=(ann, bo, late)), 2)
    assert found.words == document.words[:7] and len(found.sentence_spans) == 2
    assert [(e.name, [m.span for m in e.mentions]) for e in found.entities] == [
        ("Ann", [(0, 1)]),
        ("Bo", [(2, 3), (4, 5)]),
    ]


def test_what_strings_have_in_common(limits: ModuleType) -> None:
    texts = ["United Nations", "U.N.", "the united Nations", "1999"]
    rows = limits.features(texts, [(0, 1), (0, 2), (1, 3)])
    initials, both_words, nothing = rows.tolist()
    assert initials[:8] == [0, 0, 0, 0, 0, 0, 0, 1]
    assert both_words == [0, 1, 2, 1, 2 / 3, 0, 1, 0, 2, 3, 0]
    assert nothing == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
