"""From documents to one graph, which keeps where everything in it comes from.

`GraphStore` is the graph, one SQLite file; exporters read it as streams of `Node`, `Edge` and `Member`.
"""

from joint_ie.graph.elements import Added, Edge, GraphCounts, Member, Node, Provenance
from joint_ie.graph.merging import MergeRule
from joint_ie.graph.store import GraphStore

__all__ = ["Added", "Edge", "GraphCounts", "GraphStore", "Member", "MergeRule", "Node", "Provenance"]
