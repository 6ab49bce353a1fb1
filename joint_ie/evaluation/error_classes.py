"""Which class of error every relation falls into, with gold entities (KD-DocRE, Tan et al. 2022, table 7).

The table crosses "related" and "not related" of gold with those of the prediction. Its numbers say what they count:
correct, wrong and spurious add up to the predicted facts (8,273 of 12,329 give the paper's precision of 67.10 %),
while correct, wrong and missed add up to 12,276, some 47 less than the gold facts (its recall is 67.13 %). So a wrong
one is a *predicted* fact whose pair is related in gold, but not in this way, and a missed one a gold fact on whose pair
nothing was predicted. A gold fact that was not predicted although others were on its pair is in none of the table's
four classes: it is counted here as "wrong" on the gold side, so that either side adds up to all of its facts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from joint_ie.document import Document, Span

STAGES = ("no_mention", "some_mentions", "clusters", "types")
"""End-to-end classes of facts whose entities are not right, in the order of `lost_relations`."""

GOLD_CLASSES = ("correct", *STAGES, "wrong", "missed")
PREDICTED_CLASSES = ("correct", *STAGES, "wrong", "spurious")


class End(NamedTuple):
    """The head or tail of a fact: ``key`` and ``spans`` together say which entity it is.

    With gold entities the key is the entity's position, end-to-end its type.
    """

    key: int | str
    spans: frozenset[Span]


class Fact(NamedTuple):
    """A relation as it is scored: repeats in a document are one fact."""

    type: str
    head: End
    tail: End

    @property
    def pair(self) -> tuple[End, End]:
        """Head and tail."""
        return self.head, self.tail


@dataclass(frozen=True)
class Judged:
    """Every fact of a document with its class, one of `GOLD_CLASSES` or `PREDICTED_CLASSES`.

    ``gold_listed`` and ``predicted_listed`` hold the fact of every relation of the document, repeats included; facts
    that are not scored (nobody annotated the document with relations, or did not ask about the pair) have no class.
    """

    gold: Mapping[Fact, str]
    predicted: Mapping[Fact, str]
    gold_listed: tuple[Fact, ...]
    predicted_listed: tuple[Fact, ...]


def judge_gold_entities(gold: Document, predicted: Document) -> Judged:
    """Classes of the facts of two documents that share their entities, which are paired by position.

    Facts on pairs that are not among gold's ``candidates``, if it has any, are not scored.
    """
    ends = [End(i, frozenset(m.span for m in entity.mentions)) for i, entity in enumerate(gold.entities)]
    gold_listed, predicted_listed = listed(gold, ends), listed(predicted, ends)
    if gold.relations is None:
        return Judged({}, {}, gold_listed, predicted_listed)
    asked = None if gold.candidates is None else {(ends[head], ends[tail]) for head, tail in gold.candidates}
    wanted = [fact for fact in gold_listed if asked is None or fact.pair in asked]
    found = [fact for fact in predicted_listed if asked is None or fact.pair in asked]
    return Judged(gold_classes(wanted, found), predicted_classes(wanted, found), gold_listed, predicted_listed)


def listed(document: Document, ends: Sequence[End]) -> tuple[Fact, ...]:
    """The facts of a document's relations, as they are listed; ``ends`` has one for every entity."""
    return tuple(Fact(r.type, ends[r.head], ends[r.tail]) for r in document.relations or ())


def gold_classes(gold: Collection[Fact], predicted: Collection[Fact]) -> dict[Fact, str]:
    """Correct; wrong if only other relations were predicted on the pair; missed if none was."""
    right, answered = set(predicted), {fact.pair for fact in predicted}
    return {fact: "correct" if fact in right else "wrong" if fact.pair in answered else "missed" for fact in gold}


def predicted_classes(gold: Collection[Fact], predicted: Collection[Fact]) -> dict[Fact, str]:
    """Correct; wrong if the pair has only other relations in gold; spurious if it has none."""
    right, related = set(gold), {fact.pair for fact in gold}
    return {fact: "correct" if fact in right else "wrong" if fact.pair in related else "spurious" for fact in predicted}


def unrelated_pairs(gold: Document, judged: Judged) -> int:
    """Ordered pairs of different entities (or candidates) with no relation in gold nor prediction, as both agree."""
    if gold.relations is None:
        return 0
    positions = {(fact.head.key, fact.tail.key) for fact in (*judged.gold, *judged.predicted)}
    if gold.candidates is not None:
        return len(set(gold.candidates) - positions)
    count = len(gold.entities)
    return count * (count - 1) - sum(head != tail for head, tail in positions)


Confusion = Mapping[tuple[str | None, str | None], int]
"""How often a relation of gold (first; None: nothing) met a predicted one (second; None: nothing) on one pair."""


def confusion(documents: Iterable[Judged]) -> Confusion:
    """What was predicted in the place of every gold relation, and what gold has in the place of every predicted one.

    A relation in both meets itself. On a pair with several relations each of the others in gold meets each of the
    others in the prediction, or nothing where there is none, so that rows may add up to more than their facts.
    Facts that were lost before relations (see `STAGES`) are left out. Most frequent first.
    """
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for judged in documents:
        pairs: dict[tuple[End, End], tuple[set[str], set[str]]] = {}
        for side, classes in enumerate((judged.gold, judged.predicted)):
            for fact, error in classes.items():
                if error not in STAGES:
                    pairs.setdefault(fact.pair, (set(), set()))[side].add(fact.type)
        for wanted, found in pairs.values():
            counts.update((type, type) for type in wanted & found)
            lost, wrong = wanted - found, found - wanted
            if lost or wrong:
                counts.update(product(lost or (None,), wrong or (None,)))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1] or "")))
