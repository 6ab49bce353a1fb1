"""A graph as GraphML (http://graphml.graphdrawing.org), which networkx, Gephi, yEd and Cytoscape read.

Lists (``names``, ``provenance``) are JSON in a string. Signs that XML 1.0 cannot hold (most control characters)
become U+FFFD. What is None is left out.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from joint_ie.graph.files import provenance_records, whole_file
from joint_ie.graph.store import GraphStore

_NODE = {
    "name": "string",
    "names": "string",
    "type": "string",
    "members": "long",
    "documents": "long",
    "score": "double",
    "concept": "string",
}
_EDGE = {"type": "string", "label": "string", "confidence": "double", "support": "long", "provenance": "string"}
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENTITIES = {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}  # what a parser would change otherwise


def export_graphml(graph: GraphStore, target: Path) -> int:
    """Write all nodes and edges; returns how many."""
    count = 0
    with whole_file(target) as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/'
            'xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'
        )
        for of, keys in (("node", _NODE), ("edge", _EDGE)):
            file.writelines(
                f'<key id="{of}-{name}" for="{of}" attr.name="{name}" attr.type="{kind}"/>\n'
                for name, kind in keys.items()
            )
        file.write('<graph edgedefault="directed">\n')
        for node in graph.nodes():
            names = json.dumps(node.names, ensure_ascii=False)
            counts = (node.members, node.documents, node.score, node.concept)
            data = _data("node", _NODE, (node.name, names, node.type, *counts))
            file.write(f'<node id="{_escaped(node.id)}">{data}</node>\n')
            count += 1
        for number, edge in enumerate(graph.edges()):
            provenance = json.dumps(provenance_records(edge), ensure_ascii=False)
            data = _data("edge", _EDGE, (edge.type, edge.label, edge.confidence, edge.support, provenance))
            ends = f'source="{_escaped(edge.head)}" target="{_escaped(edge.tail)}"'
            file.write(f'<edge id="e{number}" {ends}>{data}</edge>\n')
            count += 1
        file.write("</graph>\n</graphml>\n")
    return count


def _data(of: str, keys: Iterable[str], values: Iterable[Any]) -> str:
    return "".join(
        f'<data key="{of}-{key}">{_escaped(str(value))}</data>'
        for key, value in zip(keys, values, strict=True)
        if value is not None
    )


def _escaped(text: str) -> str:
    return escape(_ILLEGAL.sub("\ufffd", text), _ENTITIES)
