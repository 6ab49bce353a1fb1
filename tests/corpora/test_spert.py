"""SpERT's JSON: CoNLL04 as it is here, the variant with entities, and broken files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora.docred import DOCRED
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.spert import SPERT, conll04_schema, read_spert
from joint_ie.errors import InputError

PARTS = [("train", 922, 3377, 1283), ("dev", 231, 893, 343)]


@pytest.mark.parametrize(("part", "documents", "entities", "relations"), PARTS)
def test_conll04(shared: Path, part: str, documents: int, entities: int, relations: int) -> None:
    path = shared / f"data/spert_conll04/conll04_{part}.json"
    repairs = Repairs()
    read = list(read_spert(path, repairs))
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert (len(read), repairs.found) == (documents, ())
    assert sum(len(document.entities) for document in read) == entities
    assert sum(len(document.relations or ()) for document in read) == relations
    for document, record in zip(read, raw, strict=True):
        document.validate(conll04_schema())
        assert document.id == str(record["orig_id"]) and list(document.words) == record["tokens"]
        # Written from the tags alone: B and U begin an entity, U and L end one.
        ends = [[i + (side == "LU") for i, tag in enumerate(record["tags"]) if tag[0] in side] for side in ("BU", "LU")]
        assert [mention.span for e in document.entities for mention in e.mentions] == list(zip(*ends, strict=True))
        assert [e.type for e in document.entities] == [record["tags"][start][2:] for start in ends[0]]
        listed = [(r["head"], r["tail"], r["type"]) for r in record["relations"]]
        assert [(r.head, r.tail, r.type) for r in document.relations or ()] == listed
        assert all(relation.label for relation in document.relations or ())
    assert SPERT.recognises(path.read_text(encoding="utf-8")[: 1 << 16])
    assert not DOCRED.recognises(path.read_text(encoding="utf-8")[: 1 << 16])


def record(**changes: Any) -> dict[str, Any]:
    base = {
        "tokens": ["Ann", "Lee", "lives", "in", "Oslo", "."],
        "entities": [{"type": "Peop", "start": 0, "end": 2}, {"type": "Loc", "start": 4, "end": 5}],
        "relations": [{"type": "Live_In", "head": 0, "tail": 1}],
        "orig_id": 7,
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def write(folder: Path, content: Any) -> Path:
    path = folder / "corpus.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_entities_and_tags_say_the_same(tmp_path: Path) -> None:
    tags = {
        "BILOU": ["B-Peop", "L-Peop", "O", "O", "U-Loc", "O"],
        "BIOES": ["B-Peop", "E-Peop", "O", "O", "S-Loc", "O"],
        "BIO": ["B-Peop", "I-Peop", "O", "O", "B-Loc", "O"],
        "IOB1": ["I-Peop", "I-Peop", "O", "O", "I-Loc", "O"],
    }
    repairs = Repairs()
    path = write(tmp_path, [record(), *(record(entities=..., tags=variant) for variant in tags.values())])
    read = list(read_spert(path, repairs))
    assert [document.id for document in read] == ["7", "7#2", "7#3", "7#4", "7#5"]
    assert all(d.entities == read[0].entities and d.relations == read[0].relations for d in read)
    assert [(e.name, e.type, e.id) for e in read[0].entities] == [("Ann Lee", "Peop", "0"), ("Oslo", "Loc", "1")]
    kinds = Counter((repair.document, repair.kind) for repair in repairs.found)
    assert kinds[("7#5", "tags that continue no mention taken as its beginning")] == 2 and len(kinds) == 5


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("B-a I-b O", [(0, 1, "a"), (1, 2, "b")]),
        ("B-a L-a I-a", [(0, 2, "a"), (2, 3, "a")]),
        ("U-a I-a B-a", [(0, 1, "a"), (1, 2, "a"), (2, 3, "a")]),
        ("S-a I-a S-a", [(0, 1, "a"), (1, 2, "a"), (2, 3, "a")]),
        ("I-a B-a B-a", [(0, 1, "a"), (1, 2, "a"), (2, 3, "a")]),
        ("L-a L-a E-a", [(0, 1, "a"), (1, 2, "a"), (2, 3, "a")]),
        ("B-a B-a I-a", [(0, 1, "a"), (1, 3, "a")]),
    ],
)
def test_odd_tags(tmp_path: Path, tags: str, spans: list[tuple[int, int, str]]) -> None:
    path = write(tmp_path, [{"tokens": ["x", "y", "z"], "tags": tags.split(), "relations": []}])
    (document,) = read_spert(path)
    assert [(*e.mentions[0].span, e.type) for e in document.entities] == spans


def test_odd_but_usable_input(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    twice = [{"type": "Loc", "start": 0, "end": 2}] * 2
    content = [record(orig_id=...), record(relations=..., entities=twice), record(tokens=[], entities=[], relations=[])]
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(content, indent=1).replace("\n", "\r\n").encode())
    first, second, third = read_spert(path)
    assert first.id == "corpus-1" and second.relations is None and third.relations == ()
    assert len(second.entities) == 2 and first.relations and first.relations[0].label == "live in"


BROKEN = {
    "no list": (record(), "should be a list of sentences, but is an object"),
    "no object": ([3], "document 1 should be an object, but is a number"),
    "no words": ([record(tokens=...)], 'field "tokens" is missing'),
    "words are numbers": ([record(tokens=[1])], 'field "tokens" should be a list of words'),
    "neither": ([record(entities=...)], 'field "entities" is missing'),
    "mention too far": ([record(entities=[{"type": "Loc", "start": 4, "end": 7}])], "[4, 7] of a sentence of 6"),
    "mention empty": ([record(entities=[{"type": "Loc", "start": 4, "end": 4}])], "[4, 4] of a sentence of 6"),
    "no type": ([record(entities=[{"start": 4, "end": 5}])], 'entities[0]: field "type" is missing'),
    "missing tail": ([record(relations=[{"type": "r", "head": 0, "tail": 2}])], "tail = 2 is none of 2 entities"),
    "missing head": ([record(relations=[{"type": "r", "head": -1, "tail": 0}])], "head = -1 is none of 2 entities"),
    "too few tags": ([record(entities=..., tags=["O"])], "should have a tag for each of 6 words"),
    "no tag": ([record(entities=..., tags=["O", "B", "O", "O", "O", "O"])], "tag 'B' of word 2 is none of O, B-TYPE"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_records_are_named(tmp_path: Path, case: str) -> None:
    content, expected = BROKEN[case]
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        list(read_spert(path))
    message = str(caught.value)
    assert expected in message and message.startswith(f"{path}: ") and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "check", "add", "remove"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (json.dumps([record()]).encode()[:-9], "cut off or not valid JSON"),
        ('[{"tokens": ["Zürich"]}]'.encode("latin-1"), "not UTF-8 text (byte 0xfc at position 15)"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "corpus.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        list(read_spert(path))
    assert expected in str(caught.value)
