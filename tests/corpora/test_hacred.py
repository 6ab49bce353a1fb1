"""HacRED's layout: Chinese without spaces, otherwise as DocRED. We have no file of it; this one is made up."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora import load_corpus, recognise
from joint_ie.corpora.docred import DOCRED, HACRED, read_docred, read_hacred
from joint_ie.corpora.repairs import Repairs
from joint_ie.errors import InputError
from joint_ie.schema import Schema


def record(**changes: Any) -> dict[str, Any]:
    base = {
        "title": "李娜",
        "sents": [list("李娜生于武汉。"), [], list("她在2011年夺冠。")],
        "vertexSet": [
            [
                {"name": "李娜", "pos": [0, 2], "sent_id": 0, "type": "PER"},
                {"name": "她", "pos": [0, 1], "sent_id": 2, "type": "PER"},
            ],
            [{"name": "武汉市", "pos": [4, 6], "sent_id": 0, "type": "LOC"}],
        ],
        "labels": [{"h": 0, "t": 1, "r": "出生地", "evidence": [0]}],
    }
    return {**base, **changes}


def write(folder: Path, content: Any) -> Path:
    path = folder / "hacred.json"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_texts_read_as_chinese(tmp_path: Path) -> None:
    (document,) = read_hacred(write(tmp_path, [record()]))
    assert document.text == "李娜生于武汉。她在2011年夺冠。"
    assert [sentence.text for sentence in document.sentences] == ["李娜生于武汉。", "", "她在2011年夺冠。"]
    person, place = document.entities
    assert [mention.text for mention in person.mentions] == ["李娜", "她"] and person.mentions[0].name is None
    assert place.mentions[0].text == "武汉" and place.mentions[0].name == place.name == "武汉市"
    for entity in document.entities:
        for mention in entity.mentions:
            assert document.text[mention.char_start : mention.char_end] == mention.text
    (relation,) = document.relations or ()
    assert (relation.head, relation.tail, relation.type, relation.label) == (0, 1, "出生地", None)


def test_lines_as_published(tmp_path: Path) -> None:
    own = {"sents": "sents_char", "vertexSet": "vertex_char", "labels": "labels_char"}
    line = {own.get(name, name): value for name, value in record().items() if name != "title"}
    line |= {"id": 6020, "sents_word": [["李娜", "生于"]], "vertex_word": [], "labels_word": []}
    path = tmp_path / "train.json"
    path.write_text("".join(json.dumps(line | {"id": id}, ensure_ascii=False) + "\n" for id in (6020, 1)))
    assert recognise(path) is HACRED
    documents = load_corpus(path)
    (expected,) = read_hacred(write(tmp_path, [record()]))
    assert [document.id for document in documents] == ["6020", "1"]
    assert all(document == replace(expected, id=document.id) for document in documents)
    path.write_text('{"id": 1, "sents_char": [["李"]]')
    with pytest.raises(InputError, match=r"train.json: line 1: is cut off"):
        load_corpus(path)


def test_everything_but_the_text_is_as_docred_reads_it(tmp_path: Path) -> None:
    path = write(tmp_path, [record(), record(), record(labels=None)])
    schema = Schema.from_names({"PER": "person"}, {"出生地": "place of birth"})
    for ours, docred in zip(read_hacred(path, schema), read_docred(path, schema), strict=True):
        assert (ours.id, ours.words, ours.sentence_spans) == (docred.id, docred.words, docred.sentence_spans)
        assert ours.relations == docred.relations
        for a, b in zip(ours.entities, docred.entities, strict=True):
            assert (a.id, a.type, [m.span for m in a.mentions]) == (b.id, b.type, [m.span for m in b.mentions])


def test_it_is_named_not_recognised(tmp_path: Path) -> None:
    path = write(tmp_path, [record(), record()])
    assert not HACRED.recognises(path.read_text(encoding="utf-8"))
    assert DOCRED.recognises(path.read_text(encoding="utf-8"))
    repairs = Repairs()
    assert [document.id for document in HACRED.read(path, repairs)] == ["李娜", "李娜#2"]
    assert repairs.summary() == "1 ids of an earlier document numbered"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (record(vertexSet=[[{"name": "x", "pos": [6, 8], "sent_id": 0, "type": "PER"}]]), "which has 7 words"),
        (record(labels=[{"h": 0, "t": 2, "r": "r"}]), "tail = 2 is outside the document's 2 entities"),
    ],
)
def test_broken_records_are_named(tmp_path: Path, content: Any, expected: str) -> None:
    path = write(tmp_path, [content])
    with pytest.raises(InputError, match=rf"^{path}: document 1 \('李娜'\): .*correct it") as caught:
        list(read_hacred(path))
    assert expected in str(caught.value)


def test_broken_files_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, [record()])
    whole = path.read_bytes()
    for content, expected in [(whole[:-9], "cut off"), (whole.decode().encode("gbk"), "not UTF-8"), (b"", "is empty")]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"^{path}: .*{expected}"):
            list(read_hacred(path))
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([record()], indent=1).replace("\n", "\r\n").encode())
    assert len(list(read_hacred(path))) == 1
