"""The graph of one file of documents in every format and in the store: do all of them hold the same nodes and edges?

python benchmarks/graph_counts.py PREDICTED.jsonl -o FOLDER

Every file is read by a library that knows nothing of how it was written, and must give the ids of the same nodes, the
same edges (head, type, tail), none of them twice, and the same facts of single documents (document, head, type, tail)
as the graph's own file. Then one query, "people and where they were born, with the sentence", is asked of the store
and, by rdflib, of the Turtle file. The exit status is 1 where anything differs.
"""

import argparse
import csv
import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from joint_ie.cli.main import main as joint_ie
from joint_ie.graph import GraphStore

BASE = "https://joint-ie.invalid/"
WIKIDATA = "http://www.wikidata.org/prop/direct/"
PREFIXES = """
PREFIX ie: <https://joint-ie.invalid/vocabulary#>
PREFIX wdt: <http://www.wikidata.org/prop/direct/>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#>
"""
BORN = f"""{PREFIXES}
SELECT ?person ?place ?document ?sentence WHERE {{
  ?statement rdf:predicate wdt:P19 ; rdf:subject ?p ; rdf:object ?q ; prov:wasDerivedFrom ?s .
  ?p a <{BASE}type/PER> ; rdfs:label ?person .
  ?q rdfs:label ?place .
  ?s nif:anchorOf ?sentence ; nif:referenceContext/dcterms:identifier ?document .
}}"""
NODES = f"{PREFIXES} SELECT ?id {{ ?id a ie:Entity }}"
EDGES = f"{PREFIXES} SELECT ?h ?r ?t {{ ?s a rdf:Statement ; rdf:subject ?h ; rdf:predicate ?r ; rdf:object ?t }}"
ABOUT = f"{PREFIXES} SELECT ?h ?r ?t {{ ?h a ie:Entity ; ?r ?t }}"
FACTS = f"{PREFIXES} SELECT ?x {{ ?s ie:extraction ?x . ?x a ie:Extraction }}"
FORMATS = ("jsonl", "csv", "graphml", "cypher", "turtle", "ntriples", "jsonld")

Edge = tuple[str, str, str]
Fact = tuple[str, int, str, int]  # document, head, type, tail; the ends are positions of entities in it


@dataclass
class Found:
    """What a reader found."""

    nodes: list[str] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def add(self, head: str, type: str, tail: str, provenance: Iterable[dict[str, Any]]) -> None:
        """One edge, with its provenance as most formats have it."""
        self.edges.append((head, type, tail))
        self.facts += ((origin["document"], origin["head"], type, origin["tail"]) for origin in provenance)

    def ordered(self) -> tuple[list[str], list[Edge], list[Fact]]:
        """To compare; an edge of a document may be said twice, which RDF holds once."""
        return sorted(self.nodes), sorted(self.edges), sorted(set(self.facts))


def by_json(path: Path) -> Found:
    found = Found()
    with path.open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            if line["kind"] == "node":
                found.nodes.append(line["id"])
            else:
                found.add(line["head"], line["type"], line["tail"], line["provenance"])
    return found


def by_csv(path: Path) -> Found:
    found = Found()
    csv.field_size_limit(2**30)
    for name in ("nodes", "edges"):
        with (path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                if name == "nodes":
                    found.nodes.append(row["id:ID"])
                else:
                    found.add(row[":START_ID"], row["type"], row[":END_ID"], json.loads(row["provenance"]))
    return found


def by_networkx(path: Path) -> Found:
    import networkx

    read = networkx.read_graphml(path, force_multigraph=True)
    found = Found(list(read.nodes))
    for head, tail, values in read.edges(data=True):
        found.add(head, values["type"], tail, json.loads(values["provenance"]))
    return found


def by_cypher_parser(path: Path) -> Found:
    """Every statement but the first, which makes Neo4j's index; a parse tree each."""
    import antlr4
    from antlr4_cypher import CypherLexer, CypherParser

    found = Found()
    for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n")[1:]:
        parser = CypherParser(antlr4.CommonTokenStream(CypherLexer(antlr4.InputStream(line))))
        tree = parser.script()
        if parser.getNumberOfSyntaxErrors():
            raise SystemExit(f"{path}: is not Cypher: {line[:200]}")
        # What patterns ask for (the id of a node; of an edge both ids and its type), and properties that are set
        matched = [_value(pair.expression()) for pair in _all(tree, CypherParser.MapPairContext)]
        sets = {
            item.propertyExpression().getText().strip(): item.expression()
            for item in _all(tree, CypherParser.SetItemContext)
            if item.expression()
        }
        if "n.name" in sets:
            found.nodes += matched
        else:
            head, tail, type = matched
            found.add(head, type, tail, json.loads(_value(sets["r.provenance"])))
    return found


def _all(tree: Any, kind: type) -> Iterable[Any]:
    if isinstance(tree, kind):
        yield tree
    for i in range(tree.getChildCount()):
        yield from _all(tree.getChild(i), kind)


_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_SIGNS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def _value(expression: Any) -> str:
    """The text that literals joined by ``+`` stand for."""
    return "".join(
        _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _SIGNS.get(m[2], m[2]), literal)
        for literal in _LITERAL.findall(expression.getText())
    )


