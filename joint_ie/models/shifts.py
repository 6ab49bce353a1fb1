"""What to add to relation logits before deciding: the number, or the number of each relation, with the best F1."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from joint_ie.losses import RELATION_LOSSES
from joint_ie.models.cuts import best_cut
from joint_ie.models.relation_settings import RelationSettings, Shift

LARGEST = 7.0  # the largest shift of relation logits that is tried
# A relation has no shift of its own below this F1. The model does not know it: what is best for its two facts then says
# it of hundreds of pairs (of 17,283 with none-class ranking on Re-DocRED's dev: F1 0.0002).
LEAST = 0.1


def shifted(logits: Tensor, shift: Shift) -> Tensor:
    """A copy of logits [pairs, 1 + relations] with ``shift`` added to the relations; column 0 stays."""
    moved = logits.clone()
    moved[:, 1:] += torch.as_tensor(shift, dtype=logits.dtype, device=logits.device)
    return moved


class GlobalShift:
    """Finds one shift for all relations: scored pairs come in by `add`, in parts, and `best` is the optimum.

    A shift moves what a loss compares its logits with, so this serves learned and fixed thresholds alike.
    """

    def __init__(self, settings: RelationSettings) -> None:
        self.settings = settings
        self.loss = RELATION_LOSSES[settings.loss]
        self.scores: list[NDArray[np.float64]] = []
        self.right: list[NDArray[np.bool_]] = []

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Logits [pairs, 1 + relations] and which relations are right, [pairs, relations] bool."""
        score, candidate = self._ranked(logits, self.settings.top_k)
        self.scores.append(score.cpu().numpy())
        self.right.append(labels[candidate].cpu().numpy())

    def best(self, gold: NDArray[np.int64]) -> tuple[Shift, float]:
        """The shift and its micro F1. ``gold`` [relations + 1] counts the facts of each relation that there are, found
        or not; the last number is of relations that the model does not know.
        """
        return self._for_all(int(gold.sum()))

    def _for_all(self, gold: int) -> tuple[float, float]:
        if not gold or not self.scores:
            return 0.0, 0.0
        cut, f1 = best_cut(np.concatenate(self.scores), np.concatenate(self.right), gold)
        return self._shift(cut), f1

    def _ranked(self, logits: Tensor, top_k: int | None = None) -> tuple[Tensor, Tensor]:
        """Scores [candidates], and which relations are candidates, [pairs, relations] bool: those that some shift that
        is tried decides for. The higher a candidate's score in [0, 1], the smaller the shift from which it is decided.
        """
        threshold = self.settings.threshold
        candidate = self.loss.decide(shifted(logits, LARGEST), threshold, top_k)
        return self.loss.margin(logits, threshold, top_k)[candidate].double().sigmoid(), candidate

    def _shift(self, cut: float) -> float:
        """What must be added so that exactly the candidates with a score above ``cut`` are decided."""
        return min(-torch.tensor(cut, dtype=torch.float64).logit().item(), LARGEST)


class PerClassShift(GlobalShift):
    """Finds a shift for every relation, the best of its own F1; one without an F1 of `LEAST` keeps the global shift.

    The micro F1 over all relations may be lower than with the global shift: what is best for a rare relation may cost
    many wrong facts.
    """

    def __init__(self, settings: RelationSettings) -> None:
        super().__init__(settings)
        self.logits: list[Tensor] = []
        self.labels: list[Tensor] = []

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """As `GlobalShift.add`; everything is kept, since shifts change which relations of a pair are the highest."""
        super().add(logits, labels)
        self.logits.append(logits.cpu())
        self.labels.append(labels.cpu())

    def best(self, gold: NDArray[np.int64]) -> tuple[Shift, float]:
        """The shifts [relations] and the micro F1 with all of them, ``top_k`` included; ``gold`` as above."""
        for_all, f1 = self._for_all(int(gold.sum()))
        if not gold.sum() or not self.scores:
            return for_all, f1
        shift = tuple(self._for_one(number, int(count), for_all) for number, count in enumerate(gold[:-1]))
        right = predicted = 0
        for logits, labels in zip(self.logits, self.labels, strict=True):
            decided = self.loss.decide(shifted(logits, shift), self.settings.threshold, self.settings.top_k)
            right += int((decided & labels).sum())
            predicted += int(decided.sum())
        return shift, 2 * right / (predicted + int(gold.sum()))

    def _for_one(self, number: int, gold: int, default: float) -> float:
        """The shift of one relation, as if the others were not there."""
        own = torch.cat([part[:, [0, 1 + number]] for part in self.logits])
        score, candidate = self._ranked(own)
        right = torch.cat([part[:, number] for part in self.labels])[candidate[:, 0]]
        cut, f1 = best_cut(score.numpy(), right.numpy(), gold)
        return self._shift(cut) if f1 >= LEAST else default
