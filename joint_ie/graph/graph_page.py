"""A graph of many documents as one HTML file: search a node, see it with its neighbours and where an edge is said.

As with `joint_ie.graph.document_page`, the file needs nothing else, loads nothing and sends nothing, and what comes
from documents gets onto the page as text only. The whole graph is in the file, up to a limit. A part of it is drawn:
the nodes that the reader opened, each with its most supported neighbours (``page/graph_drawing.js`` says how many).
"""

import heapq
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from unicodedata import category

from joint_ie.colours import hues
from joint_ie.errors import check_range
from joint_ie.graph.elements import Edge, Node, Provenance
from joint_ie.graph.store import GraphStore
from joint_ie.html import SHARED_SCRIPT, as_html, as_json, fill, inline, javascript_offsets, page_part

LIMIT = 20_000  # edges: a file of some megabytes, which opens and is searched without a wait
ORIGINS = 20  # of an edge are in the page, those with the best scores
_EMPTY = '<p class="note">There is nothing in this graph: no entity was found in any document of it.</p>\n'
_STATIC = 200  # edges that are read where JavaScript is off
_STYLES = ("page.css", "graph_page.css")
_SCRIPTS = (
    "common.js",
    "drawing.js",
    "labels.js",
    "graph_data.js",
    "graph_drawing.js",
    "graph_lists.js",
    "graph_start.js",
)


@dataclass(frozen=True)
class GraphPage:
    """The page as text, to be saved as UTF-8, and how much is in it and left out."""

    html: str
    nodes: int
    edges: int
    nodes_left_out: int
    edges_left_out: int


@dataclass(frozen=True)
class _Ranked:
    """An edge with its best origins, and how many origins it has beside them."""

    edge: Edge
    more: int


def graph_page(graph: GraphStore, title: str, limit: int = LIMIT) -> GraphPage:
    """The page of at most ``limit`` edges, those in most documents first (then by confidence), and their ends.

    Other nodes, those of most documents first, come along until there are ``limit`` nodes in all.
    """
    check_range("limit", limit, 1)
    style, script = "".join(map(_part, _STYLES)), SHARED_SCRIPT + "".join(map(_part, _SCRIPTS))
    library = _part("vendor", "cytoscape.min.js")
    data = graph_data(graph, title, limit)
    parts = {
        "TITLE": as_html(title),
        "TEXTS": "".join(_static(data)),
        "EMPTY": "" if data["nodes"] else _EMPTY,
        "DATA": as_json(data),
    }
    left = data["leftOut"]
    html = fill(_part("graph_page.html"), inline(STYLE=style, SCRIPT=script, LIBRARY=library) | parts)
    return GraphPage(html, len(data["nodes"]), len(data["edges"]), left["nodes"], left["edges"])


def graph_data(graph: GraphStore, title: str, limit: int) -> dict[str, Any]:
    """What the script shows. Lists, because the names of fields would be half of the file:

    - ``nodes``: ``[place in types, name, other names, entities, documents, id, concept]``, the best connected first;
      of names that look the same, one;
    - ``edges``: ``[head, place in relations, tail, confidence, documents, origins, origins left out]``, in order of
      support; an origin is ``[place in documents, score, place in kinds, places in sentences...]``;
    - ``sentences``: ``[place in documents, text, node, start, end, node, start, end...]``: where nodes stand in them,
      as JavaScript counts characters;
    - ``types`` of nodes, with their ``hues``, and ``relations`` (``[id, label]``), the most frequent first.
    """
    ranked = heapq.nsmallest(limit, map(_trimmed, graph.edges()), key=_rank)
    edges = [item.edge for item in ranked]
    degree = Counter(end for edge in edges for end in {edge.head, edge.tail})
    others = max(limit - len(degree), 0)
    nodes = [node for node in graph.nodes() if node.id in degree]
    nodes += heapq.nsmallest(
        others, (node for node in graph.nodes() if node.id not in degree), key=lambda n: (-n.documents, n.id)
    )
    nodes.sort(key=lambda node: (-degree[node.id], -node.documents, node.id))
    places = {node.id: place for place, node in enumerate(nodes)}
    types = _by_frequency(node.type for node in nodes)
    relations = _by_frequency((edge.type, edge.label) for edge in edges)
    documents = _by_frequency(origin.document for edge in edges for origin in edge.provenance)
    kinds = _by_frequency(origin.evidence_kind or "" for edge in edges for origin in edge.provenance)
    sentences: dict[tuple[str, int], int] = {}
    records = [
        [
            places[edge.head],
            relations[edge.type, edge.label],
            places[edge.tail],
            _rounded(edge.confidence),
            edge.support,
            [
                [
                    documents[origin.document],
                    _rounded(origin.score),
                    kinds[origin.evidence_kind or ""],
                    *(
                        sentences.setdefault((origin.document, number), len(sentences))
                        for number, *_ in origin.sentences
                    ),
                ]
                for origin in edge.provenance
            ],
            item.more,
        ]
        for item in ranked
        for edge in (item.edge,)
    ]
    counts = graph.counts()
    colours = hues(types)
    return {
        "title": title,
        "counts": {"documents": counts.documents, "nodes": counts.nodes, "edges": counts.edges},
        "leftOut": {"nodes": counts.nodes - len(nodes), "edges": counts.edges - len(edges)},
        "types": list(types),
        "hues": [colours[type] for type in types],
        "relations": [list(relation) for relation in relations],
        "documents": list(documents),
        "kinds": list(kinds),
        "sentences": _sentences(graph, edges, places, documents, sentences),
        "nodes": [_node(node, types) for node in nodes],
        "edges": records,
    }


