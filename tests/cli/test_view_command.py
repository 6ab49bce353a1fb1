"""``joint-ie view``: a page of documents that are annotated, without a model."""

import json
import re
from pathlib import Path

import pytest

from joint_ie.cli import main as command
from joint_ie.corpora import write_jsonl
from joint_ie.document import Document, Entity, Relation
from joint_ie.graph.document_page import document_page


def annotated(id: str) -> Document:
    bare = Document.from_words(id, [["Marie", "Curie", "was", "born", "in", "Warsaw", "."]])
    entities = [Entity("PER", "Marie Curie", (bare.mention(0, 2),)), Entity("LOC", "Warsaw", (bare.mention(5, 6),))]
    return bare.with_annotations(entities, [Relation(0, 1, "P19", "place of birth", 0.9, (0,), "both-entities")])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "COMMANDS", ("view",))
    monkeypatch.chdir(tmp_path)
    write_jsonl([annotated("one"), annotated("two")], Path("long.jsonl"))


def test_the_page_is_that_of_extract(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["view", "long.jsonl", "-o", "new/page.html"]) == 0
    assert capsys.readouterr().err == "new/page.html: 2 documents\n"
    assert Path("new/page.html").read_text(encoding="utf-8") == document_page(
        [annotated("one"), annotated("two")], "long"
    )


def test_part_of_a_corpus_in_another_format() -> None:
    record = {
        "title": "docred",
        "sents": [["Ann", "lives", "in", "Oslo"]],
        "vertexSet": [[{"name": "Ann", "pos": [0, 1], "sent_id": 0, "type": "PER"}]],
    }
    Path("corpus.json").write_text(json.dumps([record, record | {"title": "second"}]))
    assert command.main(["view", "corpus.json", "-o", "page.html", "--limit", "1", "--title", "<b>"]) == 0
    html = Path("page.html").read_text(encoding="utf-8")
    assert "<title>&lt;b&gt;</title>" in html
    assert re.findall(r'<h2 dir="auto">(.+)</h2>', html) == ["docred"]


def test_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("long.jsonl").read_bytes()
    assert command.main(["view", "long.jsonl", "-o", "long.jsonl"]) == 1
    assert "is the input itself" in capsys.readouterr().err
    assert Path("long.jsonl").read_bytes() == before
    assert command.main(["view", "no/such", "-o", "page.html"]) == 1
    assert "neither registered nor a file" in capsys.readouterr().err
    Path("broken.jsonl").write_text('{"id": 1}\n')
    assert command.main(["view", "broken.jsonl", "-o", "page.html"]) == 1
    assert not Path("page.html").exists()
