"""DocRED's layout as it is written: byte for byte what other programs expect, and what is lost on the way."""

import json
import logging
from pathlib import Path

import pytest

from joint_ie.corpora import Repairs, read_docred
from joint_ie.corpora.docred_writer import write_docred
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError

KEYS = {"title", "sents", "vertexSet", "labels"}


def record_of(document: Document, tmp_path: Path, repairs: Repairs | None = None) -> dict:
    path = tmp_path / "new" / "d.json"
    assert write_docred(iter([document]), path, repairs) == 1
    (record,) = json.loads(path.read_text(encoding="utf-8"))
    return record


def test_real_files_are_written_as_they_are(shared: Path, tmp_path: Path) -> None:
    source = shared / "data/redocred/dev_revised.json"
    raw = json.loads(source.read_text(encoding="utf-8"))[:50]
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(raw), encoding="utf-8")
    repairs = Repairs()
    assert write_docred(read_docred(cut), tmp_path / "again.json", repairs) == 50
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    for record in raw:
        for entity in record["vertexSet"]:
            for mention in entity:  # further keys of Re-DocRED, that nothing of ours reads
                for key in set(mention) - {"name", "pos", "sent_id", "type"}:
                    del mention[key]
    assert again == [{key: record[key] for key in KEYS} for record in raw]
    assert not repairs.found


def test_entities_at_their_file_positions(tmp_path: Path) -> None:
    bare = Document.from_words("Zoë “1”", [["Ann", "met", "Bo"], [], ["in", "Rome"]])
    entities = [
        Entity("PER", "x", (bare.mention(i, i + 1, type="X" if i else None),), id=id)
        for i, id in ((0, "2"), (2, "0"), (4, "1"))
    ]
    record = record_of(bare.with_annotations(entities, [Relation(0, 2, "P17", evidence=(0, 2))]), tmp_path)
    assert [entity[0]["name"] for entity in record["vertexSet"]] == ["Bo", "Rome", "Ann"]
    assert record["labels"] == [{"h": 2, "t": 1, "r": "P17", "evidence": [0, 2]}]
    assert record["sents"] == [["Ann", "met", "Bo"], [], ["in", "Rome"]] and record["title"] == "Zoë “1”"
    assert record["vertexSet"][1] == [{"name": "Rome", "sent_id": 2, "pos": [1, 2], "type": "PER"}]


def test_no_relations_and_nobody_looked(tmp_path: Path) -> None:
    bare = Document.from_words("d", [["a"]])
    assert "labels" not in record_of(bare, tmp_path)
    assert record_of(bare.with_annotations([], []), tmp_path)["labels"] == []


def test_losses_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bare = Document("d", "a  b\nc", ((0, 1), (3, 4), (5, 6)), ((0, 3),))
    first = Entity("X", "alias", (bare.mention(0, 3, type="Y"), bare.mention(2, 3, "see", "Z")), 0.5, "D001")
    second = Entity("X", "b", (bare.mention(1, 2),))
    relations = [Relation(0, 1, "P17", "country", 0.5, (0,), "rule"), Relation(1, 0, "P17", "land")]
    document = bare.with_annotations([first, second], relations, [(0, 1)])
    repairs = Repairs()
    record = record_of(document, tmp_path, repairs)
    assert {(repair.document, repair.kind) for repair in repairs.found} == {
        ("d", "texts with other white space than single spaces normalised"),
        ("d", "names of entities replaced by the first mention's"),
        ("d", "types of first mentions replaced by the entity's"),
        ("d", "ids of entities left out"),
        ("d", "scores left out"),
        ("d", "ways in which evidence was found left out"),
        ("d", "readable names of relations left out"),
        ("d", "lists of candidates left out"),
    }
    assert [(m["name"], m["type"]) for m in record["vertexSet"][0]] == [("a b c", "X"), ("see", "Z")]
    with caplog.at_level(logging.WARNING):
        record_of(document, tmp_path)
    assert "2 scores left out" in caplog.text
    caplog.clear()
    record_of(bare.with_annotations([], None), tmp_path, Repairs())
    assert not caplog.text


def test_half_of_a_surrogate_pair(tmp_path: Path) -> None:
    document = Document.from_words("d\ud800", [["\udc00"]])
    write_docred([document], tmp_path / "d.json")
    assert list(read_docred(tmp_path / "d.json")) == [document]


def test_mentions_that_cross_a_sentence_end(tmp_path: Path) -> None:
    bare = Document.from_words("d", [["a", "b"], ["c"]])
    document = bare.with_annotations([Entity("X", "b c", (bare.mention(1, 3),))], None)
    with pytest.raises(
        InputError, match=r"^document 'd': mention 'b c', tokens 1 to 3, crosses a sentence end.*; write"
    ):
        write_docred([document], tmp_path / "d.json")
    assert not (tmp_path / "d.json").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path, tmp_path / "file" / "d.json"):
        with pytest.raises(InputError, match="cannot be written"):
            write_docred([], target)
