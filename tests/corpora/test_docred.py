"""The DocRED reader on the real files, on the golden numbers about them, and on broken files."""

import json
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora import Repairs, docred_schema, load_corpus, read_docred, read_facts, training_facts
from joint_ie.document import Document
from joint_ie.errors import InputError


@pytest.fixture(scope="module")
def dev(shared: Path) -> list[Document]:
    """As the file has them, for comparison with numbers that go by its order."""
    return list(read_docred(shared / "data" / "redocred" / "dev_revised.json"))


@pytest.fixture(scope="module")
def train(shared: Path) -> list[Document]:
    return load_corpus("redocred/train", root=shared / "data")


def test_real_documents_are_those_of_the_file(shared: Path, dev: list[Document]) -> None:
    raw = json.loads((shared / "data/redocred/dev_revised.json").read_text(encoding="utf-8"))
    for record, document in zip(raw, dev, strict=True):
        assert document.id == record["title"]
        assert list(document.words) == [word for sentence in record["sents"] for word in sentence]
        sentences = [list(document.words[start:end]) for start, end in document.sentence_spans]
        assert sentences == record["sents"]
        for listed, entity in zip(record["vertexSet"], document.entities, strict=True):
            assert entity.name == listed[0]["name"] and entity.type == listed[0]["type"]
            for item, mention in zip(listed, entity.mentions, strict=True):
                words = record["sents"][item["sent_id"]][slice(*item["pos"])]
                assert list(document.words[mention.start : mention.end]) == words
                assert mention.text == " ".join(words)
                assert (mention.name or mention.text) == item["name"]
                assert (mention.type or entity.type) == item["type"]
        facts = [(r.head, r.tail, r.type, list(r.evidence)) for r in document.relations or ()]
        assert facts == [(r["h"], r["t"], r["r"], r["evidence"]) for r in record["labels"]]


@pytest.mark.parametrize(
    ("corpus", "documents", "facts"),
    [("docred/extra", 282, 3655), ("docred-joint/dev", 263, 3234), ("docred/unlabelled", 999, None)],
)
def test_other_real_files(shared: Path, corpus: str, documents: int, facts: int | None) -> None:
    read = load_corpus(corpus, root=shared / "data")
    assert len(read) == len({document.id for document in read}) == documents
    if facts is None:
        assert all(document.relations is None for document in read)
    else:
        assert sum(len(document.relations or ()) for document in read) == facts
    for document in read:
        document.validate(docred_schema())


def test_dwie_in_the_same_layout(shared: Path) -> None:
    documents = load_corpus(shared / "data/dwie/dev.json", reader="docred")
    assert len(documents) == 98 and all(len(document.sentences) == 1 for document in documents)
    assert "\n" in documents[0].words
    assert documents[0].relations and documents[0].relations[0].label is None


def test_end_to_end_gold_is_read_alike(shared: Path, dev: list[Document], train: list[Document]) -> None:
    folder = shared / "golden/joint_and_scoring/a_e2e"
    gold = json.loads((folder / "gold.json").read_text(encoding="utf-8"))
    known = json.loads((folder / "gold_relations_in_train.json").read_text(encoding="utf-8"))
    facts = training_facts(train)
    by_title = {document.id: document for document in dev}
    assert [item["title"] for item in gold] == [document.id for document in dev[:60]]
    for i, item in enumerate(gold):
        document = by_title[item["title"]]
        assert list(document.words) == item["tokens"]
        assert [start for start, _ in document.sentence_spans] == item["sent_starts"]
        entities = [(entity.type, [list(m.span) for m in entity.mentions]) for entity in document.entities]
        assert entities == [(entity["type"], entity["mentions"]) for entity in item["entities"]]
        assert [[r.head, r.tail, r.type] for r in document.relations or ()] == item["relations"]
        assert _known(document, facts) == known[i]["relation_in_train"]


def test_labels_known_from_training(shared: Path, dev: list[Document], train: list[Document]) -> None:
    path = shared / "golden/joint_and_scoring/b_gold_entity/gold_labels_in_train.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    facts = training_facts(train)
    for i, document in enumerate(dev):
        assert known[i] == {"title": document.id, "label_in_train": _known(document, facts)}


def _known(document: Document, facts: frozenset[tuple[str, str, str]]) -> list[int]:
    def names(entity: int) -> list[str]:
        return [mention.name or mention.text for mention in document.entities[entity].mentions]

    return [
        int(any((h, t, r.type) in facts for h in names(r.head) for t in names(r.tail)))
        for r in document.relations or ()
    ]


def test_published_facts(shared: Path) -> None:
    path = shared / "data/docred/train_annotated.fact"
    facts = read_facts(path)
    assert ("Frank MacKay", "the United States", "P27") in facts
    assert len(facts) == len({tuple(fact) for fact in json.loads(path.read_text(encoding="utf-8"))})


def test_schema_is_the_published_one(shared: Path) -> None:
    schema = docred_schema()
    assert list(schema.entity_index) == ["PER", "ORG", "LOC", "TIME", "NUM", "MISC"]
    published = json.loads((shared / "data/docred/rel_info.json").read_text(encoding="utf-8"))
    assert {label.id: label.name for label in schema.relation_types} == published
    assert list(schema.relation_index) == list(published) and len(published) == 96
    assert docred_schema(shared / "data/docred") == schema


