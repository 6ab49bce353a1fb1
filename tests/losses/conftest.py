"""Reference numbers of the losses and how close to them is close enough (golden README 8)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Case:
    """One reference file: its tensors, its scalars (the peer's, and evaluations of a paper's equation)."""

    tensors: dict[str, torch.Tensor]
    scalars: dict[str, float]


@pytest.fixture(scope="session")
def golden_case() -> Callable[..., Case]:
    """``golden_case("pemscl/pmt_loss", seed)``; ``folder`` for files that are not in the repository."""

    def load(item: str, seed: int, folder: Path = GOLDEN) -> Case:
        stem = f"{item}_seed{seed}"
        description = json.loads((folder / f"{stem}.json").read_text())
        scalars = description["scalars"] | description.get("scalars_own_evaluation", {})
        return Case(load_file(folder / f"{stem}.safetensors"), scalars)

    return load


@pytest.fixture(scope="session")
def assert_parity() -> Callable[..., None]:
    """float64: absolute 1e-10; float32: relative to the largest value."""

    def check(actual: torch.Tensor, expected: torch.Tensor | float, dtype: torch.dtype, single: float = 1e-5) -> None:
        assert actual.dtype == dtype
        expected = torch.as_tensor(expected, dtype=torch.float64)
        tolerance = 1e-10 if dtype == torch.float64 else single * expected.abs().max().item()
        torch.testing.assert_close(actual.detach().double(), expected, rtol=0, atol=tolerance)

    return check


@pytest.fixture
def check_real_documents(shared: Path) -> Callable[..., None]:
    """A loss and a decision rule on three documents' real labels with closed-form logits (golden README 1d)."""

    def check(
        system: str,
        name: str,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        decide: Callable[[torch.Tensor, int], torch.Tensor],
        labels_from: str | None = None,
    ) -> None:
        heads = shared / "golden" / "heads"
        for document in range(3):
            case = json.loads((heads / system / f"realdata_losses_redocred_dev_{document}.json").read_text())
            expected: dict[str, Any] = case["losses"][name]
            source = heads / (labels_from or system) / f"preprocessing_redocred_dev_{document}.safetensors"
            labels = load_file(source)["labels"]
            i, c = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in labels.shape), indexing="ij")
            logits = (2 * torch.sin(0.7 * i + 1.3 * c) + 1.5 * torch.cos(0.05 * i - 0.9 * c)).requires_grad_()
            value = loss(logits, labels)
            value.backward()
            assert value.item() == pytest.approx(expected["loss"], abs=1e-10)
            assert logits.grad.abs().sum().item() == pytest.approx(expected["grad_abs_sum"], abs=1e-10)
            assert logits.grad[0].tolist() == pytest.approx(expected["grad_row0"], abs=1e-10)
            assert logits.grad[-1].tolist() == pytest.approx(expected["grad_last_row"], abs=1e-10)
            assert loss(logits.detach().float(), labels).item() == pytest.approx(expected["loss"], rel=1e-5)
            decided = decide(logits.detach(), 4)
            none = ~decided.any(1)
            summary = case["decoded_k4"]  # ones are counted with column 0
            assert int(none.sum()) == summary["na_rows"]
            assert int(decided.sum() + none.sum()) == summary["number_of_ones"]
            for row, classes in zip(decided, summary["first_rows"], strict=False):
                assert (row.nonzero().flatten() + 1).tolist() == [c for c in classes if c]

    return check