def by_sparql(ask: Callable[[str], Iterable[tuple[str, ...]]]) -> Found:
    """Statements are the edges; the plain triples between entities must be the same."""
    entities = {iri for (iri,) in ask(NODES)}
    found = Found(list(map(_last, entities)), [(_last(h), _last(r), _last(t)) for h, r, t in ask(EDGES)])
    plain = sorted((_last(h), _last(r), _last(t)) for h, r, t in ask(ABOUT) if t in entities)
    if plain != sorted(found.edges):
        raise SystemExit(f"{len(plain)} triples between entities, but {len(found.edges)} statements about them")
    for (iri,) in ask(FACTS):
        document, head, type, tail = map(unquote, iri.removeprefix(f"{BASE}extraction/").split("/"))
        found.facts.append((document, int(head), type, int(tail)))
    return found


def _last(iri: str) -> str:
    """The id in an IRI, whose parts are percent-encoded."""
    return unquote(iri.removeprefix(WIKIDATA).rsplit("/", 1)[-1])


def by_rdflib(path: Path, form: str) -> tuple[Found, list[tuple[str, ...]]]:
    """All that is in the file, and the answer to the query."""
    import rdflib

    graph = rdflib.Graph().parse(path, format=form)

    def ask(query: str) -> Iterable[tuple[str, ...]]:
        return [tuple(map(str, row)) for row in graph.query(query)]

    return by_sparql(ask), sorted(ask(BORN))


def by_oxigraph(path: Path) -> tuple[Found, list[tuple[str, ...]]]:
    """The same of the store."""
    import pyoxigraph

    store = pyoxigraph.Store.read_only(str(path))

    def ask(query: str) -> Iterable[tuple[str, ...]]:
        return [tuple(term.value for term in row) for row in store.query(query)]

    return by_sparql(ask), sorted(ask(BORN))


def own(path: Path) -> Found:
    """What the graph's own file says."""
    with GraphStore.open(path) as graph:
        found = Found([node.id for node in graph.nodes()])
        for edge in graph.edges():
            origins = ({"document": p.document, "head": p.head, "tail": p.tail} for p in edge.provenance)
            found.add(edge.head, edge.type, edge.tail, origins)
        counts = graph.counts()
    if (counts.nodes, counts.edges, counts.statements) != (len(found.nodes), len(found.edges), len(found.facts)):
        raise SystemExit(f"{path}: its counts are not those of what it gives: {counts}")
    return found


def run(*command: str | Path) -> None:
    """A command of joint-ie."""
    if joint_ie(["--quiet", *map(str, command)]):
        raise SystemExit(f"joint-ie {' '.join(map(str, command))} failed")


def main() -> int:
    """Print a table; 0 if everything agrees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path, help="JSON Lines, as joint-ie extract and evaluate write them")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for all files; a new one")
    arguments = parser.parse_args()
    folder = arguments.output
    folder.mkdir(parents=True)
    graph = folder / "graph"
    files = {form: folder / f"exported-{form}" for form in FORMATS}
    run("graph", "build", arguments.documents, "-o", graph)
    for form, path in files.items():
        run("graph", "export", graph, "-o", path, "--format", form)
    run("graph", "load", graph, folder / "store")

    expected = own(graph)
    answers: dict[str, list[tuple[str, ...]]] = {}

    def rdflib(form: str) -> Callable[[Path], Found]:
        def read(path: Path) -> Found:
            found, answers[path.name] = by_rdflib(path, form)
            return found

        return read

    def oxigraph(path: Path) -> Found:
        found, answers[path.name] = by_oxigraph(path)
        return found

    readers: list[tuple[Path, str, Callable[[Path], Found]]] = [
        (graph, "joint_ie.graph", own),
        (files["jsonl"], "json", by_json),
        (files["csv"], "csv", by_csv),
        (files["graphml"], "networkx", by_networkx),
        (files["turtle"], "rdflib", rdflib("turtle")),
        (files["ntriples"], "rdflib", rdflib("nt")),
        (files["jsonld"], "rdflib", rdflib("json-ld")),
        (folder / "store", "pyoxigraph", oxigraph),
        (files["cypher"], "antlr4-cypher", by_cypher_parser),
    ]
    wrong = 0
    print("| file | read by | nodes | edges | facts of documents | the same ones | s |\n|---|---|---|---|---|---|---|")
    for path, reader, read in readers:
        start = time.monotonic()
        found = read(path)
        same = found.ordered() == expected.ordered()
        wrong += not same
        counts = " | ".join(f"{number:,}" for number in map(len, (found.nodes, found.edges, set(found.facts))))
        seconds = time.monotonic() - start
        print(f"| {path.name} | {reader} | {counts} | {'yes' if same else 'NO'} | {seconds:.0f} |", flush=True)
    rows = answers["store"]
    for name, other in answers.items():
        same = other == rows
        wrong += not same
        print(f"people and where they were born: {name} {len(other):,} rows, {'the same' if same else 'NOT the same'}")
    print(*(" → ".join(row[:2]) + f" ({row[2]}): {row[3]}" for row in rows[:3]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
