import json
from collections.abc import Callable
from pathlib import Path

import pytest

from joint_ie.cli import graph as graph_command
from joint_ie.cli import main as command
from joint_ie.corpora import write_jsonl
from joint_ie.corpora.docbin import write_docbin
from joint_ie.document import Document, Entity, Relation
from joint_ie.graph import GraphCounts, GraphStore, MergeRule
from joint_ie.graph.formats import FORMATS
from joint_ie.graph.merging import RULES

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """``joint-ie graph ...`` in an empty folder; the other commands are left out, as they are slow to import."""
    monkeypatch.setattr(command, "COMMANDS", ("graph",))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: command.main(["graph", *arguments])


def family(id: str, name: str = "Marie Curie") -> Document:
    bare = Document.from_words(id, [[name, "was", "born", "in", "Warsaw"]])
    entities = [Entity("PER", name, (bare.mention(0, 1),)), Entity("LOC", "Warsaw", (bare.mention(4, 5),))]
    relations = [Relation(0, 1, "P19", "place of birth", 0.9, (0,)), Relation(0, 1, "P20", "place of death", 0.3, (0,))]
    return bare.with_annotations(entities, relations)


def counts(path: str = "g") -> GraphCounts:
    with GraphStore.open(path) as graph:
        return graph.counts()


def test_choices_are_those_of_the_library() -> None:
    assert graph_command._RULES == RULES
    assert set(graph_command._FORMATS) == set(FORMATS)


