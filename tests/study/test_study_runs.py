"""Studies that really run: kills at any moment, pipelines, failures, and real processes."""

import json
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from joint_ie.cli.main import main
from joint_ie.study.cells import CellFolder
from joint_ie.study.locks import file_lock

SMALL = str(Path(__file__).with_name("small.py"))
small = runpy.run_path(SMALL)
write_study, records, outcome = small["write_study"], small["records"], small["outcome"]

# All cells of the first die; of each of the others a part.
CHAINS = [
    "never",
    "child-log:5,started:2,child-record,tidying:2",
    "pipeline=never",
    "pipeline=child-record,tidying:3",
    "late=started:1,child-log:3",
    "failing=never",
]
MORE_CHAINS = [
    "never",
    "started:1",
    "tidying:3,started:1,tidying:2",
    "child-log:3,child-log:8",
    "term,term",
    "interrupt:2,started:3",
    "pipeline=never",
    "pipeline=term,child-log:2",
    "pipeline=tidying:2,started:1,tidying:2",
]
STATUSES = {
    "started": -9,
    "tidying": -9,
    "child-log": 1,
    "child-record": 1,
    "term": 130,
    "interrupt": 130,
    "never": 0,
}

Ended = dict[str, tuple[Path, list[int]]]


def run_chains(root: Path, chains: Sequence[str]) -> Ended:
    """By chain, the folder of the study that was killed so, and its exit statuses.

    That no finished cell was run again, and that no process outlived its study, is checked there.
    """
    command = [sys.executable, SMALL, str(root), *chains]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("ended ")]
    return {chain: (root / chain / "out", list(map(int, statuses))) for chain, *statuses in lines}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return run_chains(tmp_path_factory.mktemp("studies"), CHAINS)


def check_chain(ended: Ended, chain: str) -> None:
    """The study that was killed so has the records of the one that was not."""
    kind, _, kills = chain.rpartition("=")
    unbroken, _ = ended[{"": "never", "failing": "failing=never"}.get(kind, "pipeline=never")]
    folder, statuses = ended[chain]
    usual = 1 if kind == "failing" else 0
    assert statuses == [*(usual or STATUSES[kill.split(":")[0]] for kill in kills.split(",")), usual]
    want, found = records(unbroken), records(folder)
    assert found.keys() == want.keys()
    for place, record in found.items():
        assert without_folder(outcome(record)) == without_folder(outcome(want[place])), place


def without_folder(outcome: tuple[Any, ...]) -> tuple[Any, ...]:
    """Every study has a world of its own, in another folder."""
    config, *rest = outcome
    return (*rest, json.dumps(config).replace(config.get("relations", config)["data"]["schema"].rpartition("/")[0], ""))


@pytest.mark.parametrize("chain", CHAINS)
def test_a_study_that_was_killed_ends_as_one_that_was_not(ended: Ended, chain: str) -> None:
    check_chain(ended, chain)


@pytest.mark.slow
def test_more_ways_to_be_killed(tmp_path: Path) -> None:
    ended = run_chains(tmp_path, MORE_CHAINS)
    for chain in MORE_CHAINS:
        check_chain(ended, chain)


def test_what_a_study_leaves(ended: Ended) -> None:
    folder, _ = ended["never"]
    found = records(folder)
    assert [*found] == ["logsumexp/seed-1", "logsumexp/seed-2", "mean/seed-1", "mean/seed-2"]
    for place, record in found.items():
        cell = CellFolder(folder / "cells" / place)
        assert cell.state == "done"
        assert cell.cell.config == record.config
        assert (record.config["training"]["seed"], record.config["training"]["threads"]) == (record.seed, 1)
        assert sorted(path.name for path in cell.predictions.iterdir()) == ["end-to-end.jsonl", "gold-entities.jsonl"]
        assert sorted(path.name for path in cell.run.iterdir()) == ["log.jsonl"]
        assert {name: list(result.protocols) for name, result in record.results.items()} == {
            "gold-entities": ["docred"],
            "end-to-end": ["jerex", "rebel"],
        }
        assert "relations_ign" in record.results["gold-entities"].protocols["docred"].scores
        assert [point.epoch for point in record.curve] == [0, 1]
        assert record.cost.steps == 6
        assert record.cost.processes == 1
        assert record.cost.peak_memory > 10**8
    mentions = {r.results["end-to-end"].protocols["jerex"].scores["mentions"]["f1"] for r in found.values()}
    assert len(mentions) > 1  # or comparing records above would say nothing
    killed, _ = ended[CHAINS[1]]
    assert min(record.cost.processes for record in records(killed).values()) >= 3
    assert all(record.cost.cpu_complete for record in records(killed).values())


