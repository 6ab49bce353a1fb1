"""`joint-ie study report`, from its arguments to its files."""

import argparse
import json
from pathlib import Path

import pytest

from joint_ie.cli.study_report import _FORMATS, add_report_parser
from joint_ie.study.report import writing


@pytest.fixture(autouse=True)
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take seconds, and have tests of their own."""
    monkeypatch.setattr(writing, "find_spec", lambda name: None)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_report_parser(parser.add_subparsers())
    args = parser.parse_args(["report", *arguments])
    return args.run(args)


def test_it_writes_the_files_and_shows_the_table(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(written), "-o", str(tmp_path / "report"), "--formats", "md,tex") == 0
    assert {file.name for file in (tmp_path / "report").iterdir()} == {"report.json", "report.md", "report.tex"}
    output, messages = capsys.readouterr()
    assert "docred: relations F1" in output and "pemscl" in output and "(baseline)" in output
    assert "kd-docre (seed 3)" in messages and str(tmp_path / "report" / "report.md") in messages


def test_another_baseline_and_measure(written: Path, tmp_path: Path) -> None:
    options = ["--formats", "md", "--baseline", "pemscl", "--measure", "distance/inter.recall"]
    assert run(str(written), "-o", str(tmp_path), *options) == 0
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    first = data["comparisons"][0]
    assert (first["protocol"], first["measure"], first["baseline"]) == ("distance", "inter.recall", "pemscl")


def test_unknown_formats_are_wrong_use(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(str(written), "--formats", "md,pdf")
    assert stopped.value.code == 2 and "'pdf' should be one of md, tex, html" in capsys.readouterr().err
    assert _FORMATS == writing.FORMATS
