"""The page: whatever a document says stays text, and the file needs nothing from outside."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation.error_page import error_page, page_data
from joint_ie.evaluation.error_report import ErrorReport, error_report
from joint_ie.evaluation.error_tables import error_tables
from joint_ie.html import as_json

EVIL = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "-->",
    "]]>",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt; &amp; &#60;",
    "'\"`\\",
    "${alert(1)} @DATA@ @SCRIPT@ \\1 \\g<1>",
    "__proto__",
    "constructor",
    "\u2028\u2029",
    "\ud800",
    "\udc00\ud800",
    "\x00\x01\x7f",
    "\r\n",
    "\u202e",
    "\U0001f600",
    "汉字",
]


class Parts(HTMLParser):
    """Tags with attributes, and what stands inside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.raw: dict[str, str] = {}
        self.visible: list[str] = []
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        kind = dict(attrs).get("type")
        self.inside = {"style": "style", "script": str(kind)}.get(tag, "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.raw[self.inside] = self.raw.get(self.inside, "") + data
        else:
            self.visible.append(data)

    def handle_entityref(self, name: str) -> None:
        self.visible.append(name)

    def handle_comment(self, data: str) -> None:
        self.visible.append(data)


def build(strings: Sequence[str], facts: Sequence[tuple[int, int]] = ((0, 1),)) -> Document:
    """A document with the strings wherever a document has any."""
    text = cycle(strings)
    bare = Document.from_words(next(text), [[next(text), next(text)], [next(text), next(text), next(text)]])
    entities = [
        Entity(next(text), next(text), (bare.mention(*span, next(text), next(text)),), 0.5, next(text))
        for span in ((0, 2), (1, 2), (3, 5))
    ]
    relations = [Relation(h, t, next(text), next(text), 0.25, (0, 1), next(text)) for h, t in facts]
    return bare.with_annotations(entities, relations)


def report_of(document: Document, predicted: Sequence[Document] = ()) -> ErrorReport:
    return error_report([document], predicted, "end-to-end")


EMPTY = Parts(error_page(error_report([], []), ""))


@settings(max_examples=60)
@given(st.lists(st.sampled_from(EVIL) | st.text(min_size=1, max_size=8), min_size=1, max_size=6))
def test_everything_is_escaped(strings: list[str]) -> None:
    document = build(strings)
    predicted = replace(build(strings[::-1], [(1, 0), (0, 1)]), id=document.id)
    report = report_of(document, [predicted])
    page = error_page(report, strings[0])
    page.encode("utf-8")  # halves of surrogate pairs are escaped
    parts = Parts(page)
    assert parts.tags == EMPTY.tags
    assert parts.visible == EMPTY.visible
    assert (parts.raw["module"], parts.raw["style"]) == (EMPTY.raw["module"], EMPTY.raw["style"])
    data = parts.raw["application/json"]
    assert not set(data) & set("<>&\u2028\u2029")
    assert json.loads(data) == json.loads(json.dumps(page_data(report, strings[0])))
    assert json.loads(data)["title"] == strings[0]
    assert page.count(data) == 1
    assert page.replace(data, "") == error_page(error_report([], []), "").replace(EMPTY.raw["application/json"], "")


@pytest.mark.parametrize("text", EVIL)
def test_as_json_keeps_every_character(text: str) -> None:
    assert json.loads(as_json({text: [text]})) == {text: [text]}


def test_the_page_needs_nothing_from_outside() -> None:
    page = error_page(report_of(build(["word"])), "title")
    shell = page.replace(Parts(page).raw["application/json"], "")
    outside = (
        r"https?:|//[a-z]+\.|\bsrc\s*=|href=(?!\"#)|url\(|@import|\bfetch\b|XMLHttp|WebSocket|sendBeacon|\bimport\b"
    )
    assert not re.search(outside, shell)
    as_html = r"(inner|outer|Adjacent|set)HTML|document\.write|\beval\b|Function\(|createContextualFragment|DOMParser"
    assert not re.search(as_html, shell)
    assert not re.search(r"\bon[a-z]+\s*=|javascript:|style=", shell.lower())


def test_the_policy_names_its_own_script_and_style() -> None:
    policy = next(dict(attrs)["content"] for tag, attrs in EMPTY.tags if dict(attrs).get("http-equiv"))
    assert policy is not None and "default-src 'none'" in policy
    for directive, text in (("script-src", EMPTY.raw["module"]), ("style-src", EMPTY.raw["style"])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def relations(data: dict[str, Any], side: str) -> list[Any]:
    return data["documents"][0][side]["relations"]


def test_what_the_script_gets() -> None:
    document = build(["w"], facts=[(0, 1), (0, 1), (1, 2)])
    changed = replace(document, relations=(document.relations or ())[:1])
    data = json.loads(as_json(page_data(report_of(document, [changed]), "title")))
    record = data["documents"][0]
    assert (record["id"], record["words"], record["gaps"]) == ("w", ["w"] * 5, None)
    assert record["sentences"] == [[0, 2], [2, 5]]
    assert record["gold"]["entities"][0] == ["w", "w", [[0, 2]]]
    assert relations(data, "gold") == [
        [0, 1, "w", "correct", [0, 1], 0.25],
        [0, 1, "w", "correct", [0, 1], 0.25],
        [1, 2, "w", "missed", [0, 1], 0.25],
    ]
    assert relations(data, "predicted") == [[0, 1, "w", "correct", [0, 1], 0.25]]
    assert data["labels"] == {"w": "w"}
    assert data["classes"]["gold"]["missed"] == {"count": 1, "meaning": "nothing found on this pair"}
    assert data["summary"].startswith("end-to-end · documents: 1 · relations: P 100.00, R 50.00, F1 66.67")


def test_text_between_words_is_kept() -> None:
    text = "汉字\n\nab"
    document = Document("d", text, ((0, 1), (1, 2), (4, 6)), ((0, 3),))
    record = page_data(report_of(document), "")["documents"][0]
    assert record["gaps"] == ["", "\n\n"]
    assert "".join(word + gap for word, gap in zip(record["words"], [*record["gaps"], ""], strict=True)) == text


def test_with_gold_entities_both_sides_have_those_of_gold() -> None:
    gold = build(["w"])
    other = replace(gold, entities=tuple(replace(entity, name="other") for entity in gold.entities))
    record = page_data(error_report([gold], [other], "gold-entities"), "")["documents"][0]
    assert record["predicted"]["entities"] == record["gold"]["entities"]


def test_relations_that_nobody_scores_have_no_class() -> None:
    predicted = build(["w"])
    data = page_data(report_of(replace(predicted, relations=None), [predicted]), "")
    assert not data["documents"][0]["annotated"]
    assert relations(data, "predicted")[0][3] is None


@pytest.mark.parametrize("mode", ["end-to-end", "gold-entities"])
def test_tables(mode: Any) -> None:
    gold, predicted = build(["w"], [(0, 1), (1, 2)]), build(["w"], [(0, 1), (2, 1)])
    tables = error_tables(error_report([gold], [predicted], mode))
    assert len(tables) == (7 if mode == "end-to-end" else 8)
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
    by_title = {table.title: table for table in tables}
    assert ("found", "1", "50.0 %") in by_title["Relations in gold"].rows
    assert ("pair has no relation in gold", "1", "50.0 %") in by_title["Relations predicted"].rows
    assert by_title["Confusion of relations on one pair"].rows == (("(nothing)", "w", "1"), ("w", "(nothing)", "1"))
    if mode == "gold-entities":
        assert by_title["Errors (KD-DocRE, table 7)"].rows == tuple(
            (name, "1", "33.3 %") if name != "wrong" else (name, "0", "0.0 %")
            for name in ("correct", "wrong", "missed", "spurious")
        )
