"""A graph as JSON Lines: everything that it holds, a node (with its members) or an edge (with its provenance) a line.

Nodes come first. ``kind`` is ``node`` or ``edge``; the other keys are those of `Node`, `Member`, `Edge`, `Provenance`.
"""

import json
from pathlib import Path
from typing import Any

from joint_ie.graph.elements import Member
from joint_ie.graph.files import edge_record, node_record, whole_file
from joint_ie.graph.store import GraphStore


def export_jsonl(graph: GraphStore, target: Path) -> int:
    """Write all nodes and edges; returns how many lines."""
    count = 0
    with whole_file(target) as file:
        for node in graph.nodes():
            members = [_member(member) for member in graph.members(node.id)]
            file.write(_line({"kind": "node", **node_record(node), "members": members}))
            count += 1
        for edge in graph.edges():
            file.write(_line({"kind": "edge", **edge_record(edge)}))
            count += 1
    return count


def _member(member: Member) -> dict[str, Any]:
    return {
        "document": member.document,
        "entity": member.entity,
        "name": member.name,
        "mentions": [list(span) for span in member.mentions],
        "score": member.score,
    }


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
