"""What is added to relation logits, against trying everything."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from joint_ie.losses import RELATION_LOSSES
from joint_ie.models.relation_settings import RelationSettings
from joint_ie.models.shifts import LARGEST, GlobalShift, PerClassShift, shifted

RELATIONS = 4
LOSSES = ["adaptive-threshold", "balanced-softmax", "binary-cross-entropy", "none-class-ranking"]
worlds = st.tuples(st.integers(0, 2**31), st.integers(1, 12), st.floats(0.05, 0.9), st.integers(0, 3))
"""Seed, pairs, share of right relations, right facts of every relation that no pair has."""


def world(seed: int, pairs: int, share: float, missed: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Logits with ties, labels, and how many facts there are of each relation and of unknown ones."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randint(-4, 5, (pairs, 1 + RELATIONS), generator=random) / 2
    labels = torch.rand(pairs, RELATIONS, generator=random) < share
    gold = np.append(labels.sum(0).numpy() + missed, missed)
    return logits, labels, gold.astype(np.int64)


def settings(loss: str, top_k: int | None = None) -> RelationSettings:
    return RelationSettings(loss=loss, top_k=top_k, threshold=0.6)


def decide(chosen: RelationSettings, logits: torch.Tensor, shift: float | tuple[float, ...]) -> torch.Tensor:
    """Relation by relation and pair by pair, from the definitions of the decision rules."""
    moves = shift if isinstance(shift, tuple) else (shift,) * RELATIONS
    decided = torch.zeros(len(logits), RELATIONS, dtype=torch.bool)
    for i, row in enumerate(logits.numpy()):
        moved = [row[0], *(row[1:] + np.array(moves, dtype=np.float32))]
        for r in range(RELATIONS):
            if chosen.loss == "binary-cross-entropy":
                decided[i, r] = bool(1 / (1 + np.exp(-moved[r + 1])) >= chosen.threshold)
                continue
            above = moved[r + 1] > (0 if chosen.loss == "balanced-softmax" else moved[0])
            rank = sum(value > moved[r + 1] for value in moved)
            decided[i, r] = bool(above and (chosen.top_k is None or rank < chosen.top_k))
    return decided


def f1(decided: torch.Tensor, labels: torch.Tensor, gold: int) -> float:
    return 2 * int((decided & labels).sum()) / max(int(decided.sum()) + gold, 1)


def fill(search: GlobalShift, logits: torch.Tensor, labels: torch.Tensor) -> GlobalShift:
    for part in torch.arange(len(logits)).split(5):
        search.add(logits[part], labels[part])
    return search


STEPS = np.arange(-9, 7.3, 0.125)  # between and on all differences of the logits


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=worlds)
@examples(max_examples=30)
def test_every_relation_has_the_best_of_all_cuts(loss: str, drawn: tuple[int, int, float, int]) -> None:
    logits, labels, gold = world(*drawn)
    chosen = settings(loss)
    shift, best = fill(PerClassShift(chosen), logits, labels).best(gold)
    if not gold.sum():
        assert (shift, best) == (0.0, 0.0)
        return
    decided = decide(chosen, logits, shift)
    assert best == pytest.approx(f1(decided, labels, gold.sum()))
    assert all(abs(value) <= LARGEST or value < 0 for value in shift)
    tried = [decide(chosen, logits, float(step)) for step in STEPS]
    for r in range(RELATIONS):
        highest = max(f1(other[:, r], labels[:, r], gold[r]) for other in tried)
        assert f1(decided[:, r], labels[:, r], gold[r]) == pytest.approx(highest)


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=worlds)
@examples(max_examples=30)
def test_one_shift_is_the_best_of_all_cuts(loss: str, drawn: tuple[int, int, float, int]) -> None:
    logits, labels, gold = world(*drawn)
    chosen = settings(loss)
    shift, best = fill(GlobalShift(chosen), logits, labels).best(gold)
    assert best == pytest.approx(f1(decide(chosen, logits, shift), labels, gold.sum()) if gold.sum() else 0.0)
    for step in STEPS:
        assert f1(decide(chosen, logits, float(step)), labels, gold.sum()) <= best + 1e-9


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=worlds, top_k=st.integers(1, 3))
def test_the_f1_counts_what_top_k_leaves(loss: str, drawn: tuple[int, int, float, int], top_k: int) -> None:
    logits, labels, gold = world(*drawn)
    chosen = settings(loss, top_k)
    shift, best = fill(PerClassShift(chosen), logits, labels).best(gold)
    if gold.sum():
        assert best == pytest.approx(f1(decide(chosen, logits, shift), labels, gold.sum()))


@given(drawn=worlds)
def test_macro_f1_is_never_lower_than_with_one_shift(drawn: tuple[int, int, float, int]) -> None:
    logits, labels, gold = world(*drawn)
    chosen = settings("adaptive-threshold")
    macro = []
    for search in (PerClassShift(chosen), GlobalShift(chosen)):
        decided = decide(chosen, logits, fill(search, logits, labels).best(gold)[0])
        macro.append(sum(f1(decided[:, r], labels[:, r], gold[r]) for r in range(RELATIONS)))
    assert macro[0] >= macro[1] - 1e-9


def test_micro_f1_may_be_lower_than_with_one_shift() -> None:
    """A rare relation whose one fact stands behind nine wrong ones costs more than it brings."""
    logits = torch.zeros(20, 3)
    logits[:10, 1], logits[10:, 1] = 1.0, -6.0
    logits[:, 2] = -6.0
    logits[10:, 2] = -1 - torch.arange(10) / 10
    labels = torch.zeros(20, 2, dtype=torch.bool)
    labels[:10, 0] = labels[19, 1] = True
    gold = np.array([10, 1, 0])
    chosen = settings("adaptive-threshold")
    _, alike = fill(GlobalShift(chosen), logits, labels).best(gold)
    _, apart = fill(PerClassShift(chosen), logits, labels).best(gold)
    assert alike == pytest.approx(20 / 21) and apart == pytest.approx(22 / 31)


def test_relations_without_facts_or_without_right_candidates_keep_the_common_shift() -> None:
    logits, labels, gold = world(3, 12, 0.4, 0)
    labels[:, :2] = False
    gold[0], gold[1] = 0, 5  # no facts, and facts that no pair has
    chosen = settings("binary-cross-entropy")
    alike, _ = fill(GlobalShift(chosen), logits, labels).best(gold)
    apart, _ = fill(PerClassShift(chosen), logits, labels).best(gold)
    assert apart[:2] == (alike, alike)


def test_nothing_is_tried_above_the_largest_shift() -> None:
    logits = torch.tensor([[0.0, 0.1 - LARGEST], [0.0, -0.1 - LARGEST]])
    labels, gold = torch.tensor([[True], [True]]), np.array([2, 0])
    chosen = settings("adaptive-threshold")
    assert fill(GlobalShift(chosen), logits, labels).best(gold) == (LARGEST, pytest.approx(2 / 3))
    assert fill(PerClassShift(chosen), logits, labels).best(gold) == ((LARGEST,), pytest.approx(2 / 3))


@pytest.mark.parametrize("loss", sorted(RELATION_LOSSES))
def test_one_number_is_the_same_number_for_all(loss: str) -> None:
    logits = torch.randn(6, 1 + RELATIONS, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    assert torch.equal(shifted(logits, 0.75), shifted(logits, (0.75,) * RELATIONS))
    moved = shifted(logits, (1.0, 0.0, -2.0, 0.5))
    assert torch.equal(logits, before) and torch.equal(moved[:, 0], logits[:, 0])
    torch.testing.assert_close((moved - logits)[:, 1:], torch.tensor([1.0, 0.0, -2.0, 0.5]).expand(6, -1))