def test_build_and_build_again(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl([family("1"), family("2", "marie curie")], "a.jsonl")
    write_jsonl([family("3", "Pierre Curie")], "b.jsonl")
    assert run("build", "a.jsonl", "-o", "g") == 0
    assert counts() == GraphCounts(documents=2, nodes=2, edges=2, members=4, statements=4)
    assert run("build", "a.jsonl", "b.jsonl", "-o", "g") == 0
    out = capsys.readouterr().out
    assert "2 new documents, 0 as before" in out and "1 new documents, 2 as before" in out
    assert counts().nodes == 3


def test_a_graph_keeps_its_rule(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl([family("1"), family("2", "Marie Curies")], "a.jsonl")
    assert run("build", "a.jsonl", "-o", "g", "--merge", "fuzzy", "--threshold", "80") == 0
    assert counts().nodes == 2
    assert run("build", "a.jsonl", "-o", "g") == 0
    with GraphStore.open("g") as graph:
        assert graph.rule == MergeRule("fuzzy", 80)
    assert run("build", "a.jsonl", "-o", "g", "--merge", "exact") == 1
    assert "merge rule fuzzy 80, not exact" in capsys.readouterr().err


def test_ids_that_come_twice_are_said(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl([family("1"), family("1", "Pierre Curie"), family("2"), family("2")], "a.jsonl")
    assert run("build", "a.jsonl", "-o", "g") == 0
    assert "1 of these documents took the place of others that came with the same id" in capsys.readouterr().err
    assert run("build", "a.jsonl", "-o", "h") == 0
    write_jsonl([family("1")], "b.jsonl")
    capsys.readouterr()
    assert run("build", "b.jsonl", "-o", "h") == 0
    assert "same id" not in capsys.readouterr().err


def test_min_score(run: Run) -> None:
    write_jsonl([family("1")], "a.jsonl")
    assert run("build", "a.jsonl", "-o", "g", "--min-score", "0.5") == 0
    assert (counts().edges, counts().nodes) == (1, 2)


def test_what_cannot_be_read_is_named_and_the_rest_done(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text(json.dumps(family("1").to_dict()) + "\nno json\n" + json.dumps(family("2").to_dict()))
    assert run("build", "missing.jsonl", "a.jsonl", "-o", "g") == 1
    err = capsys.readouterr().err
    assert "missing.jsonl: no such file" in err and "a.jsonl: line 2" in err
    assert counts().documents == 2
    assert run("build", "missing.jsonl", "-o", "h") == 1
    assert not Path("h").exists()


OTHERS = {
    "notes.txt": b"Bob\nmet\nEve.\n",
    "picture.png": b"\x89PNG\r\n\0\0\n\0\n",
    "corpus.json": b'[{"title": "a"},\n{"title": "b"}]',
    "texts.jsonl": b'{"id": 1, "text": "Bob."}\n{"id": 2, "text": "Eve."}\n',
}


@pytest.mark.parametrize("name", [*OTHERS, "old.graph"])
def test_other_files_are_said_once_and_leave_no_graph(run: Run, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl([family("1")], "a.jsonl")
    if name in OTHERS:
        Path(name).write_bytes(OTHERS[name])
    else:
        assert run("build", "a.jsonl", "-o", name) == 0
    capsys.readouterr()
    assert run("build", name, "-o", "g") == 1
    assert capsys.readouterr().err == (
        f"joint-ie: {name}: does not hold Documents in JSON Lines; run joint-ie extract first, or joint-ie data "
        "convert if it is a corpus, and give what that wrote\n"
    )
    assert not Path("g").exists()
    assert run("build", name, "a.jsonl", "-o", "g") == 1
    assert counts().documents == 1


def test_nothing_usable_leaves_no_graph(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text('{"id": \n{"id": \n')
    Path("folder").mkdir()
    assert run("build", "a.jsonl", "folder", "-o", "g") == 1
    assert "folder: holds no .jsonl file; run joint-ie extract first" in capsys.readouterr().err
    assert not Path("g").exists()
    Path("a.jsonl").write_text("")
    assert run("build", "a.jsonl", "-o", "g") == 0
    assert counts().documents == 0


def test_folders(run: Run) -> None:
    write_jsonl([family("1")], "out/a.jsonl")
    write_jsonl([family("2")], "out/inner/b.ndjson")
    write_jsonl([family("3")], "out/.c.jsonl")
    Path("out/notes.txt").write_text("Bob")
    assert run("build", "out", "-o", "g") == 0
    assert counts().documents == 2


def test_a_docbin(run: Run) -> None:
    write_docbin([family("1"), family("2")], Path("a.spacy"))
    assert run("build", "a.spacy", "-o", "g") == 0
    assert (counts().documents, counts().edges) == (2, 2)


def test_a_dash_is_standard_output(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl([family("1")], "a.jsonl")
    assert run("build", "a.jsonl", "-o", "g") == 0
    assert run("export", "g", "-o", "g.nt") == 0
    assert run("view", "g", "-o", "g.html") == 0
    capsys.readouterr()
    assert run("export", "g", "-o", "-", "--format", "ntriples") == 0
    assert capsys.readouterr().out == Path("g.nt").read_text(encoding="utf-8")
    assert run("view", "g", "-o", "-") == 0
    out, err = capsys.readouterr()
    assert out == Path("g.html").read_text(encoding="utf-8") and err.startswith("standard output: ")
    assert run("export", "g", "-o", "-") == 1
    assert run("export", "g", "-o", "-", "--format", "csv") == 1
    assert "csv is a folder" in capsys.readouterr().err
    assert not Path("-").exists()


def test_wrong_use(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl([family("1")], "a.jsonl")
    assert run("build", "a.jsonl", "-o", "g", "--threshold", "80") == 2
    assert run("export", "g", "-o", "a.nt", "--base", "x") == 1
    assert run("build", "a.jsonl", "-o", "a.jsonl") == 1
    assert run("build", "a.jsonl", "-o", "g") == 0
    assert run("export", "g", "-o", "g.jsonl", "--base", "https://a.example/") == 2
    assert run("export", "g", "-o", "g.txt") == 1
    assert run("export", "g", "-o", "g", "--format", "turtle") == 1
    err = capsys.readouterr().err
    for said in ("--merge fuzzy", "g: no such file", "a.jsonl: is no graph", "--base is for RDF", "g.txt: its ending"):
        assert said in err
    assert "g: is the graph itself" in err
    for wrong in (("--merge", "some"), ("--min-score", "2"), ("--threshold", "x")):
        with pytest.raises(SystemExit, match="2"):
            run("build", "a.jsonl", "-o", "g", *wrong)
    assert run("build", "a.jsonl", "-o", "f", "--merge", "fuzzy", "--threshold", "10") == 1


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_export(run: Run, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl([family("1"), family("2")], "a.jsonl")
    assert run("build", "a.jsonl", "-o", "g") == 0
    ending = (*FORMATS[name].endings, "")[0]
    assert run("export", "g", "-o", f"by-ending{ending}", *(() if ending else ("--format", name))) == 0
    assert run("export", "g", "-o", "named", "--format", name) == 0
    found = [Path(f"by-ending{ending}"), Path("named")]
    if name == "csv":
        found = [folder / "edges.csv" for folder in found]
    assert found[0].read_bytes() == found[1].read_bytes()
    assert b"was born in Warsaw" in found[0].read_bytes()
    assert f"named: {'4 nodes and edges' if FORMATS[name].unit != 'triples' else ''}" in capsys.readouterr().err
