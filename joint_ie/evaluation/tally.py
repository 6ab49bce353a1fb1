"""What a protocol counts in one document; sums of tallies, not means of scores, make the score of a corpus."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from joint_ie.evaluation.scores import Score, harmonic, ratio

Row = tuple[str, str]
"""A measure and a label; the label is empty where a measure has none."""


@dataclass(frozen=True)
class Tally:
    """How many items were predicted, how many are in gold, and which part of either was right.

    ``right_predicted`` belongs to precision, ``right_gold`` to recall; they differ where items may be partly right.
    """

    right_predicted: float = 0
    predicted: float = 0
    right_gold: float = 0
    gold: float = 0

    @classmethod
    def of_sets(cls, gold: Set[Any], predicted: Set[Any]) -> "Tally":
        """An item is right where it is in both sets."""
        right = len(gold & predicted)
        return cls(right, len(predicted), right, len(gold))

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.right_predicted + other.right_predicted,
            self.predicted + other.predicted,
            self.right_gold + other.right_gold,
            self.gold + other.gold,
        )

    def score(self, epsilon: float = 0.0) -> Score:
        """Precision, recall and F1; ``epsilon`` is added to what precision divides by."""
        precision = ratio(self.right_predicted, self.predicted + epsilon)
        recall = ratio(self.right_gold, self.gold)
        return Score(precision, recall, harmonic(precision, recall), self.right_predicted, self.predicted, self.gold)


Tallies = Mapping[Row, Tally]


def total(tallies: Iterable[Tallies]) -> dict[Row, Tally]:
    """The sum, row by row, in order of first appearance."""
    added: dict[Row, Tally] = {}
    for some in tallies:
        for row, tally in some.items():
            added[row] = added[row] + tally if row in added else tally
    return added


def by_label(items: str, gold: Set[tuple[str, Any]], predicted: Set[tuple[str, Any]]) -> dict[Row, Tally]:
    """A tally for each label of (label, item) pairs, in the rows of the measure ``items``."""
    labels = sorted({label for label, _ in gold} | {label for label, _ in predicted})
    return {
        (items, label): Tally.of_sets(
            {item for item in gold if item[0] == label}, {item for item in predicted if item[0] == label}
        )
        for label in labels
    }
