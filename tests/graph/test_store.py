import json
import random
import sqlite3
import subprocess
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.document import Document, Relation
from joint_ie.errors import InputError
from joint_ie.graph import Added, GraphCounts, GraphStore, MergeRule, database, store
from joint_ie.graph.merging import RULES, normalise

RULE_NAMES = st.sampled_from(RULES)


def contents(graph: GraphStore) -> tuple[Any, ...]:
    nodes = list(graph.nodes())
    return nodes, list(graph.edges()), [list(graph.members(node.id)) for node in nodes], graph.counts()


def built(path: Path, documents: Iterable[Document], rule: MergeRule | None = None) -> tuple[Any, ...]:
    with GraphStore.create(path, rule) as graph:
        graph.add(documents)
        return contents(graph)


def test_two_documents(tmp_path: Path, curies: list[Document]) -> None:
    with GraphStore.create(tmp_path / "graph") as graph:
        assert graph.add(curies) == Added(new=2)
        nodes, edges, members, counts = contents(graph)
    assert counts == GraphCounts(documents=2, nodes=4, edges=2, members=6, statements=3)
    assert [(n.id, n.name, n.names, n.members, n.documents) for n in nodes] == [
        ("loc-warsaw", "Warsaw", ("Warsaw", "warsaw"), 2, 2),
        ("org-warsaw", "Warsaw", ("Warsaw",), 1, 1),
        ("per-marie-curie", "Marie  Curie", ("Marie  Curie", "Marie Curie"), 2, 2),  # as frequent, but longer
        ("per-pierre-curie", "Pierre Curie", ("Pierre Curie",), 1, 1),
    ]
    born, married = edges
    assert (born.head, born.type, born.tail) == ("per-marie-curie", "P19", "loc-warsaw")
    assert (born.label, born.support, born.confidence) == ("born in", 2, 0.96)  # 1 - (1 - 0.9) (1 - 0.6)
    first, second = born.provenance
    assert (first.document, first.head, first.tail, first.score, first.evidence_kind) == ("d1", 0, 1, 0.9, "mentions")
    assert (first.sentences, first.texts) == (((0, 0, 11), (1, 12, 18)), ("Marie Curie", "Warsaw"))
    assert (second.document, second.head, second.tail, second.score) == ("d2", 1, 0, 0.6)
    assert (married.label, married.support, married.confidence) == ("P26", 1, 0.5)
    marie = members[2]
    assert [(m.node, m.document, m.entity, m.name, m.mentions) for m in marie] == [
        ("per-marie-curie", "d1", 0, "Marie Curie", ((0, 11),)),
        ("per-marie-curie", "d2", 1, "Marie  Curie", ((7, 19),)),
    ]


def test_concepts_come_before_names(tmp_path: Path, document: Callable[..., Document]) -> None:
    given = [
        document("1", [("DIS", "cold"), ("DIS", "flu")], ids=["D1", "D3"]),
        document("2", [("DIS", "COLD"), ("DIS", "common cold")], ids=["D2", "D1"]),
        document("3", [("DIS", "Cold"), ("DIS", "Flu"), ("GEN", "flu")], ids=[None, "1", "D3"]),
    ]
    nodes, _, members, _ = built(tmp_path / "graph", given, MergeRule("normalised"))
    assert [
        (n.type, n.concept, sorted((m.document, m.entity) for m in of)) for n, of in zip(nodes, members, strict=True)
    ] == [
        ("DIS", None, [("3", 0)]),  # of two diseases that are called so, nobody knows which
        ("DIS", "D1", [("1", 0), ("2", 1)]),
        ("DIS", "D2", [("2", 0)]),
        ("DIS", "D3", [("1", 1), ("3", 1)]),
        ("GEN", "D3", [("3", 2)]),
    ]
    assert built(tmp_path / "apart", given, MergeRule("none"))[-1].nodes == 7