def test_scores_are_those_of_the_commands(ended: Ended, tmp_path: Path) -> None:
    """`joint-ie score` on the predictions that a cell kept says what its record says."""
    folder, _ = ended["never"]
    dev = folder.parent / "world" / "dev.jsonl"
    record = records(folder)["mean/seed-1"]
    for mode, result in record.results.items():
        predicted = folder / "cells" / "mean" / "seed-1" / "predictions" / f"{mode}.jsonl"
        for protocol, counts in result.protocols.items():
            facts = ["--training-facts", str(dev.with_name("train.jsonl"))] if protocol == "docred" else []
            json_file = tmp_path / "scores.json"
            words = ["score", dev, predicted, "--mode", mode, "--protocol", protocol, *facts, "--json", json_file]
            assert main([*map(str, words)]) == 0
            scores, recorded = json.loads(json_file.read_text()), json.loads(json.dumps(counts.scores))
            for found in (scores, recorded) if protocol == "rebel" else ():  # these are over the labels of the schema
                del found["macro"], found["per_label"]
            assert scores == recorded, (mode, protocol)


def test_a_pipeline_waits_for_its_parts_and_checkpoints_for_it(ended: Ended) -> None:
    folder, _ = ended["pipeline=never"]
    found = records(folder)
    assert [*found] == ["entities/seed-1", "relations/seed-1", "separate/seed-1"]
    entities, relations, separate = found.values()
    assert separate.pipeline is not None
    assert (separate.pipeline.entities, separate.pipeline.relations) == ("entities", "relations")
    assert separate.config == {"entities": entities.config, "relations": relations.config}
    assert separate.cost.steps == entities.cost.steps + relations.cost.steps
    assert separate.cost.parameters == entities.cost.parameters + relations.cost.parameters
    assert separate.curve == ()
    scores = [record.results["end-to-end"].protocols["jerex"].scores for record in found.values()]
    for measure in ("mentions", "clusters", "entities"):
        assert scores[2][measure] == scores[0][measure]
    assert not list(folder.glob("cells/*/*/run/best"))


def test_records_alone_are_enough_to_go_on(ended: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On another machine, without predictions, checkpoints, or even the corpus."""
    folder, _ = ended["never"]
    carried = tmp_path / "carried"
    for path in [folder / "study.yaml", *folder.glob("cells/*/*/*.json*")]:
        target = carried / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    assert main(["-q", "study", str(carried / "study.yaml"), "-o", str(carried)]) == 0
    assert "4 of 4 cells are done" in capsys.readouterr().out
    assert records(carried) == records(folder)


def test_a_cell_that_fails_does_not_stop_the_others(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = ended["failing=never"]
    assert [*records(folder)] == ["good/seed-1"]
    failed = CellFolder(folder / "cells" / "bad" / "seed-1")
    assert failed.failure is not None and failed.state == "failed"
    assert "training diverged at step" in failed.failure.message
    assert "training diverged at step" in failed.failure.log[-1]
    assert main(["study", str(folder.parent / "study.yaml"), "-o", str(folder), "--dry-run"]) == 0
    table = capsys.readouterr().out
    assert "1 failed" in table and "1 done" in table and "1 waiting" in table


@pytest.mark.slow
def test_real_processes(tmp_path: Path) -> None:
    """As it is typed: no process outlives a study that was killed; started again, one cell fails, the other is done."""
    study = write_study(tmp_path, **small["FAILING"])
    command = [sys.executable, "-m", "joint_ie.cli.main", "study", str(study), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children = wait_for_children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    gone, left = psutil.wait_procs(children, timeout=60)
    assert gone and not left
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "1 of 3 cells are done" in done.stdout
    assert "bad, seed 1: failed: " in done.stderr and "training diverged" in done.stderr
    assert "needs bad, seed 1, which failed" in done.stdout
    assert "good, seed 1: done" in done.stderr
    assert [*records(tmp_path / "out")] == ["good/seed-1"]


def wait_for_children(pid: int) -> list[psutil.Process]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if children := psutil.Process(pid).children():
            return children
        time.sleep(0.05)
    raise AssertionError("the study started no process")


def test_two_studies_in_one_folder(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = ended["never"]
    with file_lock(folder / "cells" / "lock"):
        assert main(["-q", "study", str(folder.parent / "study.yaml"), "-o", str(folder)]) == 1
    assert "another `joint-ie study` works in this folder" in capsys.readouterr().err
