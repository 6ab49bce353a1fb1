import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.errors import InputError
from joint_ie.losses import supervised_contrastive
from joint_ie.losses.supervised_contrastive import contrastive_of_cosines

FORMS = ["paper", "released", "released-single-precision"]
TEMPERATURES = [("0.2", "2"), ("2", "1"), ("0.2", "0.2"), ("2", "2")]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize(("form", "suffix"), [("released", ""), ("released-single-precision", ".col0_erased")])
@pytest.mark.parametrize("seed", range(3))
def test_golden_released(
    golden_case: Callable[..., Any],
    assert_parity: Callable[..., None],
    seed: int,
    form: str,
    suffix: str,
    temperature: tuple[str, str],
    dtype: torch.dtype,
) -> None:
    case = golden_case("pemscl/scl_loss", seed)
    tau, base = temperature
    name = f"tau{tau}_base{base}{suffix}"
    features = case.tensors["features"].to(dtype).requires_grad_()
    # The released code's factor, which is left to the weight here.
    loss = float(tau) / float(base) * supervised_contrastive(features, case.tensors["labels"], float(tau), form=form)
    loss.backward()
    assert_parity(loss, case.scalars[f"loss_scl.{name}"], dtype)
    assert_parity(features.grad, case.tensors[f"grad_features.{name}"], dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("tau", ["0.2", "2"])
@pytest.mark.parametrize("seed", range(3))
def test_golden_paper(
    golden_case: Callable[..., Any], assert_parity: Callable[..., None], seed: int, tau: str, dtype: torch.dtype
) -> None:
    case = golden_case("pemscl/scl_loss", seed)
    features = case.tensors["features"].to(dtype).requires_grad_()
    loss = supervised_contrastive(features, case.tensors["labels"], float(tau), reduction="sum")
    loss.backward()
    assert_parity(loss, case.scalars[f"loss_paper_sum.tau{tau}"], dtype)
    assert_parity(features.grad, case.tensors[f"grad_features_paper_sum.tau{tau}"], dtype)


def some_pairs(seed: int, pairs: int, dimensions: int = 4, relations: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(pairs, dimensions, generator=generator, dtype=torch.float64)
    labels = torch.rand(pairs, 1 + relations, generator=generator) < 0.3
    labels[:, 0] = ~labels[:, 1:].any(1)
    return embeddings, labels


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 9), st.sampled_from([0.2, 1.0, 2.0]))
def test_equations_8_to_10_by_loops(seed: int, pairs: int, temperature: float) -> None:
    embeddings, labels = some_pairs(seed, pairs)
    unit = [[x / math.sqrt(sum(y * y for y in row)) for x in row] for row in embeddings.tolist()]
    relations = [{c for c in range(1, labels.shape[1]) if row[c]} for row in labels.tolist()]
    expected = []
    for i in range(pairs):
        weight = {
            k: math.exp(sum(a * b for a, b in zip(unit[i], unit[k], strict=True)) / temperature)
            for k in range(pairs)
            if k != i
        }
        shared = [k for k in weight if relations[i] & relations[k]]
        if not relations[i]:
            expected.append(0.0)
        elif shared:
            expected.append(-math.log(sum(weight[k] for k in shared) / len(shared) / sum(weight.values())))
        else:
            expected.append(math.log(sum(weight.values())))
    assert supervised_contrastive(embeddings, labels, temperature, reduction="none").tolist() == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 8), st.sampled_from(FORMS))
