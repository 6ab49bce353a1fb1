"""Precision, recall and F1 with the counts behind them."""

from dataclasses import asdict, dataclass
from typing import Any


def ratio(part: float, whole: float) -> float:
    """``part / whole``, and 0 where the denominator is 0 (nothing predicted, or nothing to find)."""
    return part / whole if whole else 0.0


def harmonic(precision: float, recall: float) -> float:
    """F1 of a precision and a recall, 0 if either is 0.

    Written with reciprocals because every step then rounds monotonically: a lower precision at the same
    recall never gives a higher F1, not even in the last bit (Ign F1 <= F1 rests on that).
    """
    return 2.0 / (1.0 / precision + 1.0 / recall) if precision and recall else 0.0


@dataclass(frozen=True)
class Score:
    """Fractions in [0, 1], and how many items were right, predicted and to be found.

    The counts are whole numbers unless items may be partly right; ``true_positives`` is then the right part of what
    was predicted.
    """

    precision: float
    recall: float
    f1: float
    true_positives: float
    predicted: float
    gold: float

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, in full precision."""
        return asdict(self)
