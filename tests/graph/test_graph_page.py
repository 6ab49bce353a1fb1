"""The page of a graph: whatever documents say stays text, what is left out is counted, mentions are where they were."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from joint_ie.cli import main as command
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.graph import GraphStore, MergeRule
from joint_ie.graph.graph_page import ORIGINS, GraphPage, graph_data, graph_page

BREAKOUTS = [
    "<script>alert(1)</script>",
    "</script></noscript><script>alert(1)</script>",
    "<!--<script>",
    '"><img src=x onerror=alert(1)>',
    "@DATA@ @SCRIPT@ \\1 {label}",
    "__proto__",
    "\u2028\u2029\ud800",
    "\U0001f600",
]
SCRIPT = re.compile(r"<script type=\"application/json\" id=\"data\">(.*?)</script>", re.DOTALL)
TAG = re.compile(r"</?[a-zA-Z!]")


def build(path: Path, documents: Sequence[Document], rule: str = "normalised") -> GraphStore:
    graph = GraphStore.create(path, MergeRule(rule))
    graph.add(documents)
    return graph


def page_of(documents: Sequence[Document], title: str = "t", limit: int = 99) -> GraphPage:
    with TemporaryDirectory() as folder, build(Path(folder) / "g", documents, "none") as graph:
        return graph_page(graph, title, limit)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(BREAKOUTS) | st.text(min_size=1, max_size=6), min_size=9, max_size=9))
@example([*BREAKOUTS, "x"])
def test_everything_is_escaped(document: Callable[..., Document], texts: list[str]) -> None:
    def made(words: list[str]) -> Document:
        entities = [(words[0], words[1]), (words[2], words[3])]
        ids = [f"Q{words[4]}", None]
        return document(words[5], entities, [(0, words[6], 1, 0.5), (1, words[7], 0, None)], ids, words[8])

    page = page_of([made(texts)], texts[0])
    page.html.encode()
    data = SCRIPT.findall(page.html)
    assert len(data) == 1
    assert not set(data[0]) & set("<>&\u2028\u2029")
    assert json.loads(data[0])["title"] == texts[0]
    plain = page_of([made([f"w{i}" for i in range(9)])])
    assert TAG.findall(SCRIPT.sub("", page.html)) == TAG.findall(SCRIPT.sub("", plain.html))


def test_the_page_needs_nothing_from_outside(document: Callable[..., Document]) -> None:
    html = page_of([document("d", [("A", "a"), ("A", "b")], [(0, "P1", 1, 0.5)])]).html
    scripts = re.findall(r"<script>(.*?)</script>|<script type=\"module\">(.*?)</script>", html, re.DOTALL)
    library, script = scripts[0][0], scripts[1][1]
    style = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)[0]
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)[0]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for text, found in zip((style, script, library), re.findall(r"'sha256-([^']+)'", policy), strict=True):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() == found
    own = html.replace(library, "")
    outside = (
        r"https?:|//[a-z]+\.|\bsrc\s*=|href=(?!\"#)|url\(|@import|\bfetch\b|XMLHttp|WebSocket|sendBeacon|\bimport\b"
    )
    assert not re.search(outside, own)
    as_markup = (
        r"(inner|outer|Adjacent|set)HTML|document\.write|\beval\b|\bFunction\(|createContextualFragment|DOMParser"
    )
    assert not re.search(as_markup, own)
    assert not re.search(r"\bon[a-z]+\s*=|javascript:|style=", own.lower())


def test_the_most_supported_come_first_and_the_rest_is_counted(
    tmp_path: Path, document: Callable[..., Document]
) -> None:
    pair = [("A", "a"), ("A", "b"), ("B", "c"), ("B", "alone")]
    documents = [
        document("1", pair, [(0, "P1", 1, 0.2), (1, "P2", 2, 0.9), (2, "P3", 2, None)], label="one"),
        document("2", [*pair, ("B", "second alone")], [(0, "P1", 1, 0.2), (0, "P2", 2, 0.8)]),
    ]
    with build(tmp_path / "g", documents) as graph:
        everything = graph_data(graph, "t", 9)
        names = [node[1] for node in everything["nodes"]]
        assert sorted(names) == ["a", "alone", "b", "c", "second alone"]
        assert names[-2:] == ["alone", "second alone"]  # without edges, but in two documents and in one
        edges = [(names[e[0]], everything["relations"][e[1]], names[e[2]], *e[3:5]) for e in everything["edges"]]
        assert edges == [
            ("a", ["P1", "one"], "b", 0.36, 2),
            ("c", ["P3", "one"], "c", None, 1),  # what people said comes before scores
            ("b", ["P2", "one"], "c", 0.9, 1),
            ("a", ["P2", "P2"], "c", 0.8, 1),
        ]
        assert everything["leftOut"] == {"nodes": 0, "edges": 0}
        one = graph_data(graph, "t", 1)
        assert ([node[1] for node in one["nodes"]], len(one["edges"])) == (["a", "b"], 1)
        assert one["leftOut"] == {"nodes": 3, "edges": 3}
        three = graph_data(graph, "t", 3)
        assert (sorted(node[1] for node in three["nodes"]), len(three["edges"])) == (["a", "b", "c"], 3)
        page = graph_page(graph, "t", 3)
        assert (page.nodes, page.edges, page.nodes_left_out, page.edges_left_out) == (3, 3, 2, 1)
        with pytest.raises(InputError, match="limit = 0 should be at least 1"):
            graph_page(graph, "t", 0)


def test_an_empty_graph_is_a_page_that_says_so(tmp_path: Path, curies: list[Document]) -> None:
    with build(tmp_path / "g", []) as graph:
        page = graph_page(graph, "nothing")
        assert page.nodes == 0 and "There is nothing in this graph" in page.html
    assert "There is nothing" not in page_of(curies).html


def test_names_that_look_the_same_are_one(document: Callable[..., Document]) -> None:
    names = ["Marie Curie", "Marie\xa0Curie", "Marie \u200bCurie", "Ma\xadrie  Curie\ufeff", "MARIE CURIE", "\u200b"]
    documents = [document(f"d{i}", [("PER", name)], ids=["Q7186"]) for i, name in enumerate([names[0], *names])]
    with TemporaryDirectory() as folder, build(Path(folder) / "g", documents) as graph:
        ((_, name, others, *_),) = graph_data(graph, "t", 9)["nodes"]
    assert name == "Marie Curie"
    assert others == ["MARIE CURIE", "\u200b"]


def test_only_the_best_origins_are_in_the_page(tmp_path: Path, document: Callable[..., Document]) -> None:
    scores = [i / 100 for i in range(ORIGINS)]
    documents = [
        document(f"d{i}", [("A", "a"), ("A", "b")], [(0, "P1", 1, score)])
        for i, score in enumerate([None, *scores, 1.0])
    ]
    with build(tmp_path / "g", documents) as graph:
        data = graph_data(graph, "t", 9)
    ((*_, support, origins, more),) = data["edges"]
    assert (support, len(origins), more) == (ORIGINS + 2, ORIGINS, 2)
    assert [origin[1] for origin in origins] == [None, 1.0, *reversed(scores[2:])]
    assert set(data["documents"]) == {"d0", "d21", *(f"d{i}" for i in range(3, 21))}
    assert len(data["sentences"]) == 2 * ORIGINS


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1), min_size=6, max_size=9))
@settings(max_examples=30, deadline=None)
@example(["\U0001f600a", "b\U0001f600", "c", "d", "\U0001f600", "e"])
def test_mentions_are_where_they_were(words: list[str]) -> None:
    bare = Document.from_words("d", [words[:2], [], words[2:4], words[4:]])
    spans = [(0, 1), (1, 2), (2, 4), (3, 5), (4, 6), (0, 2)]  # (3, 5) goes on in the next sentence
    entities = [
        Entity("A", "one", tuple(bare.mention(*span) for span in spans)),
        Entity("A", "two", (bare.mention(1, 2),)),
    ]
    relations = [Relation(0, 1, "P1", None, 0.5, (0, 2)), Relation(1, 0, "P2", None, 0.5, (0, 1))]
    with (
        TemporaryDirectory() as folder,
        build(Path(folder) / "g", [bare.with_annotations(entities, relations)]) as graph,
    ):
        data = graph_data(graph, "t", 9)
    found = []
    for document, text, *marks in data["sentences"]:
        assert data["documents"][document] == "d"
        units = text.encode("utf-16-le")
        marked = (
            (data["nodes"][node][1], units[2 * start : 2 * stop].decode("utf-16-le"))
            for node, start, stop in zip(*[iter(marks)] * 3, strict=True)
        )
        found.append((text, sorted(marked)))
    first, third = bare.slice(0, 2), bare.slice(2, 4)
    assert found == [
        (first, sorted([("one", words[0]), ("one", words[1]), ("one", first), ("two", words[1])])),
        (third, sorted([("one", third), ("one", words[3])])),
        ("", []),
    ]


def test_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], curies: list[Document]
) -> None:
    monkeypatch.setattr(command, "COMMANDS", ("graph",))
    monkeypatch.chdir(tmp_path)
    build(Path("family.graph"), curies).close()
    assert command.main(["graph", "view", "family.graph", "-o", "new/page.html"]) == 0
    assert capsys.readouterr().err == "new/page.html: 4 nodes, 2 edges\n"
    html = Path("new/page.html").read_text(encoding="utf-8")
    assert "<title>family</title>" in html and "Marie  Curie → born in → Warsaw (2)" in html
    assert command.main(["graph", "view", "family.graph", "-o", "a.html", "--limit", "1", "--title", "<b>"]) == 0
    assert "a.html: 2 nodes and 1 edges are left out; --limit sets" in capsys.readouterr().err
    assert "<title>&lt;b&gt;</title>" in Path("a.html").read_text(encoding="utf-8")
    assert command.main(["graph", "view", "family.graph", "-o", "family.graph"]) == 1
    assert "is the graph itself" in capsys.readouterr().err
    assert command.main(["graph", "view", "none", "-o", "a.html"]) == 1
    with pytest.raises(SystemExit, match="2"):
        command.main(["graph", "view", "family.graph", "-o", "a.html", "--limit", "0"])
