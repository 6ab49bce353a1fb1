"""spaCy's DocBin: what spaCy's users find in ours, and what is read from theirs."""

import gc
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.vocab import Vocab

from joint_ie.corpora import Repairs
from joint_ie.corpora.docbin import DOCBIN, read_docbin, write_docbin
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError


def sample() -> Document:
    """``New York``, nested in ``New York Times``, which comes again; an odd gap between the sentences."""
    text = "New York Times\n\n It is  in New York."
    starts = [0, 4, 9, 17, 20, 24, 27, 31, 35]
    ends = [3, 8, 14, 19, 22, 26, 30, 35, 36]
    bare = Document("d", text, tuple(zip(starts, ends, strict=True)), ((0, 3), (3, 9)))
    paper = Entity("ORG", "The Times", (bare.mention(0, 3), bare.mention(3, 4, type="PRON")), 0.123456789, "Q9684")
    city = Entity("LOC", "New York", (bare.mention(0, 2), bare.mention(6, 8, "NYC")))
    relation = Relation(0, 1, "P159", "headquarters", 0.7, (0, 1), "rule")
    return bare.with_annotations([paper, city], [relation], [(0, 1), (1, 0)])


def written(tmp_path: Path, *documents: Document) -> Path:
    path = tmp_path / "train.spacy"
    write_docbin(documents, path)
    return path


