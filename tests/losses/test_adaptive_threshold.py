import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from joint_ie.errors import InputError
from joint_ie.losses import adaptive_confidence, adaptive_threshold, decide_adaptive

GOLDEN = Path(__file__).parents[1] / "golden" / "atlop"
SEEDS = (0, 1, 2)
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}  # golden README 8: absolute, relative to the largest value


def assert_parity(actual: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype) -> None:
    assert actual.dtype == dtype
    scale = 1.0 if dtype == torch.float64 else expected.abs().max().item()
    torch.testing.assert_close(actual.double(), expected.double(), rtol=0, atol=TOLERANCE[dtype] * scale)


def load(seed: int) -> tuple[dict[str, torch.Tensor], float]:
    description = json.loads((GOLDEN / f"at_loss_seed{seed}.json").read_text())
    return load_file(GOLDEN / f"at_loss_seed{seed}.safetensors"), description["scalars"]["loss"]


def pair_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """One pair, word by word from the paper: a sum of log-softmaxes over explicit lists of classes."""
    positive = [c for c in range(1, len(logits)) if labels[c]]
    negative = [c for c in range(1, len(logits)) if not labels[c]]
    loss = -logits[[0, *negative]].log_softmax(0)[0]
    for position in range(len(positive)):
        loss = loss - logits[[0, *positive]].log_softmax(0)[1 + position]
    return loss


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("seed", SEEDS)
def test_golden_loss_and_gradient(seed: int, dtype: torch.dtype) -> None:
    golden, loss = load(seed)
    logits = golden["logits"].to(dtype).requires_grad_()
    assert_parity(adaptive_threshold(logits, golden["labels"], reduction="none"), golden["per_pair_loss"], dtype)
    mean = adaptive_threshold(logits, golden["labels"])
    assert_parity(mean, torch.tensor(loss, dtype=torch.float64), dtype)
    mean.backward()
    assert_parity(logits.grad, golden["grad_logits"], dtype)


@pytest.mark.parametrize("seed", SEEDS)
def test_golden_decisions(seed: int) -> None:
    golden, _ = load(seed)
    compared = 0
    for name, expected in golden.items():
        if "pred_k" in name:
            k = name.split("pred_k")[1]
            logits = golden["decode_logits" if name.startswith("decode") else "logits"]
            decided = decide_adaptive(logits, None if k == "all" else int(k))
            assert torch.equal(decided, expected[:, 1:].bool()), name
            assert torch.equal(~decided.any(1), expected[:, 0].bool()), name
            compared += 1
    assert compared >= 9


@pytest.mark.parametrize("seed", SEEDS)
def test_real_documents(shared: Path, seed: int) -> None:
    folder = shared / "golden" / "heads" / "atlop"
    golden = json.loads((folder / f"realdata_losses_redocred_dev_{seed}.json").read_text())
    expected = golden["losses"]["adaptive_threshold"]
    labels = load_file(folder / f"preprocessing_redocred_dev_{seed}.safetensors")["labels"]
    i, c = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in labels.shape), indexing="ij")
    logits = (2 * torch.sin(0.7 * i + 1.3 * c) + 1.5 * torch.cos(0.05 * i - 0.9 * c)).requires_grad_()
    loss = adaptive_threshold(logits, labels)
    loss.backward()
    assert loss.item() == pytest.approx(expected["loss"], abs=1e-10)
    assert logits.grad.abs().sum().item() == pytest.approx(expected["grad_abs_sum"], abs=1e-10)
    assert logits.grad[0].tolist() == pytest.approx(expected["grad_row0"], abs=1e-10)
    assert logits.grad[-1].tolist() == pytest.approx(expected["grad_last_row"], abs=1e-10)
    decided = decide_adaptive(logits.detach(), 4)
    no_relation = ~decided.any(1)
    summary = golden["decoded_k4"]  # ones are counted with column 0
    assert int(no_relation.sum()) == summary["na_rows"]
    assert int(decided.sum() + no_relation.sum()) == summary["number_of_ones"]
    for row, classes in zip(decided, summary["first_rows"], strict=False):
        assert (row.nonzero().flatten() + 1).tolist() == [c for c in classes if c]
    single = adaptive_threshold(logits.detach().float(), labels)
    assert single.item() == pytest.approx(expected["loss"], rel=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 7), st.sampled_from([0.1, 3.0, 25.0]))
