"""What the statements of all documents say together."""

import json
from collections.abc import Collection, Sequence
from math import prod
from typing import Any

from joint_ie.graph.elements import Edge, Provenance


def edge_of(head: str, type: str, tail: str, rows: Sequence[Any]) -> Edge:
    """One edge of its statements (label, score, document, head, tail, evidence kind, sentences)."""
    rows = sorted(rows, key=lambda row: row[2])  # stable: the statements of a document stay in their order
    labels: dict[str, int] = {}
    best: dict[str, float] = {}
    for label, score, document, *_ in rows:
        labels[label or type] = labels.get(label or type, 0) + 1
        if score is not None:
            best[document] = max(score, best.get(document, 0.0))
    provenance = tuple(
        Provenance(
            document,
            first,
            second,
            tuple((number, start, end) for number, start, end, _ in found),
            tuple(text for *_, text in found),
            score,
            kind,
        )
        for _, score, document, first, second, kind, sentences in rows
        for found in (json.loads(sentences),)
    )
    label = min(labels, key=lambda name: (-labels[name], -len(name), name))
    return Edge(head, type, tail, label, _confidence(best.values()), len({row[2] for row in rows}), provenance)


def _confidence(scores: Collection[float]) -> float | None:
    """See `Edge`; of one document its score as it is."""
    if len(scores) < 2:
        return next(iter(scores), None)
    return round(1 - prod(1 - score for score in scores), 12)  # 0.91, not 0.9099999999999999
