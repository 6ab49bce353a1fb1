from collections.abc import Callable
from typing import Any

import pytest
import torch

from joint_ie.errors import InputError
from joint_ie.losses import keep_negative_labels, pairwise_moving_threshold, sample_negative_labels

RATIO = {0: 0.1, 1: 0.5, 2: 0.3}
FORMS = {"as_code": "released", "aligned": "mean", "no_entropy": None}


def some_labels(pairs: int = 400, relations: int = 50) -> torch.Tensor:
    labels = torch.rand(pairs, 1 + relations, generator=torch.Generator().manual_seed(1)) < 0.02
    labels[:, 0] = ~labels[:, 1:].any(1)
    return labels


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_golden_loss_and_gradient(
    golden_case: Callable[..., Any], assert_parity: Callable[..., None], seed: int, form: str, dtype: torch.dtype
) -> None:
    case = golden_case("pemscl/neg_sampling", seed)
    logits, labels = case.tensors["logits"].to(dtype).requires_grad_(), case.tensors["labels"]
    mask = keep_negative_labels(labels, case.tensors["uniform_draw"], RATIO[seed])
    unrelated = labels[:, 0].bool()
    assert (mask[unrelated] == case.tensors["keep_mask"].bool()).all()
    assert mask[~unrelated].all()
    loss = pairwise_moving_threshold(logits, labels, entropy=FORMS[form], negative_mask=mask)
    loss.backward()
    assert_parity(loss, case.scalars[f"loss.{form}"], dtype)
    assert_parity(logits.grad, case.tensors[f"grad_logits.{form}"], dtype)


@pytest.mark.parametrize("sampling", ["paper", "released"])
def test_only_pairs_without_a_relation_lose_labels(sampling: str) -> None:
    labels = some_labels()
    mask = sample_negative_labels(labels, 0.3, torch.Generator().manual_seed(0), sampling)
    unrelated = labels[:, 0]
    assert mask[~unrelated].all()
    assert mask[:, 0].all()
    rows = mask[unrelated][:, 1:]
    assert (rows == rows[0]).all() == (sampling == "released")
    share = rows.double().mean().item()
    assert 0.28 < share < 0.32 if sampling == "paper" else 0.1 < share < 0.5


def test_the_same_seed_draws_the_same() -> None:
    labels = some_labels(20)
    first, second = (sample_negative_labels(labels, 0.5, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)
    generator = torch.Generator().manual_seed(7)
    draws = [sample_negative_labels(labels, 0.5, generator) for _ in range(2)]
    assert not torch.equal(*draws)


def test_everything_is_kept_at_ratio_one_and_labels_are_not_changed() -> None:
    labels = some_labels(10)
    before = labels.clone()
    assert sample_negative_labels(labels, 1.0, torch.Generator()).all()
    assert torch.equal(labels, before)
    assert sample_negative_labels(labels[:0], 0.1, torch.Generator()).shape == (0, 51)


def test_bad_arguments() -> None:
    labels = torch.zeros(2, 3)
    with pytest.raises(InputError, match="ratio = 0 "):
        sample_negative_labels(labels, 0, torch.Generator())
    with pytest.raises(InputError, match=r'"papr".*did you mean "paper"'):
        sample_negative_labels(labels, 0.1, torch.Generator(), "papr")
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2,\)"):
        keep_negative_labels(labels, torch.zeros(2), 0.1)