def test_formula(seed: int, pairs: int, relations: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(pairs, 1 + relations, generator=generator, dtype=torch.float64)
    labels = torch.rand(pairs, 1 + relations, generator=generator) < torch.rand(1, generator=generator)
    expected = torch.stack([pair_loss(*pair) for pair in zip(logits, labels, strict=True)])
    torch.testing.assert_close(adaptive_threshold(logits, labels, "none"), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(adaptive_threshold(logits, labels, "sum"), expected.sum())
    torch.testing.assert_close(adaptive_threshold(logits, labels), expected.mean())
    # A constant added to a pair's logits changes nothing, nor does column 0 of the labels or their type.
    changed = labels.clone()
    changed[:, 0] = ~changed[:, 0]
    torch.testing.assert_close(adaptive_threshold(logits + 7, changed.double(), "none"), expected)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 7), st.sampled_from([None, 1, 2, 3, 20]))
def test_decision_rule_by_sorting(seed: int, pairs: int, relations: int, top_k: int | None) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randint(-3, 4, (pairs, 1 + relations), generator=generator) / 2  # many ties
    for row, decided in zip(logits.tolist(), decide_adaptive(logits, top_k).tolist(), strict=True):
        kth = sorted(row, reverse=True)[min(top_k or len(row), len(row)) - 1]
        assert decided == [value > row[0] and value >= kth for value in row[1:]]


def test_gradcheck_with_all_and_no_relations_positive() -> None:
    labels = torch.tensor([[0, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 1]])
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: adaptive_threshold(x, labels, "none"), (logits,))


@pytest.mark.parametrize("scale", [25.0, 1e4])
def test_large_logits_stay_finite(scale: float) -> None:
    labels = torch.tensor([[0, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 1]])
    logits = (scale * torch.tensor([[1.0, -1, 1, 0], [-1, 1, 1, 1], [1, -1, 1, 1]])).requires_grad_()
    loss = adaptive_threshold(logits, labels)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_no_pairs() -> None:
    logits = torch.zeros(0, 5, requires_grad=True)
    loss = adaptive_threshold(logits, torch.zeros(0, 5))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.shape == (0, 5)
    assert decide_adaptive(logits, 4).shape == (0, 4)


def test_arguments_are_not_changed() -> None:
    golden, _ = load(0)
    logits, labels = golden["logits"].clone(), golden["labels"].clone()
    adaptive_threshold(logits, labels)
    decide_adaptive(logits, 1)
    adaptive_confidence(logits)
    assert torch.equal(logits, golden["logits"])
    assert torch.equal(labels, golden["labels"])


def test_half_precision_is_summed_in_float32() -> None:
    golden, _ = load(1)
    logits = golden["logits"].bfloat16()
    loss = adaptive_threshold(logits, golden["labels"])
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, adaptive_threshold(logits.float(), golden["labels"]))


def test_confidence_is_half_at_the_threshold_and_grows() -> None:
    logits = torch.tensor([[1.0, 1.0, 2.0, 0.0, 90.0, -90.0]])
    expected = torch.tensor([[0.5, 0.7310586, 0.2689414, 1.0, 0.0]])
    torch.testing.assert_close(adaptive_confidence(logits), expected)
    values = torch.randn(50, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(adaptive_confidence(values) > 0.5, decide_adaptive(values))


def test_bad_arguments() -> None:
    logits = torch.zeros(2, 3)
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2, 2\)"):
        adaptive_threshold(logits, torch.zeros(2, 2))
    with pytest.raises(InputError, match=r'"man".*did you mean "mean"'):
        adaptive_threshold(logits, logits, "man")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="top_k = 0"):
        decide_adaptive(logits, 0)