def test_confidence_and_label(tmp_path: Path, document: Callable[..., Document]) -> None:
    pair = [("A", "a"), ("A", "b")]
    given = [
        document("1", pair, [(0, "R", 1, 0.5), (0, "R", 1, 0.75), (0, "S", 1, None)], label="x"),
        document("2", pair, [(0, "R", 1, 0.5), (0, "T", 1, 0.1)], label="yy"),
        document("3", pair, [(0, "R", 1, None), (0, "T", 1, None)]),
    ]
    _, (r, s, t), _, _ = built(tmp_path / "graph", given)
    assert (r.confidence, r.support, r.label, len(r.provenance)) == (0.875, 3, "x", 4)
    assert (s.confidence, s.support, s.label) == (None, 1, "x")
    assert (t.confidence, t.support, t.label) == (0.1, 2, "yy")  # both once: the longer


@st.composite
def corpora(
    draw: st.DrawFn,
) -> list[tuple[list[tuple[str, str, str | None]], list[tuple[int, str, int, float | None]]]]:
    entity = st.tuples(
        st.sampled_from(["PER", "Loc"]),
        st.sampled_from(["Anna Bach", "anna  bach", "Anna Bachs", "The Bach", "bach", "Bach!", "B-1"]),
        st.sampled_from([None, None, None, "7", "Q1", "Q2"]),
    )
    made = []
    for _ in range(draw(st.integers(1, 5))):
        entities = draw(st.lists(entity, max_size=4))
        position = st.integers(0, max(len(entities) - 1, 0))
        score = st.sampled_from([None, 0.0, 0.1, 0.3, 0.7, 1.0])
        fact = st.tuples(position, st.sampled_from(["P1", "P2"]), position, score)
        made.append((entities, draw(st.lists(fact, max_size=4)) if entities else []))
    return made


def as_documents(corpus: Any, document: Callable[..., Document]) -> list[Document]:
    return [
        document(f"doc {i}", [(type, name) for type, name, _ in entities], facts, [id for *_, id in entities])
        for i, (entities, facts) in enumerate(corpus)
    ]


@given(corpora(), RULE_NAMES, st.randoms())
@settings(max_examples=40)
def test_the_order_of_documents_does_not_matter(
    document: Callable[..., Document], corpus: Any, rule: str, random: random.Random
) -> None:
    documents = as_documents(corpus, document)
    with TemporaryDirectory() as folder:
        expected = built(Path(folder) / "a", documents, MergeRule(rule))
        random.shuffle(documents)
        half = random.randint(0, len(documents))
        with GraphStore.create(Path(folder) / "b", MergeRule(rule)) as graph:
            outdated = [replace(d, relations=None, entities=d.entities[:1]) for d in documents[half:]]
            graph.add(outdated)  # which leaves nothing behind
            graph.add(documents[half:])
            if random.random() < 0.5:
                contents(graph)
        with GraphStore.open(Path(folder) / "b") as graph:
            assert graph.add(documents).same >= len(documents) - half
            assert contents(graph) == expected


@given(corpora(), st.sampled_from(["none", "exact", "normalised"]))
@settings(max_examples=40)
def test_nodes_and_edges_against_the_definition(document: Callable[..., Document], corpus: Any, rule: str) -> None:
    documents = as_documents(corpus, document)
    entities = [(d.id, i, e) for d in documents for i, e in enumerate(d.entities)]
    name = {"none": lambda e: e, "exact": lambda e: e.name, "normalised": lambda e: normalise(e.name)}[rule]
    concepts: dict[Any, set[str]] = defaultdict(set)
    for _, _, e in entities:
        if e.id in ("Q1", "Q2"):
            concepts[e.type, name(e)].add(e.id)
    group: dict[tuple[str, int], Any] = {}
    for id, i, e in entities:
        known = concepts[e.type, name(e)]
        concept = e.id if e.id in ("Q1", "Q2") else next(iter(known)) if len(known) == 1 else None
        group[id, i] = (id, i) if rule == "none" else (e.type, "concept", concept) if concept else (e.type, name(e))
    edges = Counter((group[d.id, r.head], r.type, group[d.id, r.tail]) for d in documents for r in d.relations or ())
    with TemporaryDirectory() as folder:
        nodes, found, members, counts = built(Path(folder) / "graph", documents, MergeRule(rule))
    assert counts == GraphCounts(len(documents), len(set(group.values())), len(edges), len(entities), edges.total())
    of_node = {}
    for node, own in zip(nodes, members, strict=True):
        (of_node[node.id],) = {group[m.document, m.entity] for m in own}
        assert (node.members, node.documents) == (len(own), len({m.document for m in own}))
        assert Counter(m.name for m in own)[node.name] == max(Counter(m.name for m in own).values())
        assert set(node.names) == {m.name for m in own}
    assert Counter({(of_node[e.head], e.type, of_node[e.tail]): len(e.provenance) for e in found}) == edges
    assert [n.id for n in nodes] == sorted(n.id for n in nodes)
    keys = [(e.head, e.type, e.tail) for e in found]
    assert keys == sorted(keys)


