"""What is added to relation logits, against trying everything."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from joint_ie.losses import RELATION_LOSSES
from joint_ie.models.relation_settings import RelationSettings
from joint_ie.models.shifts import LARGEST, LEAST, GlobalShift, PerClassShift, shifted

RELATIONS = 4
LOSSES = sorted(RELATION_LOSSES)
worlds = st.tuples(st.integers(0, 2**31), st.integers(1, 12), st.floats(0.05, 0.9), st.integers(0, 3))
"""Seed, pairs, share of right relations, right facts of every relation that no pair has."""


def world(
    seed: int, pairs: int, share: float, missed: int, ties: bool = True
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Logits, labels, and how many facts there are of each relation and of unknown ones."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randint(-4, 5, (pairs, 1 + RELATIONS), generator=random) / 2
    if not ties:
        logits = torch.randn(pairs, 1 + RELATIONS, generator=random, dtype=torch.float64)
    labels = torch.rand(pairs, RELATIONS, generator=random) < share
    gold = np.append(labels.sum(0).numpy() + missed, missed)
    return logits, labels, gold.astype(np.int64)


def settings(loss: str, top_k: int | None = None) -> RelationSettings:
    return RelationSettings(loss=loss, top_k=top_k, threshold=0.6)


def decide(chosen: RelationSettings, logits: torch.Tensor, shift: float | tuple[float, ...]) -> torch.Tensor:
    """From the definitions of the decision rules: what is above, and the rank among all columns."""
    moves = shift if isinstance(shift, tuple) else (shift,) * RELATIONS
    moved = logits.numpy() + np.array([0, *moves], dtype=logits.numpy().dtype)
    if chosen.loss == "binary-cross-entropy":
        return torch.from_numpy(1 / (1 + np.exp(-moved[:, 1:])) >= chosen.threshold)
    decided = moved[:, 1:] > (0 if chosen.loss == "balanced-softmax" else moved[:, :1])
    rank = (moved[:, None, :] > moved[:, 1:, None]).sum(2)
    return torch.from_numpy(decided & (rank < (chosen.top_k or np.inf)))


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
        if highest < LEAST:
            assert shift[r] == fill(GlobalShift(chosen), logits, labels).best(gold)[0]
        else:
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
@given(drawn=worlds, top_k=st.integers(1, 6), ties=st.booleans())
@examples(max_examples=30)
def test_the_f1_counts_what_top_k_leaves(loss: str, drawn: tuple[int, int, float, int], top_k: int, ties: bool) -> None:
    logits, labels, gold = world(*drawn, ties)
    chosen = settings(loss, top_k)
    for search in (GlobalShift(chosen), PerClassShift(chosen)):
        shift, best = fill(search, logits, labels).best(gold)
        if gold.sum():
            assert best == pytest.approx(f1(decide(chosen, logits, shift), labels, gold.sum()))


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=worlds, top_k=st.integers(1, 6))
@examples(max_examples=30)
def test_one_shift_is_the_best_of_all_with_top_k(loss: str, drawn: tuple[int, int, float, int], top_k: int) -> None:
    """Between any two shifts at which anything changes; without ties, which some losses keep and some do not."""
    logits, labels, gold = world(*drawn, ties=False)
    chosen = settings(loss, top_k)
    _, best = fill(GlobalShift(chosen), logits, labels).best(gold)
    relations = logits[:, 1:]
    levels = (logits[:, :1], torch.zeros(1), torch.tensor([0.6]).logit())
    changes = torch.cat([(level - relations).flatten() for level in levels]).sort().values
    for step in ((changes[1:] + changes[:-1]) / 2)[changes.diff() > 1e-5].tolist():
        assert f1(decide(chosen, logits, step), labels, gold.sum()) <= best + 1e-9


@pytest.mark.parametrize("loss", LOSSES)
@given(drawn=worlds, top_k=st.none() | st.integers(1, 6), lowered=st.floats(0.001, 0.1))
@examples(max_examples=30)
def test_margins_are_how_far_relations_can_be_lowered(
    loss: str, drawn: tuple[int, int, float, int], top_k: int | None, lowered: float
) -> None:
    logits, chosen = world(*drawn, ties=False)[0], settings(loss, top_k)
    rule = RELATION_LOSSES[loss]
    margin = rule.margin(logits, 0.6, top_k)
    decided = rule.decide(logits, 0.6, top_k)
    assert (margin[decided] >= 0).all()
    for i, r in decided.nonzero().tolist():
        for share, stays in ((1 - lowered, True), (1 + lowered, False)):
            moved = shifted(logits[i : i + 1], -share * margin[i, r].item())
            assert bool(rule.decide(moved, chosen.threshold, top_k)[0, r]) == stays


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 1 / 2), (1.0, 0.0)])
@pytest.mark.parametrize("search", [GlobalShift, PerClassShift])
def test_a_threshold_that_no_shift_can_move_is_left(
    search: type[GlobalShift], threshold: float, expected: float
) -> None:
    chosen = RelationSettings(loss="binary-cross-entropy", threshold=threshold)
    logits, labels = torch.tensor([[0.0, 2.0, -2.0]]), torch.tensor([[True, False]])
    shift, best = fill(search(chosen), logits, labels).best(np.array([1, 0, 1]))
    assert np.all(np.array(shift) == 0) and best == expected


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


def test_relations_that_the_model_does_not_know_keep_the_common_shift() -> None:
    """Two facts, of which no pair has one, and the last of 18 or 19 pairs the other."""
    for pairs, known in ((18, True), (19, False)):
        logits = torch.zeros(pairs, 3)
        logits[:, 1] = -1 - torch.arange(pairs) / 10
        logits[:5, 2], logits[5:, 2] = 1.0, -3.0
        labels = torch.zeros(pairs, 2, dtype=torch.bool)
        labels[pairs - 1, 0] = labels[:5, 1] = True
        gold = np.array([2, 5, 0])
        chosen = settings("adaptive-threshold")
        alike, _ = fill(GlobalShift(chosen), logits, labels).best(gold)
        apart, _ = fill(PerClassShift(chosen), logits, labels).best(gold)
        assert (apart[0] != alike) == known  # F1 2 / (18 + 2) or 2 / (19 + 2)


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
