"""A graph as ``nodes.csv`` and ``edges.csv``, which Neo4j's import and pandas both read.

The headers are those of ``neo4j-admin database import`` (Operations Manual, CSV header format)::

    neo4j-admin database import full --nodes=nodes.csv --relationships=edges.csv --multiline-fields=true

Lists (``names``, ``provenance``) are JSON in a text column, because Neo4j's own lists cannot hold their delimiter.
``:LABEL`` and ``:TYPE`` are types with signs other than letters and digits as ``_``; ``type`` has them as they are.
What is None is an empty field. The null character, at which many readers stop, becomes U+FFFD.
"""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from joint_ie.errors import InputError
from joint_ie.graph.files import property_label, provenance_records, whole_file
from joint_ie.graph.store import GraphStore

NODES, EDGES = "nodes.csv", "edges.csv"
NODE_COLUMNS = (
    "id:ID",
    "name",
    "names",
    "type",
    "members:int",
    "documents:int",
    "score:double",
    "concept",
    ":LABEL",
)
EDGE_COLUMNS = (
    ":START_ID",
    ":END_ID",
    ":TYPE",
    "type",
    "label",
    "confidence:double",
    "support:int",
    "provenance",
)


def export_csv(graph: GraphStore, target: Path) -> int:
    """Write both files into the folder ``target``; returns how many nodes and edges."""
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: is a file; name a folder for {NODES} and {EDGES}")
    with whole_file(target / NODES) as nodes, whole_file(target / EDGES) as edges:
        return _write(nodes, NODE_COLUMNS, _nodes(graph)) + _write(edges, EDGE_COLUMNS, _edges(graph))


def _nodes(graph: GraphStore) -> Iterable[tuple[Any, ...]]:
    for node in graph.nodes():
        labels = f"Entity;{property_label(node.type)}"
        counts = (node.members, node.documents, node.score, node.concept)
        yield node.id, node.name, json.dumps(node.names, ensure_ascii=False), node.type, *counts, labels


def _edges(graph: GraphStore) -> Iterable[tuple[Any, ...]]:
    for edge in graph.edges():
        provenance = json.dumps(provenance_records(edge), ensure_ascii=False)
        types = (property_label(edge.type), edge.type, edge.label)
        yield edge.head, edge.tail, *types, edge.confidence, edge.support, provenance


def _write(file: Any, columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row])
        count += 1
    return count
