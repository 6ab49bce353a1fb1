"""Label Studio's exports: which annotation is read, what offsets count, relations, broken files."""

import json
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora import Repairs
from joint_ie.corpora.docred import DOCRED
from joint_ie.corpora.label_studio import LABEL_STUDIO, read_label_studio
from joint_ie.document import Document
from joint_ie.errors import InputError

TEXT = "Ann Lee lives in Oslo. She likes it."


def region(
    id: str, start: int, end: int, label: str | list[str] | None = "PER", text: Any = ..., **changes: Any
) -> dict:
    value: dict[str, Any] = {"start": start, "end": end, "text": TEXT[start:end] if text is ... else text}
    if label is not None:
        value["labels"] = [label] if isinstance(label, str) else label
    return {"id": id, "from_name": "label", "to_name": "text", "type": "labels", "value": value, **changes}


def relation(head: str, tail: str, *labels: str, direction: str | None = "right") -> dict:
    data = {"type": "relation", "from_id": head, "to_id": tail, "direction": direction, "labels": list(labels)}
    return data if direction else {key: value for key, value in data.items() if key != "direction"}


def task(*results: dict, **changes: Any) -> dict:
    data = {"id": 7, "annotations": [{"id": 1, "was_cancelled": False, "result": list(results)}], "predictions": []}
    return {**data, "data": {"text": TEXT}, **changes}


REGIONS = [region("a", 0, 7), region("o", 17, 21, "LOC"), region("s", 23, 26), region("i", 33, 35, "LOC")]


def write(folder: Path, content: Any) -> Path:
    path = folder / "export.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def read(folder: Path, *tasks: Any, **options: str) -> tuple[list[Document], Repairs]:
    repairs = Repairs()
    return list(read_label_studio(write(folder, list(tasks)), repairs=repairs, **options)), repairs


def facts(document: Document) -> list[tuple[str, str, str]]:
    entities = document.entities
    return [(entities[r.head].name, r.type, entities[r.tail].name) for r in document.relations or ()]


def test_mentions_links_and_relations(tmp_path: Path) -> None:
    links = [relation("s", "a", "Coref"), relation("o", "i", "Coref", direction="left")]
    lives = [relation("s", "o", "lives in"), relation("a", "i", "lives in", "likes"), relation("s", "i", "likes")]
    (document,), repairs = read(tmp_path, task(*REGIONS, *links, *lives))
    assert (document.id, document.text) == ("7", TEXT)
    assert [(e.type, e.name, e.id, [m.text for m in e.mentions]) for e in document.entities] == [
        ("PER", "Ann Lee", "a", ["Ann Lee", "She"]),
        ("LOC", "Oslo", "o", ["Oslo", "it"]),
    ]
    assert facts(document) == [("Ann Lee", "lives in", "Oslo"), ("Ann Lee", "likes", "Oslo")]
    assert repairs.summary() == "2 relations between the same entities merged"


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("right", [("Ann Lee", "in", "Oslo")]),
        (None, [("Ann Lee", "in", "Oslo")]),
        ("left", [("Oslo", "in", "Ann Lee")]),
        ("bi", [("Ann Lee", "in", "Oslo"), ("Oslo", "in", "Ann Lee")]),
    ],
)
def test_directions(tmp_path: Path, direction: str | None, expected: list) -> None:
    (document,), _ = read(tmp_path, task(*REGIONS, relation("a", "o", "in", direction=direction)))
    assert facts(document) == expected


def test_another_name_for_coreference(tmp_path: Path) -> None:
    (document,), _ = read(tmp_path, task(*REGIONS, relation("s", "a", "same")), coreference="same")
    assert len(document.entities) == 3 and document.relations is None


def test_the_first_annotation_that_was_not_cancelled(tmp_path: Path) -> None:
    annotations = [
        {"was_cancelled": True, "result": [region("x", 0, 3)]},
        {"was_cancelled": False, "result": [region("o", 17, 21, "LOC")]},
        {"result": REGIONS},
    ]
    cancelled = {"id": 8, "annotations": annotations[:1], "data": {"text": "x"}}
    full = task(annotations=annotations, predictions=[{"result": []}, {"result": []}], drafts=[{}])
    documents, repairs = read(tmp_path, full, cancelled, task(id=9, annotations=[]), task(*REGIONS))
    assert [(d.id, [e.name for e in d.entities]) for d in documents] == [
        ("7", ["Oslo"]),
        ("7#2", ["Ann Lee", "Oslo", "She", "it"]),
    ]
    assert sorted(repairs.summary().split(", ")) == [
        "1 drafts left out",
        "1 further annotations of a task left out",
        "1 ids of an earlier document numbered",
        "2 cancelled annotations left out",
        "2 predictions left out",
        "2 tasks without annotations left out",
    ]


