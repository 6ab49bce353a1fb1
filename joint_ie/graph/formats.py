"""All formats that a graph can be exported to, by name and by the ending of a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from joint_ie.errors import InputError, nearest
from joint_ie.graph.csv_files import EDGES, NODES, export_csv
from joint_ie.graph.cypher import export_cypher
from joint_ie.graph.files import whole_file
from joint_ie.graph.graphml import export_graphml
from joint_ie.graph.jsonl import export_jsonl
from joint_ie.graph.jsonld import write_jsonld
from joint_ie.graph.ntriples import write_ntriples
from joint_ie.graph.rdf import resources
from joint_ie.graph.store import GraphStore
from joint_ie.graph.turtle import write_turtle
from joint_ie.graph.vocabulary import Names


@dataclass(frozen=True)
class Format:
    """How to write a graph to a file (or folder); ``export`` returns how many ``unit`` it wrote."""

    name: str
    description: str
    endings: tuple[str, ...]
    export: Callable[[GraphStore, Path, Names], int]
    unit: str = "nodes and edges"


def _turtle(graph: GraphStore, target: Path, names: Names) -> int:
    with whole_file(target) as file:
        return write_turtle(resources(graph, names), names, file)


def _ntriples(graph: GraphStore, target: Path, names: Names) -> int:
    with whole_file(target) as file:
        return write_ntriples(resources(graph, names), file)


def _jsonld(graph: GraphStore, target: Path, names: Names) -> int:
    with whole_file(target) as file:
        return write_jsonld(resources(graph, names), names, file)


FORMATS = {
    form.name: form
    for form in (
        Format("jsonl", "JSON Lines, everything", (".jsonl", ".ndjson"), lambda g, t, _: export_jsonl(g, t)),
        Format("csv", "a folder of nodes.csv and edges.csv", (), lambda g, t, _: export_csv(g, t)),
        Format("graphml", "GraphML", (".graphml", ".xml"), lambda g, t, _: export_graphml(g, t)),
        Format("cypher", "Cypher MERGE statements", (".cypher", ".cql"), lambda g, t, _: export_cypher(g, t)),
        Format("turtle", "RDF as Turtle", (".ttl",), _turtle, "triples"),
        Format("ntriples", "RDF as N-Triples", (".nt",), _ntriples, "triples"),
        Format("jsonld", "RDF as JSON-LD", (".jsonld",), _jsonld, "triples"),
    )
}


def find_format(target: Path, name: str | None = None) -> Format:
    """The format of that name, else of the file's ending; a folder, or a name without an ending, is CSV."""
    if name is not None:
        if name not in FORMATS:
            raise InputError(f'format "{name}" is unknown{nearest(name, FORMATS)}; known are {", ".join(FORMATS)}')
        return FORMATS[name]
    if target.is_dir() or not target.suffix:
        return FORMATS["csv"]
    if target.suffix.lower() == ".csv":
        raise InputError(
            f'{target}: CSV is two files, {NODES} and {EDGES}; name a folder for them, such as "{target.stem}"'
        )
    for form in FORMATS.values():
        if target.suffix.lower() in form.endings:
            return form
    raise InputError(f"{target}: its ending names no format; give one with --format: {', '.join(FORMATS)}")
