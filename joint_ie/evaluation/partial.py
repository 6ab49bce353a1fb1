"""Partial credit, end to end: entities that share half of their mentions, or any.

No published scorer stands behind this; the rules are `count`'s.
"""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from joint_ie.document import Document, Span
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally

Cluster = frozenset[Span]
Item = tuple[str, Cluster]
"""The type of an entity, empty where types are ignored, and its spans."""
Share = Callable[[Cluster, Cluster], bool]


def share_half(one: Cluster, other: Cluster) -> bool:
    """At least half of the mentions of each (so of the larger one) are mentions of the other."""
    return 2 * len(one & other) >= max(len(one), len(other))


def share_any(one: Cluster, other: Cluster) -> bool:
    """At least one mention is a mention of both."""
    return not one.isdisjoint(other)


def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
    """As strict set matching (`joint_ie.evaluation.jerex`), but clusters need only be alike.

    Clusters are alike by `share_half` or by `share_any`, whose names end the names of the measures. Entities are
    alike if their clusters are and they have the same type. Relations are alike if they have the same type, their
    heads are alike and their tails are, and none or both are relations of a cluster with itself; types of heads and
    tails count in ``relations_strict`` only. Repeats inside a document count once.

    Right is the size of the largest set of pairs of alike items in which no item is in two pairs. So nothing counts
    twice: of two halves of a split entity, or two gold entities that were merged, one is right. Ties do not matter,
    because it counts how many pairs there are, and not which. For that reason relations are paired off as such,
    not by way of one pairing of entities, which would have to prefer one of two equal halves.
    """
    tallies: dict[Row, Tally] = {}
    for name, share in (("half", share_half), ("any", share_any)):
        facts_alike = partial(_facts_alike, share=share)
        tallies |= _paired_off(f"clusters_{name}", _entities(gold, False), _entities(predicted, False), share)
        tallies |= _paired_off(f"entities_{name}", _entities(gold, True), _entities(predicted, True), share)
        if gold.relations is not None:
            for measure, typed in ((f"relations_{name}", False), (f"relations_strict_{name}", True)):
                tallies |= _paired_off(measure, _facts(gold, typed), _facts(predicted, typed), facts_alike)
    return tallies


def _items(document: Document, typed: bool) -> list[Item]:
    return [
        (entity.type if typed else "", frozenset(mention.span for mention in entity.mentions))
        for entity in document.entities
    ]


def _entities(document: Document, typed: bool) -> set[Item]:
    return set(_items(document, typed))


def _facts(document: Document, typed: bool) -> set[tuple[str, tuple[Item, Item]]]:
    ends = _items(document, typed)
    return {(relation.type, (ends[relation.head], ends[relation.tail])) for relation in document.relations or ()}


def _facts_alike(one: tuple[Item, Item], other: tuple[Item, Item], share: Share) -> bool:
    (head, tail), (other_head, other_tail) = one, other
    ends_alike = _ends_alike(head, other_head, share) and _ends_alike(tail, other_tail, share)
    return ends_alike and (head == tail) == (other_head == other_tail)


def _ends_alike(one: Item, other: Item, share: Share) -> bool:
    return one[0] == other[0] and share(one[1], other[1])


def _paired_off(
    measure: str,
    gold: Set[tuple[str, Any]],
    predicted: Set[tuple[str, Any]],
    alike: Callable[[Any, Any], bool],
) -> dict[Row, Tally]:
    """Tallies of (label, item) pairs by label; those of different labels are never alike."""
    references, predictions = list(gold), list(predicted)
    right = Counter(
        references[i][0]
        for i in _largest_matching(
            [[label == other and alike(a, b) for other, b in predictions] for label, a in references]
        )
    )
    wanted, found = Counter(label for label, _ in references), Counter(label for label, _ in predictions)
    return {
        (measure, label): Tally(right[label], found[label], right[label], wanted[label])
        for label in sorted({*wanted, *found})
    }


def _largest_matching(alike: Sequence[Sequence[bool]]) -> list[int]:
    """The rows of a largest one-to-one matching of rows with columns that they are alike."""
    if not alike or not alike[0]:
        return []
    matched = maximum_bipartite_matching(csr_array(np.array(alike)), perm_type="row")
    return [int(row) for row in matched if row >= 0]


PARTIAL = Protocol(
    name="partial",
    mode="end-to-end",
    description="Partial credit: entities that share at least half of their mentions, or any, paired one to one",
    measures=tuple(
        f"{items}_{name}"
        for name in ("half", "any")
        for items in ("clusters", "entities", "relations", "relations_strict")
    ),
    count=count,
    labels={
        f"{items}_{name}": None for name in ("half", "any") for items in ("entities", "relations", "relations_strict")
    },
)
