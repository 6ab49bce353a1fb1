import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import Repairs, load_corpus
from joint_ie.corpora.order import in_text_order
from joint_ie.corpora.submission import file_positions, read_submission, write_submission
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


def written(folder: Path, content: Any) -> Path:
    path = folder / "result.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def fact(title: str = "d", head: Any = 0, tail: Any = 1, relation: str = "P17", **more: Any) -> dict[str, Any]:
    return {"title": title, "h_idx": head, "t_idx": tail, "r": relation, **more}


def test_facts_become_relations(tmp_path: Path) -> None:
    gold = [build("d", [Relation(0, 2, "P1")]), build("e", None), build("f", [])]
    listed = [fact("e", 1, 1, evidence=[1, 0]), fact("d"), fact("d", 2, 0, "new"), fact("d", evidence=None)]
    repairs = Repairs()
    submission = read_submission(written(tmp_path, listed), iter(gold), repairs)
    assert submission.documents == (
        replace(gold[1], relations=(Relation(1, 1, "P17", evidence=(1, 0)),)),
        replace(gold[0], relations=(Relation(0, 1, "P17"), Relation(2, 0, "new"))),
    )
    assert (submission.strays, submission.stray_sentences) == ((), {})
    assert repairs.summary() == "1 repeated facts left out"
    assert repairs.found[0].message == "fact 4 (P17 from entity 0 to 1 of 'd') is listed before"


def test_the_first_of_repeated_facts_is_kept_with_its_evidence(tmp_path: Path) -> None:
    path = written(tmp_path, [fact(evidence=[1]), fact(evidence=[0, 1]), fact("x"), fact("x")])
    repairs = Repairs()
    submission = read_submission(path, [build("d", [])], repairs)
    assert submission.documents[0].relations == (Relation(0, 1, "P17", evidence=(1,)),)
    assert submission.strays == (("x", 0, 1, "P17"),)
    assert [repair.document for repair in repairs.found] == ["d", "x", "x"]


def test_positions_are_those_of_the_file(tmp_path: Path) -> None:
    """Readers put entities into text order; the file's positions are their ids."""
    document = build("d", [])
    numbered = [replace(entity, id=str(i)) for i, entity in enumerate(reversed(document.entities))]
    turned = in_text_order(replace(document, entities=tuple(numbered)))
    assert file_positions(turned) == (2, 1, 0)
    submission = read_submission(written(tmp_path, [fact(head=0, tail=1)]), [turned])
    assert submission.documents[0].relations == (Relation(2, 1, "P17"),)


def test_strays_are_kept_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    listed = [
        fact("nowhere", evidence=[0, 7]),
        fact(head=3, evidence=[0, 0, 1, 9]),
        fact(tail=-1),
        fact(evidence=[0, 2, 2, -1, 1]),
        fact("e", 0, 0, evidence=[0]),
    ]
    path = written(tmp_path, listed)
    with caplog.at_level(logging.WARNING, "joint_ie"):
        submission = read_submission(path, [build("d", []), build("e", [])])
    assert submission.strays == (("nowhere", 0, 1, "P17"), ("d", 3, 1, "P17"), ("d", 0, -1, "P17"))
    assert submission.stray_sentences == {"d": 3 + 2}  # of the known document; nobody counts those of an unknown one
    assert [d.relations for d in submission.documents] == [
        (Relation(0, 1, "P17", evidence=(0, 1)),),
        (Relation(0, 0, "P17", evidence=(0,)),),
    ]
    for document in submission.documents:
        document.validate()
    assert caplog.messages == [
        f"{path}: 2 facts about unknown entities counted as wrong, 1 facts about unknown documents counted as wrong, "
        f"1 facts with evidence outside of the document, which counts as wrong"
    ]


def test_titles_may_be_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, [fact() | {"title": 7}])
    assert read_submission(path, [build("7", [])]).documents[0].relations == (Relation(0, 1, "P17"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "result.json: is empty, expected JSON"),
        ('[{"title": "d", "h_idx": 0,', r"result.json: is cut off or not valid JSON \(.*column"),
        ({"title": "d"}, 'result.json: should be a list of facts such as {"title": "..."'),
        ([fact(), "d"], 'result.json: fact 2 should be an object with "title", "h_idx", "t_idx" and "r"; correct it'),
        ([{"title": "d", "h_idx": 0, "r": "P17"}], 'fact 1: field "t_idx" is missing; add it, or check the format'),
        ([fact(head="0")], 'fact 1: field "h_idx" should be a whole number, not "0"; correct it'),
        ([fact(tail=1.0)], 'fact 1: field "t_idx" should be a whole number, not 1.0; correct it'),
        ([fact(tail=True)], 'fact 1: field "t_idx" should be a whole number, not true; correct it'),
        ([fact() | {"r": 17}], 'fact 1: field "r" should be a relation id such as "P17", not 17; correct it'),
        ([fact() | {"title": None}], 'fact 1: field "title" should be a title, not null; correct it'),
        ([fact(evidence="0")], 'fact 1: field "evidence" should be a list of sentence numbers, not "0"; correct it'),
        ([fact(evidence=[0, "1"])], r'fact 1: field "evidence" should be a list .* not \[0, "1"\]; correct it'),
        ([fact(evidence=["x" * 99])], r'not \["x{38}\.\.\.; correct it'),
    ],
)
def test_broken_submissions_are_named(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_submission(written(tmp_path, content), [build("d", [])])


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_submission(tmp_path / "nothing.json", [])
    (tmp_path / "latin.json").write_bytes('[{"title": "Zoë"}]'.encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.json: is not UTF-8"):
        read_submission(tmp_path / "latin.json", [])
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf[]\r\n")
    assert read_submission(tmp_path / "marked.json", []).documents == ()


relations = st.lists(
    st.builds(
        Relation,
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from(["P17", "ü", ""]),
        evidence=st.lists(st.integers(0, 1), max_size=3).map(tuple),
    ),
    min_size=1,
    unique_by=lambda relation: (relation.head, relation.tail, relation.type),
)


@given(st.dictionaries(st.text(), relations, max_size=3), st.permutations("012"))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, listed: dict[str, list[Relation]], ids: list[str]
) -> None:
    documents = []
    for title, found in listed.items():
        document = build(title, found)
        entities = [replace(entity, id=id) for entity, id in zip(document.entities, ids, strict=True)]
        documents.append(replace(document, entities=tuple(entities)))
    path = tmp_path_factory.mktemp("submission") / "result.json"
    write_submission(documents, path)
    submission = read_submission(path, [replace(document, relations=None) for document in documents])
    assert submission.documents == tuple(documents)
    assert not submission.strays and not submission.stray_sentences


def test_a_real_file_in_text_order(shared: Path, tmp_path: Path) -> None:
    """The reader's text order and back: gold facts as a submission are the file's labels."""
    source = shared / "data" / "redocred" / "dev_revised.json"
    gold = load_corpus(source)
    path = tmp_path / "gold.json"
    write_submission(gold, path)
    said = {(f["title"], f["h_idx"], f["t_idx"], f["r"], *f["evidence"]) for f in json.loads(path.read_text("utf-8"))}
    items = json.loads(source.read_text(encoding="utf-8"))
    assert said == {(item["title"], f["h"], f["t"], f["r"], *f["evidence"]) for item in items for f in item["labels"]}
    back = read_submission(path, gold)
    assert not back.strays
    assert [document.relations for document in back.documents] == [
        tuple(replace(relation, label=None) for relation in document.relations)
        for document in gold
        if document.relations
    ]