def test_adding_again_and_replacing(tmp_path: Path, curies: list[Document], document: Callable[..., Document]) -> None:
    with GraphStore.create(tmp_path / "graph") as graph:
        graph.add(curies)
        before = contents(graph)
        assert graph.add(curies) == Added(same=2)
        assert contents(graph) == before
        changed = document("d1", [("PER", "Marie Curie")])
        assert graph.add([changed, curies[1]]) == Added(same=1, replaced=1)
        assert contents(graph) == built(tmp_path / "other", [curies[1], changed])


@pytest.mark.parametrize("rule", ["exact", "normalised", "fuzzy"])
def test_what_has_no_name_is_not_the_same(tmp_path: Path, document: Callable[..., Document], rule: str) -> None:
    given = [document(f"doc-{i}", [("PER", name), ("PER", "")]) for i, name in enumerate([" ", "", "\u3000"])]
    nodes, _, members, _ = built(tmp_path / "graph", given, MergeRule(rule))
    assert [node.members for node in nodes] == [1] * 6
    assert len({(m.document, m.entity) for own in members for m in own}) == 6
    linked = document("linked", [("PER", ""), ("PER", " ")], ids=["Q1", "Q1"])
    assert len(built(tmp_path / "linked", [linked], MergeRule(rule))[0]) == 1


def test_types_with_a_hyphen_do_not_meet_others(tmp_path: Path, document: Callable[..., Document]) -> None:
    nodes, *_ = built(tmp_path / "graph", [document("1", [("A-B", "c"), ("A", "b c")])])
    assert sorted((node.type, node.name) for node in nodes) == [("A", "b c"), ("A-B", "c")]


def test_ids_that_come_twice_are_counted(tmp_path: Path, document: Callable[..., Document]) -> None:
    one, two = document("1", [("A", "a")]), document("1", [("A", "b")])
    with GraphStore.create(tmp_path / "graph") as graph:
        assert graph.add([one, one, document("2", [("A", "c")])]) == Added(new=2, same=1)
        assert graph.add([two]) == Added(replaced=1)  # on purpose, perhaps
        assert graph.add([one, two]) == Added(replaced=2, repeated=1)
        assert [node.name for node in graph.nodes()] == ["b", "c"]


def test_a_sentence_is_evidence_once(tmp_path: Path, document: Callable[..., Document]) -> None:
    given = document("1", [("A", "a"), ("A", "b")])
    given = given.with_annotations(given.entities, [Relation(0, 1, "R", evidence=(1, 0, 1, 1))])
    _, (edge,), *_ = built(tmp_path / "graph", [given])
    assert edge.provenance[0].texts == ("b", "a")