def docs(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def saved(tmp_path: Path, *changed: Doc, **options: Any) -> Path:
    path = tmp_path / "train.spacy"
    DocBin(docs=changed, store_user_data=True, **options).to_disk(path)
    return path


def others(path: Path) -> tuple[list[Document], str]:
    repairs = Repairs()
    return list(read_docbin(path, repairs)), repairs.summary()


def test_what_spacy_finds(tmp_path: Path) -> None:
    document = sample()
    (doc,) = docs(written(tmp_path, document))
    assert doc.text == document.text
    assert [token.text for token in doc if not token.is_space] == list(document.words)
    assert [sentence.text for sentence in doc.sents] == ["New York Times\n\n ", "It is  in New York."]
    assert [(e.text, e.label_, e.kb_id_) for e in doc.ents] == [
        ("New York Times", "ORG", "Q9684"),
        ("It", "PRON", "Q9684"),
        ("New York", "LOC", ""),
    ]
    clusters = {name: [(span.text, span.label_) for span in group] for name, group in doc.spans.items()}
    assert clusters == {
        "coref_clusters_1": [("New York Times", "ORG"), ("It", "PRON")],
        "coref_clusters_2": [("New York", "LOC"), ("New York", "LOC")],
    }
    (relation,) = doc.user_data["joint_ie"]["relations"]
    assert doc.spans[relation["head"]].attrs["name"] == "The Times" and relation["type"] == "P159"
    assert doc.spans[relation["tail"]][0].text == "New York"


def test_nothing_and_little(tmp_path: Path) -> None:
    empty = Document("empty", "", (), ())
    blank = Document("blank", " \n", (), ((0, 0), (0, 0)), relations=(), candidates=())
    assert list(read_docbin(written(tmp_path))) == []
    late = Document("late", "\nAnn.", ((1, 4), (4, 5)), ((0, 0), (0, 2)))
    path = written(tmp_path, empty, blank, late, sample())
    assert list(read_docbin(path)) == [empty, blank, late, sample()]
    assert [len(list(doc.sents)) for doc in docs(path)] == [0, 1, 1, 2]


def test_more_than_nine_entities_keep_their_order(tmp_path: Path) -> None:
    bare = Document.from_words("d", [[f"w{i}" for i in range(12)]])
    document = bare.with_annotations([Entity("X", "n", (bare.mention(i, i + 1),)) for i in reversed(range(12))], None)
    assert list(read_docbin(written(tmp_path, document))) == [document]


def test_changes_made_in_spacy_are_read(tmp_path: Path) -> None:
    document = sample()
    (doc,) = docs(written(tmp_path, document))
    name = "coref_clusters_2"
    doc.spans[name] = [Span(doc, 8, 10, label="GPE")]
    assert doc.spans[name][0].text == "New York"
    doc.ents = [*doc.ents, Span(doc, 10, 11, label="DOT")]
    (read,) = read_docbin(saved(tmp_path, doc))
    city = Entity("GPE", "New York", (document.mention(6, 8),))
    dot = Entity("DOT", ".", (document.mention(8, 9),))
    assert read == replace(document, entities=(document.entities[0], city, dot))
    del doc.spans[name]
    with pytest.raises(InputError, match=r"document 1: a relation names the span group 'coref_clusters_2'.*remove it$"):
        list(read_docbin(saved(tmp_path, doc)))


def test_entities_of_others(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    doc = nlp("Ann  lives in\nOslo. She likes it.")
    doc.ents = [Span(doc, 0, 1, label="PER", kb_id="Q1"), Span(doc, 4, 6, label="LOC")]
    (read, empty), repairs = others(saved(tmp_path, doc, nlp("")))
    assert empty == Document("train-2", "", (), ())
    assert read.id == "train-1" and read.text == doc.text and read.relations is None and read.candidates is None
    assert read.words == ("Ann", "lives", "in", "Oslo", ".", "She", "likes", "it", ".")
    assert [sentence.text for sentence in read.sentences] == ["Ann  lives in\nOslo.", "She likes it."]
    assert [(e.type, e.name, e.id, e.mentions[0].span) for e in read.entities] == [
        ("PER", "Ann", "Q1", (0, 1)),
        ("LOC", "Oslo", None, (3, 4)),
    ]
    assert repairs == "1 documents without sentences cut by spaCy's sentencizer"


def test_span_groups_of_others(tmp_path: Path) -> None:
    doc = spacy.blank("en")("Ann Lee lives in Oslo. She likes it. They stay.")
    for token in doc:
        token.is_sent_start = token.i in (0, 1, 6, 10)  # one of them inside a mention
    doc.ents = [Span(doc, 0, 2, label="PER"), Span(doc, 4, 5, label="LOC", kb_id="Q585")]
    doc.spans["coref_clusters_2"] = [doc[4:5], doc[8:9]]  # labelled by doc.ents
    doc.spans["coref_clusters_1"] = [doc[6:7], doc[0:2]]
    doc.spans["coref_clusters_3"] = [doc[10:11]]
    doc.spans["coref_head_clusters_1"] = [doc[1:2]]
    doc.spans["sc"] = [Span(doc, 0, 2, label="PER"), Span(doc, 1, 2, label="NAME"), Span(doc, 1, 2, label="NAME")]
    read, repairs = others(saved(tmp_path, doc))
    assert [(e.type, [m.text for m in e.mentions]) for e in read[0].entities] == [
        ("PER", ["She", "Ann Lee"]),
        ("LOC", ["Oslo", "it"]),
        ("NAME", ["Lee"]),
    ]
    assert {m.type for e in read[0].entities for m in e.mentions} == {None}
    assert read[0].sentences[0].text == "Ann Lee lives in Oslo."
    assert sorted(repairs.split(", ")) == [
        "1 documents with sentence ends inside mentions removed",
        "1 span groups of other names left out",
        "1 spans without a label or a word left out",
    ]


def test_other_attributes_do_not_matter(tmp_path: Path) -> None:
    words = ["Ann", "lives", "."]
    doc = Doc(Vocab(), words=words, heads=[1, 1, 1], deps=["nsubj", "ROOT", "punct"], tags=["A", "B", "C"])
    doc.ents = [Span(doc, 0, 1, label="PER")]
    (read,), repairs = others(saved(tmp_path, doc, attrs=["HEAD", "DEP", "ENT_TYPE", "ENT_IOB"]))
    assert read.words == tuple(words) and read.entities[0].type == "PER" and not repairs


def test_text_that_spacy_cannot_hold(tmp_path: Path) -> None:
    document = Document.from_words("d", [["a\ud800"]])
    with pytest.raises(InputError, match=r"^document 'd': has half of a surrogate pair.*decode"):
        write_docbin([document], tmp_path / "x.spacy")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_docbin([], tmp_path / "file" / "x.spacy")


def packed(value: Any) -> bytes:
    return zlib.compress(srsly.msgpack_dumps(value))


BROKEN = {
    "text": "\ufefftext in Zürich\r\n".encode("latin-1", "replace"),
    "list": packed([1]),
    "number": packed(7),
    "no msgpack": zlib.compress(b"\xc1"),
    "no fields": packed({"attrs": [65]}),
    "pickled objects": packed({b"nd": True, b"type": "|O", b"kind": b"", b"shape": [1], b"data": b"\x80\x04N."}),
    "odd length": packed(
        {"attrs": [65], "tokens": b"123", "spaces": b"", "lengths": b"", "strings": [], "cats": [], "flags": []}
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(tmp_path: Path, case: str) -> None:
    path = tmp_path / "x.spacy"
    path.write_bytes(BROKEN[case])
    with pytest.raises(InputError, match=rf"^{path}: is no DocBin.*; write it again with DocBin.to_disk$"):
        list(read_docbin(path))
    assert gc.isenabled()  # srsly leaves it off


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.spacy"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=rf"^{path}: is empty; write it again with DocBin.to_disk$"):
        list(read_docbin(path))


@pytest.mark.parametrize(("words", "reason"), [(1, "E084|E035|E1008"), (30, "E018")])
def test_damaged_span_groups_are_named(tmp_path: Path, words: int, reason: str) -> None:
    """Those of another document: spans beyond the text, or labels that the file does not spell out."""
    vocab = Vocab()
    long, other = (Doc(vocab, words=["w"] * count) for count in (20, words))
    long.spans["sc"] = [Span(long, 15, 18, label="PER")]
    damaged = DocBin(store_user_data=True, docs=[other])
    damaged.span_groups = [long.spans.to_bytes()]
    path = tmp_path / "x.spacy"
    path.write_bytes(damaged.to_bytes())
    with pytest.raises(InputError, match=rf"^{path}: is no DocBin.*({reason})"):
        list(read_docbin(path))


def test_truncated_files_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, sample(), sample())
    whole = path.read_bytes()
    for length in range(1, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=f"^{path}: is no DocBin"):
            list(read_docbin(path))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tokens": [[0, 99]]}, r"tokens\[0\] = \[0, 99\]"),
        ({"tokens": 3}, "tokens should be a list"),
        ({"sentences": [[0, 1]]}, "sentences end at token 1 of 9"),
        ({"relations": [{"head": "coref_clusters_1"}]}, "malformed"),
        ({"relations": [3]}, "malformed; write the file again"),
        ({"relations": [{"head": "coref_clusters_1", "tail": ["x"]}]}, "'x'"),
        ({"relations": [{"head": "coref_clusters_1", "tail": "coref_clusters_3", "type": "x"}]}, "'coref_clusters_3'"),
        ({"candidates": [["coref_clusters_0", "coref_clusters_1"]]}, "'coref_clusters_0'"),
        ({"candidates": 3}, "malformed"),
    ],
)
def test_broken_data_of_ours_are_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    (doc,) = docs(written(tmp_path, sample()))
    doc.user_data["joint_ie"] = {**doc.user_data["joint_ie"], **changes}
    with pytest.raises(InputError, match=rf"train\.spacy: document 1: .*{expected}"):
        list(read_docbin(saved(tmp_path, doc)))


def test_broken_attributes_of_a_group_are_named(tmp_path: Path) -> None:
    (doc,) = docs(written(tmp_path, sample()))
    group = doc.spans["coref_clusters_1"]
    attrs = {**group.attrs, "mentions": [[0, 99], [3, 4]]}
    doc.spans["coref_clusters_1"] = SpanGroup(doc, name="coref_clusters_1", attrs=attrs, spans=list(group))
    with pytest.raises(InputError, match=r"document 1: .*entities\[0\].mentions\[0\] = \[0, 99\]"):
        list(read_docbin(saved(tmp_path, doc)))


def test_the_reader() -> None:
    assert DOCBIN.binary and DOCBIN.extensions == (".spacy",) and DOCBIN.write is write_docbin
