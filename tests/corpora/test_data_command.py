"""``joint-ie data``: what it prints and writes."""

import argparse
import json
import subprocess
from itertools import groupby
from pathlib import Path

import pytest

from joint_ie.cli.data import add_parser
from joint_ie.corpora import CORPORA, derive_schema, load_corpus
from joint_ie.corpora.origin import CHECKSUMS
from joint_ie.errors import InputError
from joint_ie.schema import Schema

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


def test_checksums_are_those_of_files(capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    """As `sha256sum` prints and checks them."""
    assert run("list", "--checksums") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(CHECKSUMS)
    here = subprocess.run(
        ["sha256sum", "--check", "--quiet", "--ignore-missing"],
        input="\n".join(lines) + "\n",
        cwd=shared / "data",
        capture_output=True,
        text=True,
    )
    assert here.returncode == 0, here.stdout


def test_list_on_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"JOINT_IE_DATA": str(tmp_path), "COLUMNS": "80", "TTY_COMPATIBLE": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert "…" not in shown and max(map(len, shown.splitlines())) <= 80
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    columns = ["".join(row[i] for row in cells if len(row) == width) for width in (4, 3) for i in range(width)]
    for corpus in CORPORA.values():
        assert any(corpus.name in column for column in columns)
        assert any(corpus.files[0] in column for column in columns)
        assert any(corpus.origin.url.replace(" ", "") in column.replace(" ", "") for column in columns)


def test_parts_of_one_family_are_listed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOINT_IE_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    run("list")
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert [row[0].strip() for row in rows if "phophy" in row[1]] == ["docred/extra"]  # not the others of its family
    first = [row[0].strip() for row in rows if len(row) == 4]
    listed = [name for name in first if name in CORPORA]
    assert sorted(listed) == sorted(CORPORA)
    families = [name.split("/")[0] for name in listed]
    assert len([family for family, _ in groupby(families)]) == len(set(families))
    order = ["redocred", "docred", "dwie", "cdr", "gda", "biored", "scierc"]
    assert sorted(order, key=families.index) == order


def test_describe(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", corpus) == 0
    shown = capsys.readouterr().out
    assert "mention width max" in shown and "entities of type PER" in shown
    assert run("describe", corpus, "--json", "-") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["documents"], printed["mentions"], printed["words"]) == (1, 2, 4)
    assert run("describe", corpus, "--reader", "docred", "--json", corpus.parent / "s.json") == 0
    assert json.loads((corpus.parent / "s.json").read_text()) == printed


def test_describe_counts_relations_by_type(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = [{"h": 0, "t": 0, "r": type, "evidence": []} for type in ("P2", "[b]", "P2")]
    corpus.write_text(json.dumps([{**RECORD, "labels": labels}]))
    run("describe", corpus)
    rows = [line.split("│")[1:3] for line in capsys.readouterr().out.splitlines() if "of type" in line]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["entities of type PER", "1"],
        ["relations of type P2", "2"],
        ["relations of type [b]", "1"],
    ]


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


@pytest.mark.parametrize("ending", ["jsonl", "json"])
def test_what_cannot_be_read_to_its_end_is_not_written(corpus: Path, ending: str) -> None:
    corpus.write_text(json.dumps([RECORD, {**RECORD, "title": "B", "sents": 3}]))
    output = corpus.parent / "new" / f"out.{ending}"
    with pytest.raises(InputError, match="document 2"):
        run("convert", corpus, output)
    assert not output.exists() and not list(output.parent.glob("*"))
    output.parent.mkdir(exist_ok=True)
    output.write_text("before")
    with pytest.raises(InputError, match="document 2"):
        run("convert", corpus, output)
    assert output.read_text() == "before" and list(output.parent.iterdir()) == [output]


def test_places_to_convert_to(corpus: Path) -> None:
    (corpus.parent / "link.jsonl").symlink_to("behind.jsonl")
    assert run("convert", corpus, corpus.parent / "link.jsonl") == 0
    assert (corpus.parent / "link.jsonl").is_symlink() and len(load_corpus(corpus.parent / "behind.jsonl")) == 1
    assert run("convert", corpus, "/dev/null", "--to", "jsonl") == 0
    (corpus.parent / "folder.jsonl").mkdir()
    for place in (corpus.parent / "folder.jsonl", corpus / "below.jsonl"):
        with pytest.raises(InputError, match=rf"{place}: cannot be written"):
            run("convert", corpus, place)
    assert not list(corpus.parent.glob("**/*.partial"))


def test_schema(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several corpora together, as it is read again."""
    more = json.loads(corpus.read_text())[0]
    more["vertexSet"].append([{"name": "Oslo", "pos": [3, 4], "sent_id": 0, "type": "sea_port"}])
    more["labels"] = [{"h": 0, "t": 1, "r": "P551", "evidence": [0]}]
    other = tmp_path / "other.json"
    other.write_text(json.dumps([more]))
    made = tmp_path / "schema.json"
    assert run("schema", corpus, other, "-o", made) == 0
    assert capsys.readouterr().err == f"{made}: 2 entity types, 1 relation types\n"
    schema = Schema.load(made)
    assert schema == derive_schema([*load_corpus(corpus), *load_corpus(other)])
    assert [label.name for label in schema.entity_types] == ["PER", "sea port"]
    assert run("schema", corpus, other, "--reader", "docred", "-o", "-") == 0
    assert Schema.from_dict(json.loads(capsys.readouterr().out)) == schema
    with pytest.raises(InputError, match="is one of the corpora; give another file"):
        run("schema", corpus, other, "-o", other)
    with pytest.raises(InputError, match="cannot be written"):
        run("schema", corpus, "-o", tmp_path / "gone" / "schema.json")