def test_processes_that_build_one_file(tmp_path: Path, document: Callable[..., Document]) -> None:
    """All begin at the same moment, with documents that overlap."""
    code = """
        import sys
        from joint_ie.document import Document, Entity
        from joint_ie.graph import GraphStore

        def documents(first):
            for i in range(first, first + 600):
                bare = Document.from_words(f"d{i}", [[f"name{i % 7}"]])
                yield bare.with_annotations([Entity("PER", f"name{i % 7}", (bare.mention(0, 1),), score=0.5)], [])

        print("ready", flush=True)
        sys.stdin.readline()
        with GraphStore.create(sys.argv[1]) as graph:
            graph.add(documents(int(sys.argv[2])))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "graph")]
    pipe = subprocess.PIPE
    runs = [subprocess.Popen([*command, str(first)], stdin=pipe, stdout=pipe, text=True) for first in (0, 300, 600)]
    for run in runs:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    assert [run.communicate() and run.returncode for run in runs] == [0, 0, 0]
    documents = [document(f"d{i}", [("PER", f"name{i % 7}")]) for i in range(1200)]
    with GraphStore.open(tmp_path / "graph") as graph:
        assert contents(graph) == built(tmp_path / "other", documents)


def test_a_file_made_meanwhile_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curies: list[Document]
) -> None:
    """Another process makes the graph between the look whether there is one and the making of it."""
    real = database.make_tables

    def late(path: Path, rule: MergeRule) -> None:
        monkeypatch.setattr(store, "make_tables", real)
        with GraphStore.create(path) as other:
            other.add(curies)
        real(path, rule)

    monkeypatch.setattr(store, "make_tables", late)
    with GraphStore.create(tmp_path / "graph") as graph:
        assert graph.counts().documents == 2
    monkeypatch.setattr(store, "make_tables", late)
    with pytest.raises(InputError, match="merge rule normalised, not exact"):
        GraphStore.create(tmp_path / "other", MergeRule("exact"))


def test_what_is_read_together_is_of_one_moment(
    tmp_path: Path, curies: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WAIT", 0.1)
    with GraphStore.create(tmp_path / "graph") as graph, GraphStore.open(tmp_path / "graph") as other:
        graph.add(curies[:1])
        with graph.unchanging():
            before = contents(graph)
            with pytest.raises(InputError, match="locked"):
                other.add(curies)
            assert contents(graph) == before
        assert other.add(curies) == Added(new=1, same=1)
        with graph.unchanging():
            assert contents(graph) == contents(other) != before


def test_a_killed_run_is_resumed(tmp_path: Path, document: Callable[..., Document]) -> None:
    code = """
        import os, signal, sys
        from joint_ie.document import Document, Entity
        from joint_ie.graph import GraphStore

        def documents():
            for i in range(1200):
                if i == 1100:
                    os.kill(os.getpid(), signal.SIGKILL)
                bare = Document.from_words(f"d{i}", [[f"name{i % 7}"]])
                yield bare.with_annotations([Entity("PER", f"name{i % 7}", (bare.mention(0, 1),), score=0.5)], [])

        GraphStore.create(sys.argv[1]).add(documents())
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "graph")], check=False)
    assert run.returncode == -9
    documents = [document(f"d{i}", [("PER", f"name{i % 7}")]) for i in range(1200)]
    with GraphStore.open(tmp_path / "graph") as graph:
        assert graph.counts() == GraphCounts(documents=1000, nodes=7, edges=0, members=1000, statements=0)
        assert graph.add(documents) == Added(new=200, same=1000)
        assert contents(graph) == built(tmp_path / "other", documents)


def test_an_error_keeps_what_was_added_before(tmp_path: Path, document: Callable[..., Document]) -> None:
    good = [document(f"d{i}", [("PER", "a")]) for i in range(500)]
    bad = replace(good[0], id="bad", entities=(replace(good[0].entities[0], score=2.0),))
    with GraphStore.create(tmp_path / "graph") as graph:
        with pytest.raises(InputError, match=r"'bad'.*score = 2.0"):
            graph.add([*good, replace(good[0], id="lost"), bad])
        assert graph.counts().documents == 500
        assert graph.add([replace(good[0], id="next")]) == Added(new=1)


