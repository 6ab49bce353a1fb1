"""DWIE: made-up articles in the official form (its texts may not be copied), and the real file in DocRED's layout."""

import json
from pathlib import Path
from typing import Any

import pytest

from joint_ie.corpora.derive import derive_schema
from joint_ie.corpora.docred import DOCRED, read_docred
from joint_ie.corpora.dwie import (
    DWIE,
    DWIE_DOCRED,
    DWIE_TEST,
    DWIE_TRAIN,
    dwie_schema,
    read_dwie,
    read_dwie_docred,
)
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document
from joint_ie.errors import InputError

TEXT = "Brandt wins\n\nLena Brandt of Nordlicht, an Oslo-based firm, won. She thanked Norway. The firm cheered."


def mention(part: str, concept: int, **changes: Any) -> dict[str, Any]:
    begin = TEXT.index(part)
    return {"begin": begin, "end": begin + len(part), "text": part, "concept": concept, "candidates": [], **changes}


def article(**changes: Any) -> dict[str, Any]:
    base = {
        "id": "DW_1",
        "content": TEXT,
        "tags": ["all", "train"],
        "mentions": [
            mention("Nordlicht", 4),
            mention("Brandt", 0),
            mention("Lena Brandt", 0),
            mention("Oslo", 7),
        ],
        "concepts": [
            {
                "concept": 4,
                "text": "Nordlicht",
                "count": 1,
                "tags": ["topic::x", "type::company", "type::organization"],
            },
            {"concept": 0, "text": "Lena Brandt", "count": 2, "tags": ["type::entity", "type::person"]},
            {"concept": 9, "text": "sport", "keyword": True, "count": 0, "tags": None},
            {"concept": 7, "text": None, "count": 1, "tags": ["type::gpe2"]},
        ],
        "relations": [{"s": 0, "p": "head_of", "o": 4}, {"s": 9, "p": "vs", "o": 4}, {"s": 4, "p": "near", "o": 7}],
        "frames": [],
        "iptc": [],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not ...}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_an_article_as_published(tmp_path: Path) -> None:
    path = write(tmp_path / "DW_1.json", article())
    repairs = Repairs()
    (document,) = read_dwie(path, repairs=repairs)
    document.validate()
    assert (document.id, document.text) == ("DW_1", TEXT)
    assert [(e.id, e.name, e.type) for e in document.entities] == [
        ("4", "Nordlicht", "type::organization"),
        ("0", "Lena Brandt", "type::person"),
        ("7", "Oslo", "type::gpe2"),
    ]
    for entity in document.entities:
        for found in entity.mentions:
            assert TEXT[found.char_start : found.char_end] == found.text and found.name is None
    assert [found.char_start for found in document.entities[1].mentions] == [0, 13]
    assert document.entities[2].mentions[0].text == "Oslo"  # though its token was Oslo-based
    assert [sentence.text for sentence in document.sentences] == [
        "Brandt wins",
        "Lena Brandt of Nordlicht, an Oslo-based firm, won.",
        "She thanked Norway.",
        "The firm cheered.",
    ]
    facts = [(relation.head, relation.tail, relation.type, relation.label) for relation in document.relations or ()]
    assert facts == [(1, 0, "head_of", "head of"), (0, 2, "near", None)]
    assert {repair.kind for repair in repairs.found} == {
        "concepts without a mention left out",
        "relations of concepts without a mention left out",
    }
    assert DWIE.recognises(path.read_text(encoding="utf-8"))


