"""Relation scores by what makes a relation hard; the buckets of each kind add up to all facts."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from joint_ie.document import Document
from joint_ie.evaluation.error_classes import Fact, Judged
from joint_ie.evaluation.tally import Tally

Buckets = Mapping[str, Mapping[str, Tally]]
"""By kind of bucket and range of values (``2``, ``10-99``, ``3+``)."""


@dataclass(frozen=True)
class _Kind:
    """Where the ranges start, and the value of a fact; all values are at least the first start."""

    starts: tuple[int, ...]
    value: Callable[[Document, Fact], int]

    def names(self) -> list[str]:
        lasts = [start - 1 for start in self.starts[1:]]
        closed = [
            str(start) if start == last else f"{start}-{last}" for start, last in zip(self.starts, lasts, strict=False)
        ]
        return [*closed, f"{self.starts[-1]}+"]

    def place(self, document: Document, fact: Fact) -> int:
        return bisect_right(self.starts, self.value(document, fact)) - 1


def buckets(documents: Sequence[tuple[Document, Judged]]) -> Buckets:
    """Tallies of the facts of gold documents, in four kinds of buckets.

    - ``sentence_distance``: sentences between the closest mentions of head and tail; 0 in one sentence.
    - ``mentions``: distinct mentions of the entity that has fewer, of head and tail.
    - ``document_words``: tokens of the document.
    - ``relation_frequency``: gold facts of this relation in these documents.

    End-to-end, a predicted fact is placed by its own, predicted mentions.
    """
    frequency = Counter(fact.type for _, judged in documents for fact in judged.gold)
    kinds = {
        "sentence_distance": _Kind((0, 1, 2, 3), sentence_distance),
        "mentions": _Kind((1, 2, 3, 4), lambda _, fact: min(len(end.spans) for end in fact.pair)),
        "document_words": _Kind((0, 101, 201, 401, 801), lambda document, _: len(document.tokens)),
        "relation_frequency": _Kind((0, 1, 10, 100, 1000), lambda _, fact: frequency[fact.type]),
    }
    return {name: _tallies(kind, documents) for name, kind in kinds.items()}


def sentence_distance(document: Document, fact: Fact) -> int:
    """The least number of sentences from a mention of the head to one of the tail; 0 in the same sentence."""
    heads, tails = ({s for span in end.spans for s in document.token_sentence[slice(*span)]} for end in fact.pair)
    return min(abs(head - tail) for head in heads for tail in tails)


def _tallies(kind: _Kind, documents: Sequence[tuple[Document, Judged]]) -> dict[str, Tally]:
    tallies = [Tally() for _ in kind.starts]
    for document, judged in documents:
        gold: list[set[Fact]] = [set() for _ in kind.starts]
        predicted: list[set[Fact]] = [set() for _ in kind.starts]
        for placed, facts in ((gold, judged.gold), (predicted, judged.predicted)):
            for fact in facts:
                placed[kind.place(document, fact)].add(fact)
        tallies = [
            tally + Tally.of_sets(one, other) for tally, one, other in zip(tallies, gold, predicted, strict=True)
        ]
    return dict(zip(kind.names(), tallies, strict=True))