def _trimmed(edge: Edge) -> _Ranked:
    """With the best origins only, so that not every sentence about the best known facts is kept."""
    best = sorted(edge.provenance, key=lambda origin: -_weight(origin.score))[:ORIGINS]
    return _Ranked(replace(edge, provenance=tuple(best)), len(edge.provenance) - len(best))


def _rank(item: _Ranked) -> tuple[Any, ...]:
    edge = item.edge
    return -edge.support, -_weight(edge.confidence), edge.head, edge.type, edge.tail


def _weight(score: float | None) -> float:
    """Without a score, people said it."""
    return 1.0 if score is None else score


def _by_frequency(items: Iterable[Any]) -> dict[Any, int]:
    """The place of each of the items, the most frequent first."""
    counts = Counter(items)
    return {item: place for place, item in enumerate(sorted(counts, key=lambda item: (-counts[item], item)))}


def _sentences(
    graph: GraphStore,
    edges: Iterable[Edge],
    places: Mapping[str, int],
    documents: Mapping[str, int],
    sentences: Mapping[tuple[str, int], int],
) -> list[list[Any]]:
    """The sentences with the mentions of all nodes of the page in them."""
    spans: dict[tuple[str, int], tuple[int, int, str]] = {}
    for edge in edges:
        for origin in edge.provenance:
            spans.update(_spans(origin))
    starts: dict[str, list[tuple[int, int]]] = {}  # of the sentences of a document: first character, number
    for (document, number), (start, *_) in spans.items():
        starts.setdefault(document, []).append((start, number))
    for found in starts.values():
        found.sort()
    mentions: dict[tuple[str, int], list[tuple[int, int, int]]] = {key: [] for key in spans}
    for id, place in places.items():
        for member in graph.members(id):
            own = starts.get(member.document, [])
            for first, last in member.mentions:
                at = bisect_left(own, (first + 1,)) - 1
                if at >= 0:
                    mentions[member.document, own[at][1]].append((first, last, place))
    records = []
    for key in sentences:
        start, end, text = spans[key]
        offset = javascript_offsets(text)
        record = [documents[key[0]], text]
        for first, last, place in sorted(mentions[key]):
            if first < end:  # a mention may go on in the next sentence
                record += (place, offset(first - start), offset(min(last, end) - start))
        records.append(record)
    return records


def _spans(origin: Provenance) -> Iterator[tuple[tuple[str, int], tuple[int, int, str]]]:
    for (number, start, end), text in zip(origin.sentences, origin.texts, strict=True):
        yield (origin.document, number), (start, end, text)


def _node(node: Node, types: Mapping[str, int]) -> list[Any]:
    names: dict[str, str] = {}
    for name in (node.name, *node.names):
        names.setdefault(_looks(name), name)
    _, *others = names.values()
    return [types[node.type], node.name, others, node.members, node.documents, node.id, node.concept]


def _looks(name: str) -> str:
    """Without what a reader cannot see: kinds and lengths of white space, and invisible characters."""
    return " ".join("".join(sign for sign in name if sign.isspace() or category(sign) not in ("Cc", "Cf")).split())


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _static(data: Mapping[str, Any]) -> Iterator[str]:
    """What is read where JavaScript is off: the first edges."""
    for head, relation, tail, _, support, *_ in data["edges"][:_STATIC]:
        names = [data["nodes"][head][1], data["relations"][relation][1], data["nodes"][tail][1]]
        yield f"<li>{as_html(' → '.join(names))} ({support:,})</li>\n"


def _part(*path: str) -> str:
    return page_part("joint_ie.graph", *path)