def test_before_release_1(tmp_path: Path) -> None:
    old = {"id": 7, "data": {"text": TEXT}, "completions": [{"id": 1, "result": REGIONS}]}
    assert len(read(tmp_path, old)[0][0].entities) == 4


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    results = [
        *REGIONS[:2],
        region("o", 17, 21, "CITY"),
        region("s", 23, 26, ["PER", "PRON"]),
        region("n", 33, 35, None),
        {"id": "a", "type": "choices", "value": {"choices": ["sure"]}},
        {"id": "h", "type": "hypertextlabels", "value": {"start": "/div[1]/text()[1]"}},
        relation("a", "n", "in"),
        relation("a", "h", "in"),
        relation("a", "o"),
        relation("a", "o", "in"),
    ]
    (document,), repairs = read(tmp_path, task(*results))
    assert [(e.type, e.name) for e in document.entities] == [("PER", "Ann Lee"), ("LOC", "Oslo"), ("PER", "She")]
    assert facts(document) == [("Ann Lee", "in", "Oslo")]
    assert sorted(repairs.summary().split(", ")) == [
        "1 regions without a label left out",
        "1 relations without a label left out",
        "1 results of type 'choices' left out",
        "1 results of type 'hypertextlabels' left out",
        "2 further labels of a mention left out",
        "2 relations of regions that are left out left out",
    ]


def test_json_min(tmp_path: Path) -> None:
    first = {
        "text": TEXT,
        "id": 3,
        "label": [result["value"] for result in REGIONS],
        "choice": "sure",
        "annotator": 1,
        "annotation_id": 2,
        "created_at": "2024-01-01",
    }
    documents, repairs = read(tmp_path, first, {**first, "annotation_id": 3}, {**first, "id": 4, "label": []})
    assert [d.id for d in documents] == ["3", "4"] and documents[1].entities == ()
    assert [(e.type, e.name) for e in documents[0].entities][:2] == [("PER", "Ann Lee"), ("LOC", "Oslo")]
    assert documents[0].relations is None
    assert repairs.summary() == "1 further annotations of a task left out"
    renamed = {"Full_Text": TEXT, "label": first["label"], "created_at": "2024-01-01", "updated_at": "2024-01-01"}
    assert read(tmp_path, renamed)[0][0].entities == documents[0].entities


def test_relations_that_nobody_looked_for(tmp_path: Path) -> None:
    with_relation = task(*REGIONS, relation("a", "o", "in"))
    documents, _ = read(tmp_path, task(*REGIONS), task(*REGIONS, id=8))
    assert [d.relations for d in documents] == [None, None]
    documents, _ = read(tmp_path, task(*REGIONS), {**with_relation, "id": 8})
    assert documents[0].relations == () and documents[1].relations


ODD = "😀 Zoë\r\nmet Bo 😀."


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (11, None),
        (12, "1 texts whose offsets count UTF-16 units"),
        (10, "1 texts with line ends of two characters read as of one"),
    ],
)
def test_offsets_as_releases_count_them(tmp_path: Path, start: int, told: str | None) -> None:
    shift = int(start == 12)
    results = [region("z", 2 + shift, 5 + shift, text="Zoë"), region("b", start, start + 2, text="Bo")]
    (document,), repairs = read(tmp_path, task(*results, data={"text": ODD}))
    assert [entity.name for entity in document.entities] == ["Zoë", "Bo"]
    assert document.text == (ODD.replace("\r\n", "\n") if start == 10 else ODD)
    assert repairs.summary() == (told or "")


def test_offsets_that_count_both(tmp_path: Path) -> None:
    results = [region("b", 11, 13, text="Bo"), region("s", 14, 16, text="😀")]
    (document,), repairs = read(tmp_path, task(*results, data={"text": ODD}))
    assert [entity.name for entity in document.entities] == ["Bo", "😀"] and len(repairs.found) == 2


def test_what_a_region_records(tmp_path: Path) -> None:
    results = [region("a", 0, 7, text="nn Le"), region("o", 17, 21, text=None), region("s", 8, 16, text="lives\\nin")]
    (document,), repairs = read(tmp_path, task(*results))
    assert [entity.name for entity in document.entities] == ["Ann Lee", "lives in", "Oslo"]
    assert repairs.summary() == "1 mentions that record a part of their text"


def test_ids_that_are_null_or_numbers(tmp_path: Path) -> None:
    regions = [{**REGIONS[0], "id": 1}, {**REGIONS[1], "id": None}]
    left_out = {"id": 9, "type": "choices", "value": {"choices": ["sure"]}}
    (document,), repairs = read(tmp_path, task(*regions, left_out, relation(1, 2, "in"), relation(1, 9, "in"), id=None))
    assert document.id == "1" and facts(document) == [("Ann Lee", "in", "Oslo")]
    assert "1 relations of regions that are left out left out" in repairs.summary()


