import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.cli.study_view import duration
from joint_ie.study.cells import Cell, Scoring
from joint_ie.study.progress import Running, Training, seconds_left, training_progress
from joint_ie.study.records import PipelineParts

CONFIG = {"training": {"epochs": 4, "stop_after": None, "monitor": "f1"}}


def cell(variant: str, seed: int = 1, pipeline: bool = False) -> Cell:
    return Cell("s", variant, {}, seed, {}, Scoring({}), pipeline=PipelineParts("a", "b") if pipeline else None)


def write_log(folder: Path, *records: dict[str, object], rest: str = "") -> Path:
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records) + rest)
    return folder


def step(step: int, epoch: int, seconds: float) -> dict[str, object]:
    return {"kind": "step", "step": step, "epoch": epoch, "seconds": seconds}


def validation(step: int, score: float) -> dict[str, object]:
    return {"kind": "validation", "step": step, "metrics": {"f1": score}}


def test_progress_of_a_training(tmp_path: Path) -> None:
    assert training_progress(tmp_path / "gone", CONFIG) is None
    assert training_progress(write_log(tmp_path), CONFIG) is None
    assert training_progress(write_log(tmp_path, step(5, 0, 5.0)), CONFIG) == Training(1, 4, None, None, None)
    records = [step(5, 0, 5.0), step(10, 0, 10.0), validation(10, 0.25), validation(10, 0.125), step(15, 1, 15.0)]
    # 15 of 4 x 10 steps took 15 seconds; a line that is being written is not there yet
    found = training_progress(write_log(tmp_path, *records, rest='{"kind": "st'), CONFIG)
    assert found == Training(2, 4, 0.25, pytest.approx(15 / 40), pytest.approx(25.0))
    stopped = {"training": {**CONFIG["training"], "stop_after": 2}}
    assert training_progress(tmp_path, stopped) == Training(2, 2, 0.25, pytest.approx(15 / 20), pytest.approx(5.0))


def test_what_is_left_cannot_be_known_at_first() -> None:
    assert seconds_left([], [Running(cell("a"), 3.0, None)], [cell("b")], 2) is None
    assert seconds_left([(cell("p", pipeline=True), 2.0)], [], [cell("b")], 2) is None
    assert seconds_left([], [Running(cell("a"), 3.0, Training(1, 4, None, None, None))], [], 2) is None


def test_what_is_left() -> None:
    taken = [(cell("a", 1), 100.0), (cell("a", 2), 120.0), (cell("b"), 40.0)]
    assert seconds_left(taken, [], [cell("a", 3), cell("b", 2)], 1) == 110 + 40
    assert seconds_left(taken, [], [cell("c")], 1) == pytest.approx(260 / 3)
    running = [Running(cell("a", 3), 30.0, Training(2, 4, 0.5, 0.2, 120.0)), Running(cell("b", 2), 10.0, None)]
    # 120 and 30 are left of the running ones, and 40 wait for one of two workers
    assert seconds_left(taken, running, [cell("b", 3)], 2) == max(120.0, (120 + 30 + 40) / 2)
    assert seconds_left([], running[:1], [cell("c")], 1) == 120 + 150
    assert seconds_left(taken, [], [cell("p", pipeline=True)], 1) == 0


durations = st.floats(0.1, 1e6)


@given(st.lists(durations, min_size=1, max_size=5), st.integers(0, 5), st.integers(1, 4))
def test_more_workers_are_never_slower(seconds: list[float], waiting: int, workers: int) -> None:
    taken = [(cell("a", seed), one) for seed, one in enumerate(seconds)]
    rest = [cell("a", 100 + seed) for seed in range(waiting)]
    one, more = (seconds_left(taken, [], rest, count) for count in (workers, workers + 1))
    assert one is not None and more is not None and 0 <= more <= one


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "1 h 00 min"), (7500, "2 h 05 min"), (360000, "100 h 00 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