def test_properties(seed: int, pairs: int, form: Any) -> None:
    """The order of pairs, the length of embeddings and column 0 do not matter; nothing given is changed."""
    embeddings, labels = some_pairs(seed, pairs)
    copies = embeddings.clone(), labels.clone()
    values = supervised_contrastive(embeddings, labels, 0.2, form=form, reduction="none")
    assert values.shape == (pairs,)
    assert torch.equal(embeddings, copies[0])
    assert torch.equal(labels, copies[1])
    torch.testing.assert_close(
        supervised_contrastive(embeddings, labels, 0.2, form=form, reduction="sum"), values.sum()
    )
    torch.testing.assert_close(supervised_contrastive(embeddings, labels, 0.2, form=form), values.sum() / max(pairs, 1))
    order = torch.randperm(pairs, generator=torch.Generator().manual_seed(seed))
    mixed = supervised_contrastive(embeddings[order], labels[order], 0.2, form=form, reduction="none")
    torch.testing.assert_close(mixed, values[order])
    changed = labels.double()
    changed[:, 0] = 1 - changed[:, 0]
    longer = supervised_contrastive(7 * embeddings, changed, 0.2, form=form, reduction="none")
    torch.testing.assert_close(longer, values)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "labels",
    [
        torch.zeros(0, 3),
        torch.tensor([[0, 1, 0]]),
        torch.tensor([[1, 0, 0]]),
        torch.tensor([[1, 0, 0]] * 4),
        torch.tensor([[0, 1, 1]] * 4),
        torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    ],
    ids=["no pairs", "one related pair", "one unrelated pair", "no related pair", "all related", "all alone"],
)
def test_edges(labels: torch.Tensor, dtype: torch.dtype, form: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    embeddings = (25 * torch.randn(len(labels), 5, generator=generator, dtype=dtype)).requires_grad_()
    loss = supervised_contrastive(embeddings, labels, 0.2, form=form)
    loss.backward()
    assert loss.dtype == dtype
    assert loss.isfinite()
    assert embeddings.grad.isfinite().all()
    if form == "paper" and (len(labels) < 2 or not labels[:, 1:].any()):
        assert loss.item() == 0
        assert not embeddings.grad.any()


def test_autocast_computes_in_full_precision() -> None:
    embeddings, labels = some_pairs(3, 8)
    expected = supervised_contrastive(embeddings.float(), labels, 0.2)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(supervised_contrastive(embeddings.float(), labels, 0.2), expected)
    assert supervised_contrastive(embeddings.bfloat16(), labels, 0.2).dtype == torch.float32


@pytest.mark.parametrize("form", ["paper", "released-single-precision"])
def test_gradcheck(form: Any) -> None:
    embeddings, labels = some_pairs(0, 6)
    if form == "released-single-precision":
        labels[:] = True  # the detached maximum of the long tail would not pass
    assert torch.autograd.gradcheck(
        lambda x: supervised_contrastive(x, labels, 0.5, form=form, reduction="none"), (embeddings.requires_grad_(),)
    )


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"\(2, 3\).*\(4, 3\)"):
        supervised_contrastive(torch.zeros(2, 3), torch.zeros(4, 3), 0.2)
    with pytest.raises(InputError, match="temperature = 0"):
        supervised_contrastive(torch.zeros(2, 3), torch.zeros(2, 3), 0)
    with pytest.raises(InputError, match=r'"papers".*did you mean "paper"'):
        supervised_contrastive(torch.zeros(2, 3), torch.zeros(2, 3), 0.2, form="papers")


def test_cosines_from_elsewhere_are_asked_for_once_and_for_related_pairs() -> None:
    embeddings, labels = some_pairs(5, 8)
    unit = torch.nn.functional.normalize(embeddings)
    asked = []

    def cosines(rows: torch.Tensor) -> torch.Tensor:
        asked.append(rows)
        return unit[rows] @ unit.T

    loss = contrastive_of_cosines(cosines, labels, 0.2)
    torch.testing.assert_close(loss, supervised_contrastive(embeddings, labels, 0.2))
    (rows,) = asked
    assert torch.equal(rows, labels[:, 1:].any(1).nonzero().flatten())
    with pytest.raises(InputError, match=r"\(8, 8\) should be"):
        contrastive_of_cosines(lambda rows: unit @ unit.T, labels, 0.2)
    with pytest.raises(InputError, match=r"labels \(8,\) should be"):
        contrastive_of_cosines(cosines, labels[:, 0], 0.2)
