"""`joint-ie study`, as it is typed; studies that really run are in tests/study/test_study_runs.py."""

import runpy
from pathlib import Path

import pytest

from joint_ie.cli.main import main
from joint_ie.cli.study import spelled_out
from joint_ie.study.progress import Snapshot

small = runpy.run_path(str(Path(__file__).parents[1] / "study" / "small.py"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small["write_study"](tmp_path_factory.mktemp("study"), axes={**AXES, "training.warmup": [0.1, 0.2]})


AXES = {"pooling": {"logsumexp": {}, "mean": {"set": {"model": {"relations": {"pooling": "mean"}}}}}}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("study a.yaml -o x", "study run a.yaml -o x"),
        ("-q study -o x a.yaml", "-q study run -o x a.yaml"),
        ("study run a.yaml", "study run a.yaml"),
        ("study --help", "study --help"),
        ("study", "study"),
        ("extract study a.yaml", "extract study a.yaml"),
        ("", ""),
    ],
)
def test_run_may_be_left_out(words: str, meant: str) -> None:
    assert spelled_out(words.split()) == meant.split()


def planned(study: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["-q", "study", str(study), "-o", str(study.with_name("out")), "--dry-run", *words]) == 0
    return capsys.readouterr().out


def test_a_dry_run_shows_the_plan_and_changes_nothing(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = planned(study, capsys)
    assert "How are mentions pooled best?" in table
    assert "8 cells in" in table
    assert "mean, warmup=0.2" in table and "1 waiting" in table
    assert "model.relations.pooling = mean" in table and "training.warmup = 0.2" in table
    assert "training.seed" not in table and "training.epochs" not in table
    assert not study.with_name("out").exists()


@pytest.mark.parametrize(
    ("words", "cells", "absent"),
    [
        (["--only", "pooling=mean"], 4, "logsumexp"),
        (["--only", "pooling=mean", "--only", "training.warmup=0.1"], 2, "warmup=0.2"),
        (["--only", "training.warmup=0.1", "--only", "training.warmup=0.2"], 8, "nothing"),
        (["--seeds", "2"], 4, "1 waiting"),
    ],
)
def test_parts_of_a_study(
    study: Path, capsys: pytest.CaptureFixture[str], words: list[str], cells: int, absent: str
) -> None:
    table = planned(study, capsys, *words)
    assert f"{cells} cells in" in table
    assert absent not in table


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "pool=mean"], '--only: pool is not an axis (did you mean "pooling"?); there are pooling, training'),
        (["--only", "pooling=meen"], "--only: pooling = 'meen' is not a value of this axis (did you mean \"mean\"?)"),
        (["--only", "mean"], "--only mean: should be written AXIS=VALUE; axes are pooling, training.warmup"),
        (["--seeds", "1,7"], "--seeds: the study has no seed 7, only 1, 2"),
    ],
)
def test_parts_that_there_are_not(
    study: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["study", str(study), *words]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--seeds", "one"], ["--workers", "0"], ["--threads", "x"]])
def test_wrong_use(study: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["study", str(study), *words])
    assert ended.value.code == 2


def test_a_live_table_fits_every_state() -> None:
    """What a terminal is shown, at the beginning, in the middle and at the end."""
    from rich.console import Console

    from joint_ie.cli.study_view import _table
    from joint_ie.study.cells import Cell, Scoring
    from joint_ie.study.progress import Running, Training

    cells = [Cell("s", name, {}, 1, {}, Scoring({})) for name in ("[bold]a", "b")]
    running = (Running(cells[0], 75.0, Training(2, 8, 0.4567, 0.2, 300.0)), Running(cells[1], 5.0, None))
    snapshot = Snapshot(
        {"[bold]a, seed 1": "running", "b, seed 1": "running", "c": "done", "d": "failed"},
        running,
        {"d": "training diverged [/x]"},
        3700.0,
    )
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(_table("Which [is] best?", snapshot))
    shown = console.export_text()
    assert "Which [is] best?" in shown
    assert "[bold]a, seed 1  1 min  2 of 8  45.67        about 5 min" in shown
    assert "failed: d: training diverged [/x]" in shown
    assert "1 done, 2 running, 1 failed, about 1 h 02 min left" in shown
