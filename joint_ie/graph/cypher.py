r"""A graph as openCypher statements, for Neo4j, Memgraph and others: ``cypher-shell < graph.cypher``.

All are ``MERGE``, so that running the file again changes nothing. Nodes are ``(:Entity:PER {id: ...})``; the label of
a type has ``_`` for signs other than letters and digits, and the property ``type`` has it as it is. ``provenance`` is
JSON in a string. First comes an index, without which every ``MERGE`` would read all nodes: it is said as Neo4j has it,
replace that line for others.

Text stands in literals with every sign escaped that ends or changes them. A backslash before a ``u`` is written
``'\\' + 'u'``, because some parsers replace Unicode escapes before they look for the ends of literals.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from joint_ie.graph.elements import Edge, Node
from joint_ie.graph.files import property_label, provenance_records, whole_file
from joint_ie.graph.store import GraphStore

Value = str | int | float | tuple[str, ...] | None

_INDEX = "CREATE INDEX joint_ie_entity IF NOT EXISTS FOR (n:Entity) ON (n.id);\n"
_SPECIAL = {
    "\\u": "\\\\' + 'u",
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}
_ESCAPED = re.compile(r"\\u|[\\'\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def export_cypher(graph: GraphStore, target: Path) -> int:
    """Write a statement for every node and edge; returns how many."""
    count = 0
    with whole_file(target) as file:
        file.write(_INDEX)
        for node in graph.nodes():
            file.write(_node(node))
            count += 1
        for edge in graph.edges():
            file.write(_edge(edge))
            count += 1
    return count


def literal(value: Value) -> str:
    """A value as Cypher expression."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + _ESCAPED.sub(_escape, value) + "'"
    if isinstance(value, tuple):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


def _escape(found: re.Match[str]) -> str:
    return _SPECIAL.get(found[0]) or f"\\u{ord(found[0]):04X}"


def _node(node: Node) -> str:
    values: dict[str, Value] = {
        "name": node.name,
        "names": node.names,
        "type": node.type,
        "members": node.members,
        "documents": node.documents,
        "score": node.score,
        "concept": node.concept,
    }
    label = f"n:`{property_label(node.type)}`"
    return f"MERGE (n:Entity {{id: {literal(node.id)}}}) SET {label}, {_assignments('n', values)};\n"


def _edge(edge: Edge) -> str:
    values: dict[str, Value] = {
        "label": edge.label,
        "confidence": edge.confidence,
        "support": edge.support,
        "provenance": json.dumps(provenance_records(edge), ensure_ascii=False),
    }
    ends = f"MATCH (h:Entity {{id: {literal(edge.head)}}}), (t:Entity {{id: {literal(edge.tail)}}})"
    relation = f"[r:`{property_label(edge.type)}` {{type: {literal(edge.type)}}}]"
    return f"{ends} MERGE (h)-{relation}->(t) SET {_assignments('r', values)};\n"


def _assignments(variable: str, values: Mapping[str, Value]) -> str:
    return ", ".join(f"{variable}.{name} = {literal(value)}" for name, value in values.items())
