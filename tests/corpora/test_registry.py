"""Corpora by name, formats by what a file looks like."""

import json
from pathlib import Path

import pytest

from joint_ie.corpora import CORPORA, READERS, Repairs, load_corpus, recognise, write_jsonl
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


@pytest.mark.parametrize(("content", "reader"), [("[]", "docred"), (" \n", "jsonl"), ('{"documents": []}', "bioc")])
def test_a_corpus_of_nothing_is_no_corpus(tmp_path: Path, content: str, reader: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"^{path}: holds no document; .*\({reader}\)$"):
        load_corpus(path, reader=reader)


@pytest.mark.parametrize("hidden", [".DS_Store", "._a.json", ".git/a.ann", "README.md"])
def test_folders_are_recognised_past_other_files(tmp_path: Path, hidden: str) -> None:
    (tmp_path / hidden).parent.mkdir(exist_ok=True)
    (tmp_path / hidden).write_bytes(b"\x00\x05\x16T1\tX 0 1\tx\xff")
    with pytest.raises(InputError, match="is a folder without files that"):
        recognise(tmp_path)
    article = {"id": "a", "content": "x", "mentions": [], "concepts": [], "relations": []}
    (tmp_path / "b.json").write_text(json.dumps(article))
    assert recognise(tmp_path).name == "dwie" and [document.id for document in load_corpus(tmp_path)] == ["a"]


def test_files_in_subfolders_tell_the_format(tmp_path: Path) -> None:
    (tmp_path / "part" / "one").mkdir(parents=True)
    (tmp_path / "part" / "one" / "a.ann").write_text("T1\tX 0 1\tx\n")
    (tmp_path / "part" / "one" / "a.txt").write_text("x")
    (tmp_path / "part" / "one" / "._a.ann").write_bytes(b"\xff")
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "b.txt").write_text("x")
    repairs = Repairs()
    assert [document.id for document in load_corpus(tmp_path, repairs=repairs)] == ["part/one/a"]
    assert not repairs.found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("redocred/dev", "download it there from https://github.com/tonytan48/Re-DocRED, or set JOINT_IE_DATA"),
        ("cdr/dev", "make it there from the public corpus with the script of https://github.com/fenchri/edge-oriented"),
        ("gda/dev", "make it there from the public corpus with the script of https://github.com/fenchri/edge-oriented"),
        ("dwie-docred/dev", "make it there from DWIE with the script of https://github.com/rudongyu/LogiRE"),
        ("docred/extra", "phos-phophy/creed and https://github.com/amazon-science/e2e-docie"),
    ],
)
def test_where_to_get_a_corpus(tmp_path: Path, name: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load_corpus(name, root=tmp_path)
    assert expected in str(caught.value)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_the_end_to_end_split_under_its_own_name(tmp_path: Path, part: str) -> None:
    (tmp_path / "docred_joint").mkdir()
    (tmp_path / f"docred_joint/{part}_joint_qcode.json").write_text(json.dumps([RECORD]))
    assert len(load_corpus(f"docred-joint/{part}", root=tmp_path)) == 1


def test_registered_corpora_use_known_readers() -> None:
    assert {corpus.reader for corpus in CORPORA.values()} <= set(READERS)
    assert all(name == corpus.name for name, corpus in CORPORA.items())