def test_a_folder_is_a_corpus_and_tags_are_its_parts(tmp_path: Path) -> None:
    write(tmp_path / "b.json", article(id=2, tags=["all", "test"]))
    write(tmp_path / "a.json", article())
    write(tmp_path / "c.json", article())
    read = {reader.name: [d.id for d in reader.read(tmp_path, Repairs())] for reader in (DWIE, DWIE_TRAIN, DWIE_TEST)}
    assert read == {"dwie": ["DW_1", "2", "DW_1#2"], "dwie-train": ["DW_1", "DW_1#2"], "dwie-test": ["2"]}
    with pytest.raises(InputError, match='no article has the tag "dev"; use train or test'):
        list(read_dwie(tmp_path, "dev"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no \.json file; name the folder"):
        list(read_dwie(tmp_path / "empty"))


def test_what_is_odd_is_noted(tmp_path: Path) -> None:
    concepts = [{"concept": 0, "text": "Brandt", "tags": ["slot::keyword"]}]
    mentions = [
        mention("Brandt", 0, text="Brand"),
        mention("won. She", 0, text="won.  She"),
        mention(" Norway.", 0, text=" Norway."),
    ]
    path = write(tmp_path / "a.json", article(mentions=mentions, concepts=concepts, relations=[]))
    repairs = Repairs()
    (document,) = read_dwie(path, repairs=repairs)
    (entity,) = document.entities
    assert entity.type == "type::other" and document.relations == ()
    assert [(m.text, m.name) for m in entity.mentions][:2] == [("Brandt", "Brand"), ("won. She", "won.  She")]
    assert entity.mentions[2].text == "Norway."
    assert len(document.sentences) == 3  # none ends inside "won. She"
    assert {repair.kind for repair in repairs.found} == {
        "mentions that are something else in the text kept by their offsets",
        "concepts without a type taken as type::other",
        "articles with sentence ends inside mentions removed",
    }


BROKEN = {
    "no object": ([], "should be an object, but is a list"),
    "no id": (article(id=...), 'field "id" is missing'),
    "no text": (article(content=...), "the article has no text; run the corpus's own download script"),
    "no mentions": (article(mentions=...), 'field "mentions" is missing'),
    "mention beyond": (
        article(mentions=[mention("Oslo", 7, end=999)]),
        f"999] are empty or outside the text of {len(TEXT)}",
    ),
    "mention empty": (article(mentions=[mention("Oslo", 7, begin=3, end=3)]), "characters [3, 3] are empty or outside"),
    "mention cut": (article(mentions=[{"begin": 0}]), 'mentions[0]: field "end" is missing'),
    "mention of nothing": (article(mentions=[mention("Oslo", 8)]), "mentions name concept 8, which is not listed"),
    "relation to nothing": (article(relations=[{"s": 0, "p": "x", "o": 1}]), "relations[0]: names concept 1, which is"),
    "relation cut": (article(relations=[{"s": 0, "o": 4}]), 'relations[0]: field "p" is missing'),
    "half a character": (article(content="a \ud800", mentions=[]), "'DW_1': character 2 is half of a surrogate pair"),
    "tags": (article(concepts=[{"concept": 0, "tags": 5}]), 'concepts[0]: field "tags" should not be a number'),
    "one tag": (article(concepts=[{"concept": 0, "tags": "type::person"}]), 'field "tags" should not be a string'),
    "tag": (article(concepts=[{"concept": 0, "tags": [5]}]), 'field "tags" should be a list of strings'),
    "concept twice": (article(concepts=[{"concept": 7}] * 2), "concepts[1]: concept 7 is listed twice"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_articles_are_named(tmp_path: Path, case: str) -> None:
    content, expected = BROKEN[case]
    path = write(tmp_path / "DW_1.json", content)
    with pytest.raises(InputError) as caught:
        list(read_dwie(tmp_path))
    message = str(caught.value)
    assert expected in message and message.startswith(str(path)) and "\n" not in message
    assert message.rpartition("; ")[2].split()[0] in {"correct", "check", "add", "decode", "remove", "run"}


@pytest.mark.parametrize("read", [read_dwie, read_dwie_docred])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (json.dumps(article()).encode()[:-9], "cut off or not valid JSON"),
        ('{"content": "Zürich"}'.encode("latin-1"), "not UTF-8 text"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, read: Any, content: bytes, expected: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: .*{expected}"):
        list(read(path))


def test_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(article(), indent=1).replace("\n", "\r\n").encode())
    assert [document.text for document in read_dwie(path)] == [TEXT]


@pytest.fixture(scope="module")
def dev(shared: Path) -> tuple[list[Document], list[Document], str]:
    """The real file as sentences, as it stands, and what was said about it."""
    path = shared / "data/dwie/dev.json"
    repairs = Repairs()
    return list(read_dwie_docred(path, repairs=repairs)), list(read_docred(path)), repairs.summary()


def test_the_docred_form_keeps_everything_but_the_line_breaks(
    shared: Path, dev: tuple[list[Document], list[Document], str]
) -> None:
    ours, as_listed, said = dev
    assert len(ours) == 98 and said == "95 articles whose evidence is the whole article, which is left out"
    for document, listed in zip(ours, as_listed, strict=True):
        document.validate(dwie_schema())
        assert list(document.words) == [word for word in listed.words if word != "\n"]
        assert [(e.id, e.type, e.name) for e in document.entities] == [(e.id, e.type, e.name) for e in listed.entities]
        for entity, other in zip(document.entities, listed.entities, strict=True):
            for a, b in zip(entity.mentions, other.mentions, strict=True):
                assert (a.text, a.name, a.type) == (b.text, b.name, b.type)
                # The same place: as many words before it that are no line breaks.
                assert a.start == sum(word != "\n" for word in listed.words[: b.start])
                assert document.token_sentence[a.start] == document.token_sentence[a.end - 1]
        facts = [(r.head, r.tail, r.type) for r in document.relations or ()]
        assert facts == [(r.head, r.tail, r.type) for r in listed.relations or ()]
        assert all(relation.label and not relation.evidence for relation in document.relations or ())


def test_sentences_of_the_docred_form(dev: tuple[list[Document], list[Document], str]) -> None:
    ours, as_listed, _ = dev
    lengths = [end - start for document in ours for start, end in document.sentence_spans]
    assert 20 < sum(lengths) / len(lengths) < 27 and max(lengths) < 120
    for document, listed in zip(ours, as_listed, strict=True):
        breaks = [i - n for n, i in enumerate(i for i, word in enumerate(listed.words) if word == "\n")]
        starts = {start for start, _ in document.sentence_spans} | {len(document.words)}
        assert starts.issuperset(breaks)
    title, first = ours[0].sentences[:2]
    assert title.text == "Mzoudi Verdict Postponed Amid New Testimony"
    assert first.text.startswith("Al Qaeda is") and first.text.endswith("on Thursday .")


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        ("A title \n One . Two ! Three", ["A title", "One .", "Two !", "Three"]),
        ('" One . " Two . " Three . " \n " Four "', ['" One . "', "Two .", '" Three . "', '" Four "']),
        ('One . " Two ? " , he said . Three', ["One .", '" Two ? " , he said .', "Three"]),
        ("“ One . ” ) Two . tj / dpa", ["“ One . ” )", "Two . tj / dpa"]),
        ("\n \n in the U.S. Two . . . Three …", ["in the U.S. Two . . .", "Three …"]),
        (". One", [".", "One"]),
        ("", []),
    ],
)
def test_where_sentences_end(tmp_path: Path, words: str, sentences: list[str]) -> None:
    record = {"title": "T", "sents": [[word for word in words.split(" ") if word]], "vertexSet": []}
    (document,) = read_dwie_docred(write(tmp_path / "a.json", [record]))
    assert [sentence.text for sentence in document.sentences] == sentences
    assert document.relations is None


def mention_at(*pos: int) -> dict[str, Any]:
    return {"name": "x", "pos": list(pos), "sent_id": 0, "type": "type::person"}


def test_mentions_hold_sentences_together(tmp_path: Path) -> None:
    record = {"title": "T", "sents": [["A", ".", "B", "\n", "C", "."]], "vertexSet": [[mention_at(0, 5)]], "labels": []}
    repairs = Repairs()
    (document,) = read_dwie_docred(write(tmp_path / "a.json", [record]), repairs=repairs)
    assert document.entities[0].mentions[0].text == "A . B C" and len(document.sentences) == 1
    assert repairs.summary() == "1 articles with sentence ends inside mentions removed"
    record["vertexSet"] = [[mention_at(3, 4)]]
    with pytest.raises(InputError, match="a mention at word 3 of nothing but white space; correct it or remove it"):
        list(read_dwie_docred(write(tmp_path / "a.json", [record])))
    record["vertexSet"] = [[mention_at(3, 9)]]
    with pytest.raises(InputError, match="which has 6 words; correct it"):
        list(read_dwie_docred(write(tmp_path / "a.json", [record])))
    record |= {"vertexSet": [], "labels": [{"h": 0, "t": 1, "r": "in0"}]}
    with pytest.raises(InputError, match="head = 0 is outside the document's 0 entities"):
        list(read_dwie_docred(write(tmp_path / "a.json", [record])))


def test_schema_is_that_of_the_lists(
    shared: Path, dev: tuple[list[Document], list[Document], str], tmp_path: Path
) -> None:
    schema = dwie_schema(shared / "data/dwie")
    assert schema == dwie_schema() and (len(schema.entity_types), len(schema.relation_types)) == (10, 65)
    derived = derive_schema(dev[0])
    assert set(derived.entity_types) == set(schema.entity_types)
    assert set(derived.relation_types) <= set(schema.relation_types)
    write(tmp_path / "ner2id.json", ["type::person"])
    with pytest.raises(InputError, match="should map ids to numbers"):
        dwie_schema(tmp_path)


def test_which_reader_knows_which_file(shared: Path) -> None:
    with (shared / "data/dwie/dev.json").open(encoding="utf-8") as file:
        head = file.read(1 << 16)
    assert DWIE_DOCRED.recognises(head) and DOCRED.recognises(head) and not DWIE.recognises(head)
    with (shared / "data/redocred/dev_revised.json").open(encoding="utf-8") as file:
        assert not DWIE_DOCRED.recognises(file.read(1 << 16))
    assert not any(reader.recognises(json.dumps(article())) for reader in (DWIE_TRAIN, DWIE_TEST, DWIE_DOCRED))
