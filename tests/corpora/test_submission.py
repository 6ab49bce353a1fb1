import json
from dataclasses import replace
from pathlib import Path

import pytest

from joint_ie.corpora.submission import write_submission
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError


def build(id: str, relations: list[Relation] | None) -> Document:
    document = Document.from_words(id, [["Zoë", "met", "Ann"], ["Rome", "."]])
    entities = [Entity("PER", "x", (document.mention(i, i + 1),)) for i in (0, 2, 3)]
    return document.with_annotations(entities, relations)


def test_facts_in_docreds_format(tmp_path: Path) -> None:
    first = build("Zoë “1”", [Relation(2, 0, "P17", "country", 0.9, (0, 1)), Relation(0, 1, "P22")])
    documents = [first, build("none", []), build("unasked", None), build("last", [Relation(1, 2, "P19")])]
    path = tmp_path / "new" / "result.json"
    assert write_submission(iter(documents), path) == 3
    assert json.loads(path.read_text(encoding="utf-8")) == [
        {"title": "Zoë “1”", "h_idx": 2, "t_idx": 0, "r": "P17", "evidence": [0, 1]},
        {"title": "Zoë “1”", "h_idx": 0, "t_idx": 1, "r": "P22", "evidence": []},
        {"title": "last", "h_idx": 1, "t_idx": 2, "r": "P19", "evidence": []},
    ]


def test_no_facts_are_an_empty_list(tmp_path: Path) -> None:
    assert write_submission([replace(build("d", None), entities=())], tmp_path / "r.json") == 0
    assert json.loads((tmp_path / "r.json").read_text()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (tmp_path, tmp_path / "file" / "r.json"):
        with pytest.raises(InputError, match="cannot be written"):
            write_submission([build("d", [])], target)