def record(**changes: Any) -> dict[str, Any]:
    """A small document: two sentences, two entities, one fact."""
    base = {
        "title": "T",
        "sents": [["Ann", "lives", "."], ["In", "Oslo", "."]],
        "vertexSet": [
            [{"name": "Ann", "pos": [0, 1], "sent_id": 0, "type": "PER"}],
            [{"name": "Oslo", "pos": [1, 2], "sent_id": 1, "type": "LOC"}],
        ],
        "labels": [{"h": 0, "t": 1, "r": "P551", "evidence": [0, 1]}],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def mention(**changes: Any) -> dict[str, Any]:
    return {"name": "Ann", "pos": [0, 1], "sent_id": 0, "type": "PER", **changes}


def write(folder: Path, content: Any) -> Path:
    path = folder / "corpus.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


BROKEN = {
    "no list": ({"title": "T"}, "should be a list of documents, but is an object"),
    "no object": ([3], "document 1 should be an object, but is a number"),
    "no title": ([record(title=...)], 'document 1: field "title" is missing'),
    "no words": ([record(sents=...)], "document 1 ('T'): field \"sents\" is missing"),
    "no entities": ([record(vertexSet=...)], 'field "vertexSet" is missing'),
    "words are numbers": ([record(sents=[[1]])], "sents[0] should be a list of words"),
    "entities are objects": ([record(vertexSet={})], 'field "vertexSet" should not be an object'),
    "empty entity": ([record(vertexSet=[[]])], "vertexSet[0] should be a list of one or more mentions"),
    "mention too far": ([record(vertexSet=[[mention(pos=[2, 4])]])], "words [2, 4] of sentence 0, which has 3"),
    "mention empty": ([record(vertexSet=[[mention(pos=[2, 2])]])], "words [2, 2] of sentence 0"),
    "mention negative": ([record(vertexSet=[[mention(pos=[-1, 2])]])], "words [-1, 2] of sentence 0"),
    "mention cut": ([record(vertexSet=[[mention(pos=[1])]])], "vertexSet[0][0].pos should be"),
    "no such sentence": ([record(vertexSet=[[mention(sent_id=2)]])], "in sentence 2, but the document has 2"),
    "no type": ([record(vertexSet=[[{"pos": [0, 1], "sent_id": 0}]])], 'vertexSet[0][0]: field "type" is missing'),
    "missing head": ([record(labels=[{"h": 2, "t": 1, "r": "P1"}])], "head = 2 is outside the document's 2"),
    "text for tail": ([record(labels=[{"h": 0, "t": "1", "r": "P1"}])], 'field "t" should not be a string'),
    "relation is text": ([record(labels=["P17"])], "labels[0] should be an object, but is a string"),
    "evidence beyond": ([record(labels=[{"h": 0, "t": 1, "r": "P1", "evidence": [9]}])], "sentence 9 of 2"),
    "evidence is text": ([record(labels=[{"h": 0, "t": 1, "r": "P1", "evidence": "0"}])], "evidence should be a list"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_records_are_named(tmp_path: Path, case: str) -> None:
    content, expected = BROKEN[case]
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        list(read_docred(path))
    message = str(caught.value)
    assert expected in message and message.startswith(f"{path}: ") and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "check", "add", "remove"}  # what to do


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (json.dumps([record()]).encode()[:-9], "cut off or not valid JSON"),
        (json.dumps([record()]).encode("utf-16"), "not UTF-8"),
        ('[{"title": "Zürich"}]'.encode("latin-1"), "not UTF-8 text (byte 0xfc at position 13)"),
        (b"[" * 200_000, "not usable JSON"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "corpus.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: ") as caught:
        list(read_docred(path))
    assert expected in str(caught.value)


def test_odd_but_usable_input(tmp_path: Path) -> None:
    odd = record(
        title=7,
        sents=[[], ["New  York", "", "\xa0", "\n", "x"], []],
        vertexSet=[
            [
                {"pos": [0, 1], "sent_id": 1, "type": "LOC"},
                {"name": "NY", "pos": [0, 2], "sent_id": 1, "type": "ORG"},
                {"name": "NY", "pos": [0, 2], "sent_id": 1, "type": "ORG"},
            ]
        ],
        labels=[{"h": 0, "t": 0, "r": "other", "evidence": None}],
    )
    path = tmp_path / "corpus.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([odd, record(labels=[]), record(labels=...)]).encode())
    first, second, third = read_docred(path)
    assert first.id == "7" and first.words == ("New  York", "", "\xa0", "\n", "x")
    entity = first.entities[0]
    assert (entity.name, entity.type) == ("New  York", "LOC")
    assert [(m.span, m.name, m.type) for m in entity.mentions][1:] == [((0, 2), "NY", "ORG")] * 2
    assert first.relations and first.relations[0].label is None
    assert second.relations == () and third.relations is None


def test_repeated_titles_get_ids_of_their_own(tmp_path: Path) -> None:
    repairs = Repairs()
    path = write(tmp_path, [record(), record(), record(title="T#2"), record()])
    documents = list(read_docred(path, repairs=repairs))
    assert [document.id for document in documents] == ["T", "T#2", "T#2#2", "T#3"]
    assert [repair.document for repair in repairs.found] == ["T#2", "T#2#2", "T#3"]


@pytest.mark.parametrize("content", [{"a": 1}, [["a", "b"]], [["a", "b", 3]], ["abc"]])
def test_broken_facts_are_named(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=f"^{path}: .*relation id"):
        read_facts(path)
