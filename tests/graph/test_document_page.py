"""The page of documents: whatever they say stays text, the file needs nothing from outside, offsets are right."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.displacy import arcs, notebook_html, span_options, spans
from joint_ie.document import Document, Entity, Relation
from joint_ie.graph.document_page import document_page, page_data

EVIL = [
    "<script>alert(1)</script>",
    "</script></noscript><script>alert(1)</script>",
    "<!--<script>",
    "-->",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt; &amp; &#60;",
    "'\"`\\",
    "${alert(1)} @DATA@ @SCRIPT@ \\1 {label}",
    "__proto__",
    "constructor",
    "\u2028\u2029",
    "\ud800",
    "\udc00\ud800",
    "\u202e",
    "\U0001f600",
    "汉字",
]
texts = st.lists(st.sampled_from(EVIL) | st.text(min_size=1, max_size=8), min_size=1, max_size=6)


class Parts(HTMLParser):
    """Tags with attributes, scripts and styles, and the text that is read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.raw: dict[str, str] = {}
        self.text = ""
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        kind = dict(attrs).get("type")
        self.inside = {"style": "style", "script": kind or "library"}.get(tag, "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.raw[self.inside] = self.raw.get(self.inside, "") + data
        else:
            self.text += data


def build(strings: list[str]) -> Document:
    """A document with the strings wherever a document has any."""
    text = cycle(strings)
    bare = Document.from_words(next(text), [[next(text), next(text)], [next(text), next(text), next(text)]])
    entities = [
        Entity(next(text), next(text), (bare.mention(*span, next(text), next(text)),), 0.5, next(text))
        for span in ((0, 2), (1, 2), (3, 5))
    ]
    relations = [Relation(h, t, next(text), next(text), 0.25, (0, 1), next(text)) for h, t in ((0, 1), (2, 1), (1, 1))]
    return bare.with_annotations(entities, relations)


PLAIN = Parts(document_page([build(["word"])], "word"))


@settings(max_examples=60)
@given(texts)
def test_everything_is_escaped(strings: list[str]) -> None:
    document = build(strings)
    page = document_page([document], strings[0])
    page.encode("utf-8")  # halves of surrogate pairs are escaped
    parts = Parts(page)
    assert parts.tags == PLAIN.tags
    assert {kind: parts.raw[kind] for kind in ("module", "style", "library")} == {
        kind: PLAIN.raw[kind] for kind in ("module", "style", "library")
    }
    data = parts.raw["application/json"]
    assert not set(data) & set("<>&\u2028\u2029")
    assert json.loads(data) == json.loads(json.dumps(page_data([document], strings[0])))


@pytest.mark.parametrize("text", EVIL)
def test_without_javascript_the_text_is_read(text: str) -> None:
    page = document_page([build([text])], "title")
    expected = re.sub("[\ud800-\udfff]", "\ufffd", f"{text} {text} {text} {text} {text}")
    assert expected in Parts(page).text


def test_the_page_needs_nothing_from_outside() -> None:
    shell = document_page([], "title").replace(PLAIN.raw["library"], "")
    outside = (
        r"https?:|//[a-z]+\.|\bsrc\s*=|href=(?!\"#)|url\(|@import|\bfetch\b|XMLHttp|WebSocket|sendBeacon|\bimport\b"
    )
    assert not re.search(outside, shell)
    as_markup = (
        r"(inner|outer|Adjacent|set)HTML|document\.write|\beval\b|\bFunction\(|createContextualFragment|DOMParser"
    )
    assert not re.search(as_markup, shell)
    assert not re.search(r"\bon[a-z]+\s*=|javascript:|style=", shell.lower())


def test_the_policy_names_its_own_scripts_and_style() -> None:
    policy = next(dict(attrs)["content"] for tag, attrs in PLAIN.tags if dict(attrs).get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'") and "unsafe" not in policy
    hashes = re.findall(r"'sha256-([^']+)'", policy)
    for kind, found in zip(("style", "module", "library"), hashes, strict=True):
        assert base64.b64encode(hashlib.sha256(PLAIN.raw[kind].encode()).digest()).decode() == found


def test_the_library_has_its_licence() -> None:
    assert "Permission is hereby granted" in PLAIN.raw["library"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1), min_size=4, max_size=9))
