"""``joint-ie data``: what it prints and writes."""

import argparse
import json
from pathlib import Path

import pytest

from joint_ie.cli.data import add_parser
from joint_ie.corpora import load_corpus
from joint_ie.errors import InputError

RECORD = {
    "title": "A [b] title",
    "sents": [["Ann", "lives", "in", "Oslo"]],
    "vertexSet": [[{"name": "Ann", "pos": [0, 1], "sent_id": 0, "type": "PER"}] * 2],
}


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser(prog="joint-ie")
    add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["data", *map(str, arguments)])
    return args.run(args)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps([RECORD]))
    return path


def test_list(corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus.parent / "redocred").mkdir()
    corpus.rename(corpus.parent / "redocred/dev_revised.json")
    monkeypatch.setenv("JOINT_IE_DATA", str(corpus.parent))
    monkeypatch.setenv("COLUMNS", "200")
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert shown.count("there") == 1 and "redocred/dev" in shown and "jsonl" in shown


def test_describe(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", corpus) == 0
    assert "mention width max" in capsys.readouterr().out
    assert run("describe", corpus, "--json", "-") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["documents"], printed["mentions"], printed["words"]) == (1, 2, 4)
    assert run("describe", corpus, "--reader", "docred", "--json", corpus.parent / "s.json") == 0
    assert json.loads((corpus.parent / "s.json").read_text()) == printed


def test_check(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", corpus, "--limit", 1) == 0
    shown = capsys.readouterr().out
    assert "repeated mention" in shown and "A [b] title: no relation annotation" in shown
    assert "1 more" in shown


def test_convert(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = corpus.parent / "corpus.jsonl"
    assert run("convert", corpus, output) == 0
    assert load_corpus(output) == load_corpus(corpus)
    capsys.readouterr()
    assert run("convert", output, "-") == 0
    assert json.loads(capsys.readouterr().out)["id"] == "A [b] title"
    with pytest.raises(InputError, match="is the input itself"):
        run("convert", output, output)
