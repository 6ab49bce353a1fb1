"""Counts that went through JSON give the same intervals and tests as those of the documents."""

import hashlib
import json
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import training_facts, write_jsonl
from joint_ie.document import Document, Relation
from joint_ie.errors import InputError
from joint_ie.evaluation import approximate_randomisation, confidence_interval, count_documents, paired_bootstrap
from joint_ie.evaluation.fingerprints import GoldDocument, corpus_fingerprint
from joint_ie.evaluation.protocol import Mode, Protocol
from joint_ie.evaluation.protocols import protocols
from joint_ie.evaluation.recorded_counts import RecordedCounts
from joint_ie.evaluation.recorded_protocol import RecordedProtocol
from joint_ie.evaluation.significance import Counts, statistics
from joint_ie.evaluation.tally import Tallies, Tally
from joint_ie.settings import from_mapping, to_mapping

load = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))["load"]


def through_json(counts: Counts) -> Counts:
    text = json.dumps(to_mapping(RecordedCounts.of(counts)))
    return from_mapping(RecordedCounts, json.loads(text)).counts(counts.gold, "record.json")


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, list[Document]]:
    return {name: load(shared, name) for name in ("gold", "light", "medium")}


@pytest.mark.parametrize("mode", ["end-to-end", "gold-entities"])
def test_every_protocol_gives_the_same_numbers(golden: dict[str, list[Document]], mode: Mode) -> None:
    gold = golden["gold"]
    if mode == "end-to-end":
        systems = [golden["light"], golden["medium"]]
    else:
        half = [replace(d, relations=(d.relations or ())[:: 1 + i % 2]) for i, d in enumerate(gold)]
        wrong = [replace(d, relations=tuple(Relation(r.tail, r.head, r.type) for r in d.relations or ())) for d in half]
        systems = [half, wrong[:-1]]
    for protocol in protocols(mode, training_facts(gold[:20])).values():
        fresh = [count_documents(protocol, gold, predicted) for predicted in systems]
        again = [through_json(counts) for counts in fresh]
        assert [counts.scores for counts in again] == [counts.scores for counts in fresh]
        assert statistics(again[0].protocol).keys() == statistics(protocol).keys()
        for measure in [*statistics(protocol)][::4]:
            options: dict[str, Any] = {"resamples": 9, "seed": 3}
            for test in (paired_bootstrap, approximate_randomisation):
                assert test(*again, measure, **options) == test(*fresh, measure, **options)
            assert confidence_interval(again, measure, **options) == confidence_interval(fresh, measure, **options)


fractions = st.sampled_from([0, 1, 2, 3, 0.1, 1 / 3])
tallies = st.dictionaries(
    st.sampled_from([("facts", "X"), ("facts", "Y"), ("names", "")]),
    st.builds(Tally, fractions, fractions, fractions, fractions),
)


@given(st.lists(tallies, min_size=1, max_size=4), st.sampled_from([None, ("X", "Z")]))
def test_nothing_is_lost(rows: list[Tallies], labels: tuple[str, ...] | None) -> None:
    documents = [Document.from_words(str(i), [["a"]]) for i in range(len(rows))]
    protocol = Protocol(
        "toy",
        "end-to-end",
        "",
        ("facts", "names"),
        lambda gold, _: rows[int(gold.id)],
        labels={"facts": labels},
        means={"both": ("facts", "names")},
        epsilons={"facts": 1e-5},
        counts={"odd": lambda gold, _: int(gold.id) % 2},
    )
    fresh = count_documents(protocol, documents, documents)
    again = through_json(fresh)
    assert (again.tallies, again.gold, again.scores) == (fresh.tallies, fresh.gold, fresh.scores)


def test_options_are_told_apart(golden: dict[str, list[Document]]) -> None:
    made = [
        RecordedProtocol.of(protocols("gold-entities", facts)["docred"])
        for facts in (None, training_facts(golden["gold"]), training_facts(golden["gold"][::-1]), {("a", "b", "P1")})
    ]
    assert made[0].options is None
    assert made[1] == made[2] != made[3]
    counts = [
        through_json(count_documents(protocols("gold-entities", facts)["docred"], golden["gold"], golden["gold"]))
        for facts in ({("a", "b", "P1")}, {("a", "b", "P2")})
    ]
    with pytest.raises(InputError, match="other options"):
        paired_bootstrap(*counts, "relations")


def test_strays_and_broken_rows_are_refused(golden: dict[str, list[Document]]) -> None:
    protocol = protocols("end-to-end")["jerex"]
    gold = golden["gold"]
    with pytest.raises(InputError, match="belong to no gold document"):
        RecordedCounts.of(count_documents(protocol, gold, gold, {("relations", "P1"): Tally(predicted=1)}))
    counts = count_documents(protocol, gold, gold)
    whole = RecordedCounts.of(counts)
    for broken in (
        replace(whole, tallies=[["relations", "P1", [[len(gold), 1, 1, 1, 1]]]]),
        replace(whole, tallies=[["relations", "P1"]]),
        replace(whole, tallies=3),
        replace(whole, scores={}),
    ):
        with pytest.raises(InputError, match=r"record\.json: what protocol 'jerex' counted is broken"):
            broken.counts(counts.gold, "record.json")


def test_fingerprints(golden: dict[str, list[Document]], tmp_path: Path) -> None:
    gold = golden["gold"]
    write_jsonl(gold, tmp_path / "gold.jsonl")
    assert corpus_fingerprint(gold) == hashlib.sha256((tmp_path / "gold.jsonl").read_bytes()).hexdigest()
    assert corpus_fingerprint(gold[::-1]) != corpus_fingerprint(gold)
    one = gold[0]
    assert GoldDocument.of(one) == GoldDocument.of(replace(one))
    assert GoldDocument.of(one) != GoldDocument.of(replace(one, relations=None))
    lone = Document.from_words("x", [["\ud800"]])
    assert GoldDocument.of(lone) != GoldDocument.of(Document.from_words("x", [["\ud801"]]))
