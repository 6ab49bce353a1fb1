"""SciERC: the real files against a second reading, the lifting of relations, and broken files."""

import json
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora.jsonl import JSONL
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.scierc import SCIERC, read_scierc, scierc_schema
from joint_ie.document import Document
from joint_ie.errors import InputError

PARTS = {
    "train": (
        (350, 5598, 4420, 3188),
        "338 clusters of several types given the most frequent, 30 relations stated again merged, "
        "1 clusters with mentions listed before, which are left out, 1 relations of an entity to itself left out",
    ),
    "dev": (
        (50, 811, 639, 451),
        "49 clusters of several types given the most frequent, 4 relations stated again merged",
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_real_files(shared: Path, part: str) -> None:
    path = shared / f"data/scierc/{part}.json"
    repairs = Repairs()
    read = list(read_scierc(path, repairs))
    mentions = sum(len(entity.mentions) for document in read for entity in document.entities)
    counts = (
        len(read),
        mentions,
        sum(len(document.entities) for document in read),
        sum(len(document.relations or ()) for document in read),
    )
    expected, summary = PARTS[part]
    listed = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    distinct = sum(len({tuple(m[:2]) for sentence in record["ner"] for m in sentence}) for record in listed)
    assert mentions == distinct and counts == expected
    assert repairs.summary() == summary
    for document, record in zip(read, listed, strict=True):
        compare(document, record)
    head = path.read_text(encoding="utf-8")[: 1 << 16]
    assert SCIERC.recognises(head) and not JSONL.recognises(head)


def compare(document: Document, record: dict[str, Any]) -> None:
    """A document against its record, with mentions in the place of entities."""
    document.validate(scierc_schema())
    assert document.id == record["doc_key"]
    assert [list(document.words[start:end]) for start, end in document.sentence_spans] == record["sentences"]
    types = {(first, last + 1): type for sentence in record["ner"] for first, last, type in sentence}
    assert types == {m.span: m.type or e.type for e in document.entities for m in e.mentions}
    clusters = {frozenset((first, last + 1) for first, last in cluster) for cluster in record["clusters"]}
    ours = {frozenset(mention.span for mention in entity.mentions) for entity in document.entities}
    clustered = {span for cluster in clusters for span in cluster}
    assert ours == clusters | {frozenset([span]) for span in types if span not in clustered}
    for entity in document.entities:
        among = [types[mention.span] for mention in entity.mentions]
        assert among.count(entity.type) == max(map(among.count, among))
    owner = {mention.span: i for i, entity in enumerate(document.entities) for mention in entity.mentions}
    facts: dict[tuple[int, int, str], set[int]] = {}
    for i, sentence in enumerate(record["relations"]):
        for a, b, c, d, type in sentence:
            facts.setdefault((owner[a, b + 1], owner[c, d + 1], type), set()).add(i)
    found = {(r.head, r.tail, r.type): set(r.evidence) for r in document.relations or ()}
    assert found == {fact: sentences for fact, sentences in facts.items() if fact[0] != fact[1]}
    assert len(found) == len(document.relations or ())


def record(**changes: Any) -> dict[str, Any]:
    """Two sentences, a cluster of three mentions over both, a single mention, and one relation."""
    base = {
        "doc_key": "X-1",
        "sentences": [["We", "use", "a", "parser", "for", "text", "."], ["The", "system", "parses", "it", "."]],
        "ner": [[[3, 3, "Method"], [5, 5, "Material"]], [[7, 8, "Generic"], [10, 10, "Material"]]],
        "clusters": [[[3, 3], [7, 8]]],
        "relations": [[[3, 3, 5, 5, "USED-FOR"]], []],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def write(folder: Path, *records: Any) -> Path:
    path = folder / "corpus.json"
    path.write_text("".join(json.dumps(item) + "\n" for item in records), encoding="utf-8")
    return path


def read_one(folder: Path, **changes: Any) -> tuple[Document, str]:
    repairs = Repairs()
    (document,) = read_scierc(write(folder, record(**changes)), repairs)
    return document, repairs.summary()


def test_entities_are_clusters_then_single_mentions(tmp_path: Path) -> None:
    document, said = read_one(tmp_path)
    assert [[m.text for m in e.mentions] for e in document.entities] == [["parser", "The system"], ["text"], ["it"]]
    # Of two types that are as frequent the first; the other stays with its mention.
    assert [entity.type for entity in document.entities] == ["Method", "Material", "Material"]
    assert [mention.type for mention in document.entities[0].mentions] == [None, "Generic"]
    assert said == "1 clusters of several types given the most frequent"


def test_first_means_in_the_text(tmp_path: Path) -> None:
    document, _ = read_one(tmp_path, clusters=[[[7, 8], [3, 3]]])
    assert document.entities[0].type == "Method" and document.entities[0].mentions[0].type == "Generic"


def test_the_majority_decides(tmp_path: Path) -> None:
    ner = [[[3, 3, "Method"]], [[7, 8, "Generic"], [10, 10, "Generic"]]]
    document, _ = read_one(tmp_path, ner=ner, clusters=[[[3, 3], [7, 8], [10, 10]]], relations=...)
    assert [entity.type for entity in document.entities] == ["Generic"] and document.relations is None


def test_relations_are_lifted_and_merged(tmp_path: Path) -> None:
    clusters = [[[3, 3], [7, 8]], [[5, 5], [10, 10]]]
    relations = [
        [[3, 3, 5, 5, "USED-FOR"], [3, 3, 5, 5, "USED-FOR"]],
        [[7, 8, 10, 10, "USED-FOR"], [10, 10, 7, 8, "X"]],
    ]
    document, said = read_one(tmp_path, clusters=clusters, relations=relations)
    lifted = [(r.head, r.tail, r.type, r.label, r.evidence) for r in document.relations or ()]
    assert lifted == [(0, 1, "USED-FOR", "used for", (0, 1)), (1, 0, "X", None, (1,))]
    assert "2 relations stated again merged" in said


def test_relations_inside_an_entity_are_left_out(tmp_path: Path) -> None:
    document, said = read_one(tmp_path, relations=[[[3, 3, 7, 8, "PART-OF"]], []])
    assert document.relations == () and "1 relations of an entity to itself left out" in said


def test_clusters_beside_the_mentions(tmp_path: Path) -> None:
    clusters = [[[3, 3], [2, 3], [3, 3]], [[3, 3], [7, 8]], [[0, 0], [11, 11]], [[3, 3]]]
    document, said = read_one(tmp_path, clusters=clusters)
    assert [[m.text for m in e.mentions] for e in document.entities] == [
        ["parser", "a parser"],
        ["The system"],
        ["text"],
        ["it"],
    ]
    assert document.entities[0].type == "Method" and document.entities[0].mentions[1].type is None
    for part in (
        "3 clusters with mentions listed before, which are left out",
        "1 clusters without a typed mention left out",
        "1 cluster mentions without a type given their cluster's",
    ):
        assert part in said


def test_odd_but_usable_input(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    again = record(ner=[[[3, 3, "Method"], [3, 3, "Task"]], []], clusters=..., relations=[[], []])
    lines = [json.dumps(item) for item in (record(), again)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode())
    repairs = Repairs()
    first, second = read_scierc(path, repairs)
    assert (first.id, second.id) == ("X-1", "X-1#2")
    assert [entity.type for entity in second.entities] == ["Method"] and second.relations == ()
    assert "1 mentions listed again left out" in repairs.summary()


BROKEN = {
    "no object": ([3], "line 1 should be an object, but is a list"),
    "no key": (record(doc_key=...), 'line 1: field "doc_key" is missing'),
    "no words": (record(sentences=...), "line 1 ('X-1'): field \"sentences\" is missing"),
    "words are numbers": (record(sentences=[[1]]), "sentences[0] should be a list of words"),
    "no mentions": (record(ner=...), 'field "ner" is missing'),
    "too few lists": (record(ner=[[]]), 'field "ner" should have a list for each of 2 sentences'),
    "mention without type": (record(ner=[[[3, 3]], []]), "ner[0]: [3, 3] should be [first, last, label]"),
    "mention in the wrong sentence": (record(ner=[[[6, 7, "Task"]], []]), "words 6 to 7 are outside their sentence"),
    "mention beyond": (record(ner=[[], [[11, 12, "Task"]]]), "words 11 to 12 are outside the document's 12 words"),
    "mention empty": (record(ner=[[[3, 2, "Task"]], []]), "words 3 to 2 are outside the document's 12 words"),
    "cluster is text": (record(clusters=["x"]), "clusters[0] should be a list of mentions"),
    "cluster beyond": (record(clusters=[[[99, 99]]]), "clusters[0]: words 99 to 99 are outside the document's 12"),
    "relation cut": (record(relations=[[[3, 3, 5, "X"]], []]), "should be [first, last, first, last, label]"),
    "missing mention": (record(relations=[[[3, 3, 0, 0, "X"]], []]), "'We' at words 0 to 0 is no mention"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_records_are_named(tmp_path: Path, case: str) -> None:
    content, expected = BROKEN[case]
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        list(read_scierc(path))
    message = str(caught.value)
    assert expected in message and message.startswith(f"{path}: line 1") and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "check", "add", "remove"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (json.dumps(record()).encode()[:-9], "line 1: is cut off or not valid JSON"),
        ('{"sentences": [["Zürich"]]}'.encode("latin-1"), "line 1: is not UTF-8 text (byte 0xfc"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "corpus.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        list(read_scierc(path))
    assert expected in str(caught.value)
