"""A record says after writing and reading what it said before, and a broken one says what is broken."""

import json
import lzma
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joint_ie.errors import InputError
from joint_ie.evaluation import count_documents, error_report, paired_bootstrap, protocols
from joint_ie.evaluation.fingerprints import corpus_fingerprint
from joint_ie.study.records import (
    RECORD,
    Cost,
    CurvePoint,
    Machine,
    ModeResult,
    PipelineParts,
    Record,
    ScoredCorpus,
    read_record,
    write_record,
)

numbers = st.floats(0, 1e9)
counts = st.integers(0, 10**12)
names = st.text(max_size=6)
settings_of_a_run = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
made = st.builds(
    Record,
    study=names,
    variant=names,
    levels=st.dictionaries(names, names, max_size=3),
    seed=st.integers(0, 2**32 - 1),
    config=st.dictionaries(names, settings_of_a_run, max_size=3),
    corpus=st.builds(ScoredCorpus, names, counts, names),
    versions=st.dictionaries(names, st.none() | names, max_size=3),
    machine=st.builds(Machine, names, counts, names, names),
    cost=st.builds(Cost, numbers, numbers, st.dictionaries(names, numbers, max_size=2), counts, counts, counts),
    results=st.just({}),
    best_epoch=st.none() | counts,
    curve=st.lists(
        st.builds(CurvePoint, counts, counts, numbers, st.dictionaries(names, numbers, max_size=2)), max_size=3
    ).map(tuple),
    pipeline=st.none() | st.builds(PipelineParts, names, names),
)


@pytest.fixture(scope="module")
def record(toy: ModuleType) -> Record:
    """With results of both modes, the prediction being every other relation."""
    gold = [toy.document(seed, relations=6) for seed in range(8)]
    predicted = [replace(document, relations=document.relations[::2]) for document in gold]
    results = {}
    for mode, chosen in (("end-to-end", ("jerex", "rebel")), ("gold-entities", ("docred",))):
        known = protocols(mode)
        found = {name: count_documents(known[name], gold, predicted) for name in chosen}
        results[mode] = ModeResult.of(found, error_report(gold, predicted, mode))
    return Record(
        study="losses",
        variant="atlop, ratio=0.1",
        levels={"loss": "atlop", "model.relations.negative_labels.ratio": "0.1"},
        seed=1,
        config={"training": {"seed": 1}},
        corpus=ScoredCorpus("toy", len(gold), corpus_fingerprint(gold)),
        versions={"joint_ie": "0.1.0", "revision": None},
        machine=Machine("cpu", 1, "bf16", "a processor"),
        cost=Cost(10.5, 10.1, {"gold-entities": 1.0}, 10**9, 10**6, 100),
        results=results,
        best_epoch=1,
        curve=(CurvePoint(0, 50, 5.0, {"gold_entities": 0.3}), CurvePoint(1, 100, 10.0, {"gold_entities": 0.5})),
    )


@given(made)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_record_comes_back(tmp_path: Path, record: Record) -> None:
    write_record(record, tmp_path)
    assert read_record(tmp_path / RECORD) == record
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]


def test_results_come_back(record: Record, tmp_path: Path, toy: ModuleType) -> None:
    write_record(record, tmp_path)
    again = read_record(tmp_path / RECORD)
    assert again == record
    gold = [toy.document(seed, relations=6) for seed in range(8)]
    half = [replace(document, relations=document.relations[::2]) for document in gold]
    jerex = protocols("end-to-end")["jerex"]
    fresh = [count_documents(jerex, gold, predicted) for predicted in (half, gold)]
    found = paired_bootstrap(again.counts("end-to-end", "jerex"), again.counts("end-to-end", "jerex"), "relations")
    assert found.one == fresh[0].scores["relations"].f1
    assert again.counts("end-to-end", "jerex").scores == fresh[0].scores
    assert again.results["gold-entities"].errors.gold["correct"] == sum(len(d.relations) for d in half)
    distances = again.results["gold-entities"].buckets["sentence_distance"]
    assert sum(score.gold for score in distances.values()) == sum(len(d.relations) for d in gold)


def test_what_a_record_does_not_have(record: Record) -> None:
    with pytest.raises(
        InputError, match=r"of atlop, ratio=0\.1 with seed 1 has no scores of mode 'gold-mentions', only"
    ):
        record.counts("gold-mentions", "jerex")
    with pytest.raises(InputError, match="seed 1, end-to-end: has no scores of protocol 'tag', only of jerex, rebel"):
        record.counts("end-to-end", "tag")


def without(*path: str) -> Callable[[dict[str, Any]], object]:
    def change(data: dict[str, Any]) -> None:
        for key in path[:-1]:
            data = data[key]
        del data[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(format=2), "has another format than 1, which this version reads; use"),
        (without("format"), "is no record of a study"),
        (without("cost", "steps"), "cost.steps is missing; set it; or delete the file, and the study runs this cell"),
        (without("results", "gold-entities", "errors"), "results.gold-entities.errors is missing"),
        (lambda data: data.update(seed="one"), "seed = 'one' should be a whole number"),
        (lambda data: data.update(sed=1), r"sed = 1 is not a setting \(did you mean \"seed\"\?\)"),
    ],
)
def test_broken_records(record: Record, tmp_path: Path, change: Callable[..., object], message: str) -> None:
    write_record(record, tmp_path)
    path = tmp_path / RECORD
    data = json.loads(lzma.decompress(path.read_bytes()))
    change(data)
    path.write_bytes(lzma.compress(json.dumps(data).encode()))
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: {message}"):
        read_record(path)


def test_files_that_are_no_records(record: Record, tmp_path: Path) -> None:
    path = tmp_path / RECORD
    with pytest.raises(InputError, match=r"record\.json\.xz: no such file"):
        read_record(path)
    write_record(record, tmp_path)
    whole = path.read_bytes()
    for broken in (whole[:100], b"", b"{}", whole[:-1]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"record\.json\.xz: is cut off or no xz file"):
            read_record(path)
    path.write_bytes(lzma.compress(lzma.decompress(whole)[:100]))
    with pytest.raises(InputError, match=r"record\.json\.xz: is cut off or not valid JSON"):
        read_record(path)
    path.write_bytes(lzma.compress(b"[]"))
    with pytest.raises(InputError, match=r"record\.json\.xz: is no record of a study"):
        read_record(path)
