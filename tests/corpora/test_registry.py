"""Corpora by name, formats by what a file looks like."""

import json
from pathlib import Path

import pytest

from joint_ie.corpora import CORPORA, READERS, load_corpus, recognise, write_jsonl
from joint_ie.document import Document
from joint_ie.errors import InputError

RECORD = {"title": "T", "sents": [["é"] * 40_000], "vertexSet": []}


def test_formats_are_recognised_by_content(tmp_path: Path) -> None:
    docred = tmp_path / "a.data"
    for shift in ("", " "):  # the 64 KiB that are looked at end inside and between two-byte characters
        docred.write_text(shift + json.dumps([RECORD], ensure_ascii=False), encoding="utf-8")
        assert recognise(docred).name == "docred"
    lines = tmp_path / "b.json"
    write_jsonl([Document.from_words("d", [["a"]])], lines)
    assert recognise(lines).name == "jsonl"
    broken = tmp_path / "c.jsonl"
    broken.write_text("{")
    assert recognise(broken).name == "jsonl"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (b"{}", "not recognised; name it with --reader, one of jsonl, "),
        ("[é]".encode("latin-1"), "not UTF-8"),
    ],
)
def test_files_of_no_format(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        load_corpus(path)
    assert expected in str(caught.value)


def test_names_lead_to_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "redocred").mkdir(parents=True)
    part = tmp_path / "data/redocred/train_partial_992.json"
    part.write_text(json.dumps([RECORD | {"title": "part"}]))
    monkeypatch.delenv("JOINT_IE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert [document.id for document in load_corpus("redocred/train")] == ["part"]  # ./data
    part.with_name("train_revised.json").write_text(json.dumps([RECORD | {"title": "full"}]))
    monkeypatch.setenv("JOINT_IE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir("/")
    assert [document.id for document in load_corpus("redocred/train")] == ["full"]
    assert [document.id for document in load_corpus(part)] == ["part"]


def test_errors_say_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"redocred/dev_revised.json in {tmp_path}.*JOINT_IE_DATA"):
        load_corpus("redocred/dev", root=tmp_path)
    with pytest.raises(InputError, match=r'did you mean "redocred/dev"\?'):
        load_corpus("redocred/dve", root=tmp_path)
    with pytest.raises(InputError, match=r"x\.json: no such file"):
        load_corpus("x.json", root=tmp_path)
    with pytest.raises(InputError, match=r'did you mean "docred"\?'):
        load_corpus("redocred/dev", reader="docret", root=tmp_path)
    with pytest.raises(InputError, match="is a folder"):
        load_corpus(tmp_path)


def test_registered_corpora_use_known_readers() -> None:
    assert {corpus.reader for corpus in CORPORA.values()} <= set(READERS)
    assert all(name == corpus.name for name, corpus in CORPORA.items())
