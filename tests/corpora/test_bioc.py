"""BioC JSON: the same documents as the PubTator form of BioRED, and broken files."""

import json
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora.bioc import BIOC, read_bioc
from joint_ie.corpora.pubtator import biored_schema, read_pubtator
from joint_ie.corpora.repairs import Repairs
from joint_ie.errors import InputError


def test_biored_is_the_same_in_both_forms(shared: Path) -> None:
    here, there = Repairs(), Repairs()
    documents = list(read_bioc(shared / "data/biored/Dev.BioC.JSON", here))
    assert documents == list(read_pubtator(shared / "data/biored/Dev.PubTator", there))
    assert here.summary() == there.summary()
    for document in documents:
        document.validate(biored_schema())


def annotation(**changes: Any) -> dict[str, Any]:
    base = {
        "id": "0",
        "infons": {"identifier": "6528", "type": "GeneOrGeneProduct"},
        "text": "NIS",
        "locations": [{"offset": 0, "length": 3}],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def relation(**changes: Any) -> dict[str, Any]:
    base = {"entity1": "6528", "entity2": "D1", "type": "Association", "novel": "Novel"}
    return {"id": "R0", "infons": {key: value for key, value in {**base, **changes}.items() if value is not ...}}


def record(*annotations: Any, relations: Any = (), **changes: Any) -> dict[str, Any]:
    goitre = annotation(
        infons={"identifier": "D1", "type": "DiseaseOrPhenotypicFeature"},
        text="goitre",
        locations=[{"offset": 12, "length": 6}],
    )
    base = {
        "id": "7",
        "passages": [
            {"offset": 0, "text": "NIS genes", "annotations": list(annotations)},
            {"offset": 10, "text": "A goitre.", "annotations": [goitre]},
        ],
        "relations": list(relations),
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def write(folder: Path, content: Any) -> Path:
    path = folder / "corpus.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(("bom", "end"), [(b"", b"\n"), (b"\xef\xbb\xbf", b"\r\n")])
def test_a_small_document(tmp_path: Path, bom: bytes, end: bytes) -> None:
    ungrounded = annotation(infons={"identifier": None, "type": "CellLine"}, locations=[{"offset": 0, "length": 3}])
    lone = record(id=8, relations=[relation(entity1="D9"), relation(entity2="6528", novel=...)], passages=[])
    documents = [record(annotation(), ungrounded, relations=[relation()]), record(annotation()), lone]
    path = tmp_path / "corpus.json"
    path.write_bytes(bom + json.dumps({"documents": documents}, indent=1).encode().replace(b"\n", end))
    repairs = Repairs()
    first, second = read_bioc(path, repairs)
    assert first.text == "NIS genes A goitre." and [s.text for s in first.sentences] == ["NIS genes", "A goitre."]
    assert [(e.id, e.type, e.mentions[0].span) for e in first.entities] == [
        ("6528", "GeneOrGeneProduct", (0, 1)),
        (None, "CellLine", (0, 1)),
        ("D1", "DiseaseOrPhenotypicFeature", (3, 4)),
    ]
    assert [(r.head, r.tail, r.type, r.label) for r in first.relations or ()] == [(0, 2, "Association", "association")]
    assert (second.id, second.text, second.tokens, second.relations) == ("8", "", (), ())
    assert [(repair.document, repair.kind) for repair in repairs.found] == [
        ("7", "mentions without a concept read as entities of their own"),
        ("7", "documents whose labels of novelty are left out"),
        ("7", "repeated documents left out"),
        ("8", "relations of concepts without a mention left out"),
        ("8", "relations of concepts without a mention left out"),
        ("8", "documents whose labels of novelty are left out"),
    ]
    assert BIOC.recognises(path.read_text(encoding="utf-8-sig"))


BROKEN = {
    "no id": (record(id=...), 'document 1: field "id" is missing'),
    "no passages": (record(passages=...), "document 1 ('7'): field \"passages\" is missing"),
    "no object": (record(passages=[3]), "passages[0] should be an object"),
    "no text": (record(passages=[{"offset": 0}]), 'passages[0]: field "text" is missing'),
    "overlap": (record(passages=[{"offset": 0, "text": "ab"}, {"offset": 1, "text": "c"}]), "before the end of the"),
    "no locations": (record(annotation(locations=...)), 'passages[0].annotations[0]: field "locations" is missing'),
    "two locations": (record(annotation(locations=[{"offset": 0, "length": 1}] * 2)), "('NIS') is in 2 locations"),
    "no length": (record(annotation(locations=[{"offset": 0}])), 'locations[0]: field "length" is missing'),
    "no type": (record(annotation(infons={})), 'annotations[0].infons: field "type" is missing'),
    "beyond the text": (
        record(annotation(locations=[{"offset": 18, "length": 3}])),
        "[18, 21], which are empty or out",
    ),
    "before the text": (record(annotation(locations=[{"offset": -3, "length": 3}])), "[-3, 0], which are empty or"),
    "shifted": (record(annotation(locations=[{"offset": 1, "length": 3}])), "[1, 4], where the text says 'IS '"),
    "no entity": (record(relations=[relation(entity2=...)]), 'relations[0].infons: field "entity2" is missing'),
    "relations": (record(relations=["R0"]), "relations[0] should be an object, but is a string"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_records_are_named(tmp_path: Path, case: str) -> None:
    content, expected = BROKEN[case]
    path = write(tmp_path, {"documents": [content]})
    with pytest.raises(InputError) as caught:
        list(read_bioc(path))
    message = str(caught.value)
    assert expected in message and message.startswith(f"{path}: document 1") and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "add", "join"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"[]", "should be an object"),
        (b"{}", 'field "documents" is missing'),
        (json.dumps({"documents": [record()]}).encode()[:-9], "cut off or not valid JSON"),
        ('{"documents": [{"id": "Zürich"}]}'.encode("latin-1"), "not UTF-8 text (byte 0xfc at position 24)"),
        (json.dumps({"documents": []}).encode("utf-16"), "not UTF-8"),
        (b'{"documents": [{"id": "7", "passages": [{"offset": 0, "text": "\\ud800"}]}]}', "half of a surrogate pair"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "corpus.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}") as caught:
        list(read_bioc(path))
    assert expected in str(caught.value)