def test_files_that_are_no_graph(tmp_path: Path, curies: list[Document]) -> None:
    path = tmp_path / "deep" / "graph"
    with pytest.raises(InputError, match="no such file"):
        GraphStore.open(path)
    GraphStore.create(path, MergeRule("fuzzy", 80)).close()
    assert GraphStore.open(path).rule == GraphStore.create(path, MergeRule("fuzzy", 80)).rule == MergeRule("fuzzy", 80)
    with pytest.raises(InputError, match="merge rule fuzzy 80, not fuzzy 90"):
        GraphStore.create(path, MergeRule("fuzzy"))
    with pytest.raises(InputError, match="merge rule fuzzy 80, not normalised"):
        GraphStore.create(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(InputError, match="version 9"):
        GraphStore.open(path)
    text, database = tmp_path / "a.txt", tmp_path / "a.db"
    text.write_text("no graph, but text of more than a few characters" * 99)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    for other in (text, database, tmp_path):
        for way in (GraphStore.open, GraphStore.create):
            with pytest.raises(InputError, match=f"{other.name}: (is no graph|no such file)"):
                way(other)
    empty = tmp_path / "empty"
    empty.touch()
    assert len(built(empty, curies)[0]) == 4


def test_a_damaged_file_is_an_input_error(tmp_path: Path, document: Callable[..., Document]) -> None:
    built(tmp_path / "graph", (document(f"d{i}", [("PER", f"a{i}")]) for i in range(500)))
    data = bytearray((tmp_path / "graph").read_bytes())
    data[8192:] = bytes(len(data) - 8192)
    (tmp_path / "graph").write_bytes(data)
    with pytest.raises(InputError, match="cannot be used as a graph"), GraphStore.open(tmp_path / "graph") as graph:
        contents(graph)


def test_hostile_text_is_kept(tmp_path: Path, hostile: list[Document]) -> None:
    nodes, edges, members, counts = built(tmp_path / "graph", hostile, MergeRule("none"))
    assert counts.members == len(nodes) == 3 * len(hostile)

    def clean(text: str) -> str:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if "lone" in text else text

    named = [(clean(d.id), i, clean(e.name)) for d in hostile for i, e in enumerate(d.entities)]
    assert sorted((m.document, m.entity, m.name) for own in members for m in own) == sorted(named)
    texts = {
        (p.document, n): text
        for e in edges
        for p in e.provenance
        for (n, *_), text in zip(p.sentences, p.texts, strict=True)
    }
    assert texts == {(clean(d.id), s.index): clean(s.text) for d in hostile for s in d.sentences}
    assert len({node.id for node in nodes}) == len(nodes)
    json.dumps([texts[key] for key in texts], ensure_ascii=False).encode()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is asked of Linux")
def test_memory_does_not_grow_with_documents(tmp_path: Path) -> None:
    code = """
        import re, sys
        from pathlib import Path
        from joint_ie.document import Document, Entity, Relation
        from joint_ie.graph import GraphStore

        def documents(start, end):
            for i in range(start, end):
                bare = Document.from_words(f"d{i}", [[f"person {i}"], [f"town {i % 900}"]])
                entities = [Entity(t, bare.words[k], (bare.mention(k, k + 1),)) for k, t in enumerate(("PER", "LOC"))]
                yield bare.with_annotations(entities, [Relation(0, 1, "P19", None, 0.5, (0, 1))])

        def peak():  # in kB; all memory of the process, SQLite's too
            return int(re.search("VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])

        with GraphStore.create(sys.argv[1]) as graph:
            graph.add(documents(0, 1000))
            before = peak()
            graph.add(documents(0, 20_000))
            print(sum(1 for _ in graph.nodes()), sum(1 for _ in graph.edges()), peak() - before)
    """
    run = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "graph")]
    nodes, edges, grown = map(int, subprocess.run(run, check=True, capture_output=True, text=True).stdout.split())
    assert (nodes, edges) == (20_900, 20_000)
    assert grown < 12_000  # the documents in memory would take about 60 MB