def test_the_field_with_the_text(tmp_path: Path) -> None:
    (document,), _ = read(tmp_path, task(*REGIONS, data={"article": TEXT, "year": 2020}))
    assert document.text == TEXT


def value(labels: Any) -> dict:
    return {"start": 0, "end": 7, "labels": labels}


BROKEN = {
    "object": ({"id": 1}, "should be a list of tasks; export"),
    "task": ([3], "task 1 should be an object"),
    "no annotations": ([{"id": 1, "data": {"text": "x"}}], 'task 1: field "annotations" is missing'),
    "DocRED": ([{"title": "T", "sents": [["a"]], "vertexSet": []}], 'field "annotations" is missing'),
    "annotations": ([task(annotations={})], 'task 1: field "annotations" should be a list'),
    "annotation": ([task(annotations=[3])], 'task 1: field "annotations" should be a list of objects'),
    "no result": ([task(annotations=[{"id": 1}])], 'task 1: field "result"'),
    "result": ([task(3)], "task 1: result 1 should be an object"),
    "no data": ([task(data=None)], "task 1: its data should have the text"),
    "two texts": ([task(data={"title": "a", "body": "b"})], 'as field "text"; rename'),
    "no value": ([task(region("a", 0, 7, value=None))], 'task 1: result 1: field "value"'),
    "no offsets": ([task(region("a", 0, 7, value={"labels": ["X"]}))], 'should have "start" and "end"'),
    "beyond": ([task(REGIONS[0], region("x", 30, 99))], "task 1: result 2: the region at 30 to 99 is empty or outside"),
    "empty": ([task(region("x", 3, 3))], "the region at 3 to 3 is empty or outside the text of 36 characters; correct"),
    "space": ([task(region("x", 3, 4))], "the region at 3 to 4 is empty"),
    "negative": ([task(region("x", -3, 4))], "the region at -3 to 4 is empty or outside"),
    "shifted": ([task(region("a", 1, 8, text="Ann Lee"))], "records 'Ann Lee', but is 'nn Lee'; correct the offsets"),
    "missing region": ([task(*REGIONS, relation("a", "z", "in"))], "result 5: the relation names region 'z', which is"),
    "no region": ([task(*REGIONS, {"type": "relation"})], "the relation names region 'None'"),
    "label": ([task(region("a", 0, 7, value=value("in")))], 'result 1: field "labels" should be a list of strings'),
    "number": ([task(region("a", 0, 7, value=value(7)))], 'result 1: field "labels" should be a list of strings'),
    "numbers": ([task(region("a", 0, 7, value=value([7])))], 'result 1: field "labels" should be a list of strings'),
    "relation": ([task(*REGIONS, {**relation("a", "o"), "labels": "in"})], 'result 5: field "labels" should be a list'),
    "relations": ([task(*REGIONS, {**relation("a", "o"), "labels": 5})], 'result 5: field "labels" should be a list'),
    "id": ([task({**REGIONS[0], "id": [1]})], 'task 1: result 1: field "id" should not be a list; correct'),
    "task id": ([task(id={})], 'task 1: field "id" should not be an object; correct'),
    "predictions": ([task(predictions=3)], 'task 1: field "predictions" should not be a number; correct'),
    "drafts": ([task(drafts="x")], 'task 1: field "drafts" should not be a string; correct'),
    "half a character": ([task(data={"text": "a \ud800"})], "task 1: document '7': character 2 is half of a surrogate"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_exports_are_named(tmp_path: Path, case: str) -> None:
    content, expected = BROKEN[case]
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        list(read_label_studio(path))
    message = str(caught.value)
    assert expected in message and message.startswith(f"{path}: ") and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "decode", "export", "rename", "remove"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (json.dumps([task(*REGIONS)]).encode()[:-9], "cut off or not valid JSON"),
        ('[{"data": "Zürich"}]'.encode("latin-1"), "not UTF-8 text (byte 0xfc at position 12)"),
        (json.dumps([task()]).encode("utf-16"), "not UTF-8"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        list(read_label_studio(path))
    assert expected in str(caught.value)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    text = json.dumps([task(*REGIONS)], indent=2).replace("\n", "\r\n")
    (document,) = read_label_studio(write(tmp_path, b"\xef\xbb\xbf" + text.encode()))
    assert len(document.entities) == 4


def test_recognised_by_its_fields() -> None:
    assert LABEL_STUDIO.recognises(json.dumps([task(*REGIONS)]))
    assert LABEL_STUDIO.recognises('[\n {"text": "x", "annotation_id": 3}]')
    docred = '[{"title": "T", "sents": [], "vertexSet": []}]'
    assert not LABEL_STUDIO.recognises(docred) and not DOCRED.recognises(json.dumps([task(*REGIONS)]))
    assert not LABEL_STUDIO.recognises('{"documents": [{"annotations": []}]}')
