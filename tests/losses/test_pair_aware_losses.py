from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.errors import InputError
from joint_ie.losses import entity_roles, potential_pairs


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 9), st.integers(0, 999))
def test_equations_10_to_12(entities: int, relations: int, pairs: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    as_head, as_tail = (torch.randn(entities, relations, generator=draw).double() for _ in range(2))
    related = torch.randn(pairs, generator=draw).double()
    labels = (torch.rand(pairs, 1 + relations, generator=draw) < 0.4).long()
    head, tail = (torch.randint(entities, (pairs,), generator=draw) for _ in range(2))
    before = labels.clone()

    potential = 0.0
    for i in range(pairs):
        p = torch.sigmoid(related[i]).item()
        potential -= log(p) if labels[i, 1:].any() else log(1 - p)
    assert potential_pairs(related, labels).item() == pytest.approx(potential / max(pairs, 1))

    total, counted = 0.0, 0
    for j in range(entities):
        if not any(j in (h, t) for h, t in zip(head.tolist(), tail.tolist(), strict=True)):
            continue
        for r in range(relations):
            counted += 1
            for logits, side in ((as_head, head), (as_tail, tail)):
                p = torch.sigmoid(logits[j, r]).item()
                holds = any(labels[i, 1 + r] and side[i] == j for i in range(pairs))
                total -= log(p) if holds else log(1 - p)
    assert entity_roles(as_head, as_tail, labels, head, tail).item() == pytest.approx(total / max(2 * counted, 1))
    assert torch.equal(labels, before)


def test_no_pairs_keep_the_graph() -> None:
    related, roles = torch.zeros(0, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    none = torch.zeros(0, dtype=torch.long)
    loss = potential_pairs(related, torch.zeros(0, 4)) + entity_roles(roles, roles, torch.zeros(0, 4), none, none)
    loss.backward()
    assert loss.item() == 0 and not roles.grad.any()


def test_half_precision_is_computed_in_full() -> None:
    logits = torch.randn(3, 4).bfloat16()
    labels, head, tail = torch.tensor([[0, 1, 0, 0, 1]]), torch.tensor([0]), torch.tensor([2])
    assert entity_roles(logits, logits, labels, head, tail).dtype == torch.float32
    assert potential_pairs(logits[:1, 0], labels).dtype == torch.float32


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="should both be"):
        entity_roles(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(1, 3), torch.tensor([0]), torch.tensor([1]))
