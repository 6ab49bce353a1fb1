"""Scores of frequent and rare relations, with gold entities (golden joint_and_scoring README 3)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation.gold_facts import facts
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally, by_label

Groups = Mapping[str, Sequence[str]]
"""The relation ids of every group; groups may overlap."""

# DocRED's 96 relations by the least number of training facts that they have in the original DocRED.
_BANDS = {
    500: "P17 P19 P27 P131 P150 P161 P175 P264 P361 P495 P527 P569 P570 P577",
    200: "P6 P20 P22 P26 P30 P40 P50 P54 P57 P69 P102 P127 P159 P170 P178 P400 P463 P571 P607 P1001 P1344 P1441 P3373",
    100: "P31 P35 P37 P58 P108 P112 P118 P123 P136 P140 P155 P156 P162 P166 P179 P194 P206 P241 P276 P449 P580 P674 "
    "P706 P710 P800 P937 P1412",
    0: "P25 P36 P39 P86 P137 P171 P172 P176 P190 P205 P272 P279 P355 P364 P403 P488 P551 P576 P582 P585 P676 P737 "
    "P740 P749 P807 P840 P1056 P1198 P1336 P1365 P1366 P1376",
}
_FREQUENT = ("P17", "P131", "P27", "P150", "P175", "P577", "P463", "P527", "P495", "P361")

DOCRED_RELATIONS = tuple(relation for band in _BANDS.values() for relation in band.split())
"""DocRED's 96 relations, the frequent ones first."""


def _fewer_than(limit: int) -> tuple[str, ...]:
    return tuple(relation for least, band in _BANDS.items() if least < limit for relation in band.split())


DOCRED_GROUPS: Groups = {
    "at_least_500": tuple(_BANDS[500].split()),
    "fewer_than_500": _fewer_than(500),
    "fewer_than_200": _fewer_than(200),
    "fewer_than_100": _fewer_than(100),
    "frequent": _FREQUENT,
    "long_tail": tuple(relation for relation in DOCRED_RELATIONS if relation not in _FREQUENT),
}
"""The groups of DocRED papers: by training facts in the original DocRED (Co-Occur), Re-DocRED's ten frequent ones."""


def relation_counts(documents: Iterable[Document]) -> Counter[str]:
    """In how many different facts (document, head, tail) of a training corpus each relation is."""
    return Counter(relation for document in documents for _, _, relation in facts(document))


def head_and_tail(
    counts: Mapping[str, int], relations: Sequence[str] = DOCRED_RELATIONS, head: int = 10, tail: int = 20
) -> Groups:
    """The most frequent, the rarest and the other relations by their ``counts`` in training (PEMSCL).

    Of two that are equally frequent the smaller id ranks first (P9 before P10). The paper speaks of 70 relations in
    the middle, but 96 - 10 - 20 are 66.
    """
    if head < 0 or tail < 0 or head + tail > len(relations):
        raise InputError(
            f"a head of {head} and a tail of {tail} do not fit in {len(relations)} relations; use smaller ones"
        )
    ranked = sorted(relations, key=lambda relation: (-counts.get(relation, 0), len(relation), relation))
    last = len(ranked) - tail
    return {"head_group": ranked[:head], "mid_group": ranked[head:last], "tail_group": ranked[last:]}


def relation_groups(groups: Groups = DOCRED_GROUPS, relations: Sequence[str] = DOCRED_RELATIONS) -> Protocol:
    """Micro and macro scores over all ``relations`` and inside every group.

    Macro scores average over all relations of the schema or group, those without any fact counting 0. Facts of a
    relation that is in no group count in ``relations`` only.
    """
    measures: dict[str, tuple[str, ...]] = {"relations": tuple(relations)}
    for name, group in groups.items():
        unknown = sorted(set(group) - set(relations))
        if unknown:
            raise InputError(f'group "{name}" has {", ".join(unknown)}, which is not in the schema; correct the group')
        if group:  # without any label there is nothing to average over
            measures[name] = tuple(group)
    members = {name: frozenset(group) for name, group in groups.items()}

    def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
        if gold.relations is None:
            return {}
        tallies = by_label("relations", _labelled(gold, gold), _labelled(predicted, gold))
        inside = {
            (name, relation): tally
            for (_, relation), tally in tallies.items()
            for name, group in members.items()
            if relation in group
        }
        return tallies | inside

    return Protocol(
        name="relation-groups",
        mode="gold-entities",
        description="Facts of frequent and of rare relations, and macro averages over them",
        measures=tuple(measures),
        count=count,
        labels=measures,
    )


def _labelled(document: Document, gold: Document) -> set[tuple[str, tuple[int, int]]]:
    return {(relation, (head, tail)) for head, tail, relation in facts(document, gold)}