def test_offsets_are_those_of_javascript(words: list[str]) -> None:
    bare = Document.from_words("d", [words[:2], [], words[2:]])
    entity = Entity("T", "n", tuple(bare.mention(i, j) for i in range(3) for j in range(i + 1, 4)))
    record = page_data([bare.with_annotations([entity], None)], "")["documents"][0]
    units = bare.text.encode("utf-16-le")
    taken = [units[2 * start : 2 * end].decode("utf-16-le") for start, end in record["entities"][0][3]]
    assert sorted(taken) == sorted(mention.text for mention in entity.mentions)
    assert [units[2 * s : 2 * e].decode("utf-16-le") for s, e in record["sentences"]] == [
        sentence.text for sentence in bare.sentences
    ]
    assert record["relations"] is None


def test_a_page_of_no_documents_says_so() -> None:
    assert "no document was read" in Parts(document_page([], "title")).text
    assert "no document was read" not in PLAIN.text


def test_frequent_types_come_first() -> None:
    bare = Document.from_words("d", [["a", "b"]])
    entities = [Entity(type, "a", (bare.mention(0, 1),)) for type in ("B", "A", "C", "C")]
    data = page_data([bare.with_annotations(entities, [Relation(0, 1, "P1")])], "t")
    assert data["types"] == ["C", "A", "B"]
    assert [entity[0] for entity in data["documents"][0]["entities"]] == [2, 1, 0, 0]
    assert data["documents"][0]["relations"] == [[0, 1, "P1", "P1", None, [], None]]


@settings(max_examples=60)
@given(texts)
def test_notebooks_show_text(strings: list[str]) -> None:
    displacy = pytest.importorskip("spacy.displacy")
    document = build(strings)
    plain = build(["word"])
    kinds = [tag for tag, _ in Parts(notebook_html(plain)).tags]
    page = notebook_html(document)
    page.encode("utf-8")
    tags = [tag for tag, _ in Parts(page).tags]
    # displaCy draws no bars below white space
    assert set(tags) <= set(kinds) and len(tags) <= len(kinds)
    drawing = displacy.render(arcs(document), style="dep", manual=True, jupyter=False)
    expected = displacy.render(arcs(plain), style="dep", manual=True, jupyter=False)
    assert [tag for tag, _ in Parts(drawing).tags] == [tag for tag, _ in Parts(expected).tags]


def test_the_form_of_displacy() -> None:
    bare = Document.from_words("d", [["Marie", "Curie", "saw"], ["Paris", "<b>"]])
    document = bare.with_annotations(
        [
            Entity("LOC", "Paris", (bare.mention(3, 4),)),
            Entity("P<R", "Marie Curie", (bare.mention(0, 2), bare.mention(2, 4))),
        ],
        [
            Relation(0, 1, "P1", "in & out", 0.9),
            Relation(1, 0, "P2", score=0.4),
            Relation(1, 1, "P3"),
        ],
    )
    assert spans(document) == [
        {
            "tokens": ["Marie", "Curie", "saw"],
            "spans": [
                {"start_token": 0, "end_token": 2, "label": "P&lt;R"},
                {"start_token": 2, "end_token": 3, "label": "P&lt;R"},
            ],
        },
        {
            "tokens": ["Paris", "<b>"],
            "spans": [
                {"start_token": 0, "end_token": 1, "label": "P&lt;R"},
                {"start_token": 0, "end_token": 1, "label": "LOC"},
            ],
        },
    ]
    assert set(span_options(document)["colors"]) == {"LOC", "P&LT;R"}
    assert arcs(document, min_score=0.5) == {
        "words": [{"text": "Marie Curie", "tag": "P&lt;R"}, {"text": "Paris", "tag": "LOC"}],
        "arcs": [{"start": 0, "end": 1, "label": "in &amp; out", "dir": "left"}],
    }
    assert [arc["dir"] for arc in arcs(document)["arcs"]] == ["left", "right"]
