"""Infer-F1: facts that follow from two others (GAIN, Zeng et al. 2020, section 4.5; golden README 3)."""

from collections import defaultdict
from collections.abc import Set

from joint_ie.document import Document
from joint_ie.evaluation.gold_facts import Fact, Pair, facts
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally


def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
    """Gold are the facts on pairs that take part in a gold triangle, under three readings of what is predicted.

    **No public code computes this score.** The paper says that gold facts r1, r2 and r3 count where e_h -r1-> e_o
    -r2-> e_t and e_h -r3-> e_t hold; taken here with three different entities and all relations on their three pairs.
    It does not say which predictions count, and published numbers do not settle it:

    - ``infer_gold_filter`` (the default): all of them, so that its precision is low for everyone;
    - ``infer_pair_filter``: those on the pairs of gold triangles;
    - ``infer_self_filter``: those on pairs that form triangles among the predictions.
    """
    if gold.relations is None:
        return {}
    wanted, found = facts(gold).keys(), facts(predicted, gold).keys()
    asked = triangle_pairs({fact[:2] for fact in wanted})
    formed = triangle_pairs({fact[:2] for fact in found})
    inferred = _on(wanted, asked)
    return {
        ("infer_gold_filter", ""): Tally.of_sets(inferred, found),
        ("infer_pair_filter", ""): Tally.of_sets(inferred, _on(found, asked)),
        ("infer_self_filter", ""): Tally.of_sets(inferred, _on(found, formed)),
    }


def triangle_pairs(pairs: Set[Pair]) -> set[Pair]:
    """The pairs (h, o), (o, t) and (h, t) of all three different entities for which all three are in ``pairs``."""
    tails: dict[int, set[int]] = defaultdict(set)
    for head, tail in pairs:
        if head != tail:
            tails[head].add(tail)
    return {
        pair
        for head, tail in pairs
        if head != tail
        for other in tails[head]
        if tail in tails.get(other, ())
        for pair in ((head, other), (other, tail), (head, tail))
    }


def _on(listed: Set[Fact], pairs: Set[Pair]) -> set[Fact]:
    return {fact for fact in listed if fact[:2] in pairs}


INFERENCE = Protocol(
    name="infer",
    mode="gold-entities",
    description="Facts that two other facts imply; no public code exists, three readings of its definition",
    measures=("infer_gold_filter", "infer_pair_filter", "infer_self_filter"),
    count=count,
)
