"""Every export against the store, read by something that does not know how it was written."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.graph import Edge, GraphStore, MergeRule, Node
from joint_ie.graph.csv_files import export_csv
from joint_ie.graph.cypher import export_cypher, literal
from joint_ie.graph.files import whole_file
from joint_ie.graph.formats import FORMATS, find_format
from joint_ie.graph.graphml import export_graphml
from joint_ie.graph.jsonl import export_jsonl
from joint_ie.graph.vocabulary import Names


@pytest.fixture(params=["curies", "hostile", "merged", "empty"])
def graph(request: pytest.FixtureRequest, tmp_path: Path, document: Callable[..., Document]) -> Iterator[GraphStore]:
    documents: list[Document] = []
    if request.param != "empty":
        documents = request.getfixturevalue("curies" if request.param == "curies" else "hostile")
    with GraphStore.create(
        tmp_path / "graph", MergeRule("none" if request.param == "hostile" else "normalised")
    ) as made:
        made.add(documents)
        yield made


def provenance(edge: Edge, clean: Callable[[str], str] = str) -> list[dict[str, Any]]:
    return [
        {
            **{key: value for key, value in asdict(origin).items() if key not in ("sentences", "texts")},
            "document": clean(origin.document),
            "evidence_kind": origin.evidence_kind,
            "sentences": [
                {"number": number, "start": start, "end": end, "text": clean(text)}
                for (number, start, end), text in zip(origin.sentences, origin.texts, strict=True)
            ],
        }
        for origin in edge.provenance
    ]


def node_values(node: Node, clean: Callable[[str], str] = str) -> dict[str, Any]:
    texts = {"name": clean(node.name), "names": [clean(name) for name in node.names], "type": clean(node.type)}
    concept = None if node.concept is None else clean(node.concept)
    return {**texts, "members": node.members, "documents": node.documents, "score": node.score, "concept": concept}


def edge_values(edge: Edge, clean: Callable[[str], str] = str) -> dict[str, Any]:
    values = {"type": clean(edge.type), "label": clean(edge.label), "confidence": edge.confidence}
    return {**values, "support": edge.support, "provenance": provenance(edge, clean)}


def written(graph: GraphStore, export: Callable[[GraphStore, Path], int], target: Path) -> str:
    counts = graph.counts()
    assert export(graph, target) == counts.nodes + counts.edges
    return target.read_bytes().decode() if target.is_file() else ""


def test_jsonl_holds_everything(graph: GraphStore, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in written(graph, export_jsonl, tmp_path / "a.jsonl").split("\n")[:-1]]
    nodes = [line for line in lines if line.pop("kind") == "node"]
    edges = lines[len(nodes) :]
    expected = []
    for node in graph.nodes():
        members = [{k: v for k, v in asdict(m).items() if k != "node"} for m in graph.members(node.id)]
        members = [{**m, "mentions": [list(span) for span in m["mentions"]]} for m in members]
        expected.append({"id": node.id, **node_values(node), "members": members})
    assert nodes == expected
    assert edges == [{"head": e.head, "tail": e.tail, **edge_values(e)} for e in graph.edges()]


def test_csv(graph: GraphStore, tmp_path: Path) -> None:
    def clean(text: str) -> str:
        return text.replace("\0", "\ufffd")

    def rows(name: str) -> list[dict[str, str]]:
        with (tmp_path / "csv" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, strict=True))

    def shown(value: Any) -> str:
        return "" if value is None else str(value)

    written(graph, export_csv, tmp_path / "csv")
    nodes, edges = rows("nodes.csv"), rows("edges.csv")
    for row, node in zip(nodes, graph.nodes(), strict=True):
        values = node_values(node)
        assert json.loads(row["names"]) == values.pop("names")
        columns = {key.split(":")[0]: value for key, value in row.items() if key not in ("names", ":LABEL")}
        assert columns == {"id": node.id, **{key: clean(shown(value)) for key, value in values.items()}}
        assert re.fullmatch(r"Entity;\w+", row[":LABEL"])
    assert len({row["id:ID"] for row in nodes}) == len(nodes)
    for row, edge in zip(edges, graph.edges(), strict=True):
        values = edge_values(edge)
        assert json.loads(row["provenance"]) == values.pop("provenance")
        assert (row[":START_ID"], row[":END_ID"]) == (edge.head, edge.tail)
        assert re.fullmatch(r"\w+", row[":TYPE"])
        columns = {key.split(":")[0]: value for key, value in row.items() if key[0] != ":" and key != "provenance"}
        assert columns == {key: clean(shown(value)) for key, value in values.items()}


def test_csv_for_pandas(graph: GraphStore, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    written(graph, export_csv, tmp_path / "csv")
    nodes = pandas.read_csv(tmp_path / "csv" / "nodes.csv", keep_default_na=False)
    assert list(nodes["name"]) == [node.name.replace("\0", "\ufffd") for node in graph.nodes()]
    assert list(nodes["members:int"]) == [node.members for node in graph.nodes()]
    edges = pandas.read_csv(tmp_path / "csv" / "edges.csv")
    assert [json.loads(text) for text in edges["provenance"]] == [provenance(edge) for edge in graph.edges()]


def test_graphml_for_networkx(graph: GraphStore, tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")

    def clean(text: str) -> str:
        return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text)

    def clean_json(text: str) -> str:
        return re.sub("[\ufffe\uffff]", "\ufffd", text)  # JSON escapes control characters itself

    def plain(values: dict[str, Any], name: str) -> dict[str, Any]:
        return {key: json.loads(value) if key == name else value for key, value in values.items() if key != "id"}

    written(graph, export_graphml, tmp_path / "a.graphml")
    read = networkx.read_graphml(tmp_path / "a.graphml", force_multigraph=True)
    assert read.is_directed()
    for (id, values), node in zip(read.nodes(data=True), graph.nodes(), strict=True):
        expected = {k: v for k, v in node_values(node, clean).items() if v is not None}
        expected["names"] = [clean_json(name) for name in node.names]
        assert (id, plain(values, "names")) == (node.id, expected)
    found = {(h, t, v["type"], v["label"]): plain(v, "provenance") for h, t, v in read.edges(data=True)}
    expected_edges = {}
    for edge in graph.edges():
        values = {k: v for k, v in edge_values(edge, clean).items() if v is not None}
        values["provenance"] = provenance(edge, clean_json)
        expected_edges[edge.head, edge.tail, clean(edge.type), clean(edge.label)] = values
    assert found == expected_edges
    assert read.number_of_edges() == graph.counts().edges


STRING = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def decoded(expression: str) -> str:
    """The value of string literals joined by ``+``, by the openCypher grammar."""
    literals = STRING.findall(expression)
    assert " + ".join(literals) == expression
    return "".join(
        re.sub(
            r"\\(?:u([0-9A-F]{4})|(.))",
            lambda m: chr(int(m[1], 16)) if m[1] else ESCAPES.get(m[2], m[2]),
            text[1:-1],
            flags=re.DOTALL,
        )
        for text in literals
    )


HOSTILE_TEXT = st.text(st.sampled_from("\\u'`\"\n\r\t\b\x00\x1f\x7f\u2028é😀07;/*-"))


@given(HOSTILE_TEXT)
def test_cypher_literals(text: str) -> None:
    expression = literal(text)
    assert decoded(expression) == text
    assert expression.isprintable()  # one line, nothing that a terminal or parser takes for something else
    # a parser that replaces Unicode escapes before anything else, whatever stands before them, sees the same
    early = re.sub(r"\\u([0-9A-F]{4})", lambda m: chr(int(m[1], 16)), expression)
    assert decoded(early) == text


def test_cypher_values() -> None:
    assert [literal(value) for value in (None, 3, 0.25, ("a", "'"))] == ["null", "3", "0.25", r"['a', '\'']"]


NODE = re.compile(r"MERGE \(n:Entity \{id: (.*)\}\) SET n:`(\w+)`, (.*);", re.DOTALL)
EDGE = re.compile(
    r"MATCH \(h:Entity \{id: (.*)\}\), \(t:Entity \{id: (.*)\}\) "
    r"MERGE \(h\)-\[r:`(\w+)` \{type: (.*)\}\]->\(t\) SET (.*);"
)


def without_strings(statement: str) -> tuple[str, list[str]]:
    """The statement with numbers for its strings, and these."""
    texts: list[str] = []

    def keep(found: re.Match[str]) -> str:
        texts.append(decoded(found[0]))
        return f"<{len(texts) - 1}>"

    return re.sub(rf"{STRING.pattern}(?: \+ {STRING.pattern})*", keep, statement, flags=re.DOTALL), texts


def value(text: str, texts: list[str]) -> Any:
    if text.startswith("["):
        return [value(part, texts) for part in text[1:-1].split(", ")]
    return texts[int(text[1:-1])] if text.startswith("<") else json.loads(text)


def values(assignments: str, texts: list[str]) -> dict[str, Any]:
    found = re.findall(r"\w\.(\w+) = (\[.*?\]|[^,]+)(?:, |$)", assignments)
    return {name: value(text, texts) for name, text in found}


def test_cypher(graph: GraphStore, tmp_path: Path) -> None:
    lines = written(graph, export_cypher, tmp_path / "a.cypher").split("\n")
    assert lines[0].startswith("CREATE INDEX") and lines[-1] == ""
    statements = iter([without_strings(line) for line in lines[1:-1]])
    for node in graph.nodes():
        statement, texts = next(statements)
        found = NODE.fullmatch(statement)
        assert found, statement
        assert value(found[1], texts) == node.id
        assert values(found[3], texts) == node_values(node)
    for edge in graph.edges():
        statement, texts = next(statements)
        found = EDGE.fullmatch(statement)
        assert found, statement
        assert [value(found[i], texts) for i in (1, 2, 4)] == [edge.head, edge.tail, edge.type]
        read = values(found[5], texts)
        read["provenance"] = json.loads(read["provenance"])
        assert {"type": edge.type, **read} == edge_values(edge)
    assert next(statements, None) is None


def test_a_cypher_parser_reads_it(tmp_path: Path, hostile: list[Document]) -> None:
    antlr4 = pytest.importorskip("antlr4", reason="needs antlr4-cypher")
    grammar = pytest.importorskip("antlr4_cypher", reason="needs antlr4-cypher")
    with GraphStore.create(tmp_path / "graph") as graph:
        graph.add(hostile)
        lines = written(graph, export_cypher, tmp_path / "a.cypher").split("\n")[1:-1]  # without the index of Neo4j
        counts = graph.counts()
    assert len(lines) == counts.nodes + counts.edges
    for line in lines:
        lexer = grammar.CypherLexer(antlr4.InputStream(line))
        tokens = antlr4.CommonTokenStream(lexer)
        parser = grammar.CypherParser(tokens)
        parser.script()
        assert parser.getNumberOfSyntaxErrors() == 0, line
        kinds = [lexer.symbolicNames[token.type] for token in tokens.tokens]
        assert (kinds.count("MERGE"), kinds.count("SET"), kinds.count("SEMI")) == (1, 1, 1)
        assert not {"DELETE", "DETACH", "REMOVE", "CALL"} & set(kinds)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_file_is_there_whole_or_not_at_all(
    name: str, tmp_path: Path, curies: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(RuntimeError):
        pass

    def edges(graph: GraphStore) -> Iterator[Edge]:
        yield from list(real(graph))[:1]
        raise Stopped

    folder = tmp_path / "out"
    with GraphStore.create(tmp_path / "graph") as graph:
        graph.add(curies)
        export = FORMATS[name].export
        export(graph, folder / "new" / "a", Names())
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert len(before) == (2 if name == "csv" else 1)
        real = GraphStore.edges
        monkeypatch.setattr(GraphStore, "edges", edges)
        with pytest.raises(Stopped):
            export(graph, folder / "new" / "a", Names())
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        monkeypatch.setattr(GraphStore, "edges", real)
        with pytest.raises(InputError, match=str(tmp_path)):
            export(graph, tmp_path / "graph" / "a", Names())  # a file is no folder


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"csv"}))
def test_a_pipe_is_written_and_not_replaced(name: str, tmp_path: Path, curies: list[Document]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    with GraphStore.create(tmp_path / "graph") as graph:
        graph.add(curies)
        FORMATS[name].export(graph, pipe, Names())
        reader.join(timeout=20)
        FORMATS[name].export(graph, tmp_path / "file", Names())
    assert pipe.is_fifo()
    assert read == [(tmp_path / "file").read_bytes()]


def test_two_that_write_one_file(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as one:
        one.write("one")
        process = "from pathlib import Path; from joint_ie.graph.files import whole_file\n"
        process += f"with whole_file(Path({str(tmp_path / 'a')!r})) as file: file.write('the other')"
        subprocess.run([sys.executable, "-c", process], check=True)
        assert (tmp_path / "a").read_text() == "the other"
    assert (tmp_path / "a").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    with whole_file(tmp_path / "link") as file:
        file.write("one")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "one"


def test_a_dash_is_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    with whole_file(Path("-")) as file:
        file.write("one")
    assert capsys.readouterr().out == "one"
    assert not list(tmp_path.iterdir())


def test_formats_by_their_endings(tmp_path: Path) -> None:
    endings = {"a.TTL": "turtle", "b.nt": "ntriples", "c.jsonl": "jsonl", "d.jsonld": "jsonld", "e.graphml": "graphml"}
    assert {name: find_format(Path(name)).name for name in endings} == endings
    folders = (tmp_path, tmp_path / "new", Path("new/"))
    assert {find_format(folder).name for folder in folders} == {"csv"}
    assert find_format(Path("a.csv"), "csv").name == "csv"
    with pytest.raises(InputError, match=r'ex.csv: CSV is two files.*name a folder for them, such as "ex"'):
        find_format(Path("out/ex.csv"))
    assert find_format(Path("a.ttl"), "cypher").name == "cypher"
    with pytest.raises(InputError, match=r"a.txt: its ending.*--format: jsonl, csv"):
        find_format(Path("a.txt"))
    with pytest.raises(InputError, match='did you mean "turtle"'):
        find_format(Path("a"), "turtel")
