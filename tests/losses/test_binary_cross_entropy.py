import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from joint_ie.errors import InputError
from joint_ie.losses import binary_cross_entropy, decide_global, global_confidence, mean_binary_cross_entropy


def threshold_column(tensor: torch.Tensor) -> torch.Tensor:
    """JEREX has no threshold class: put one in front that must not matter."""
    return torch.cat([torch.full_like(tensor[:, :1], 1), tensor], 1)


def entropy(logit: float, label: float) -> float:
    probability = 1 / (1 + math.exp(-logit))
    return -label * math.log(probability) - (1 - label) * math.log(1 - probability)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("variant", ["multi_instance", "global"])
def test_golden_losses(shared: Path, variant: str, dtype: torch.dtype) -> None:
    folder = shared / "golden" / "joint_and_scoring" / "d_jerex"
    expected = json.loads((folder / "expected.json").read_text())["train"][variant]
    tolerance = {"abs": 1e-10} if dtype == torch.float64 else {"rel": 1e-5}
    batch: dict[str, list[torch.Tensor]] = {}
    for document in ("doc0", "doc1"):
        outputs = load_file(folder / f"train_outputs_{variant}_{document}.safetensors")
        sample = load_file(folder / f"train_sample_{document}.safetensors")
        items = {
            "mention": (outputs["mention_logits"].to(dtype), sample["span_is_mention"]),
            "coref": (outputs["coref_logits"].to(dtype), sample["coref_label"]),
            "rel": (
                threshold_column(outputs["relation_logits"].to(dtype)),
                threshold_column(sample["relation_labels"]),
            ),
        }
        for part, (logits, labels) in items.items():
            loss = binary_cross_entropy if part == "rel" else mean_binary_cross_entropy
            assert loss(logits, labels).item() == pytest.approx(expected[document][f"{part}_loss"], **tolerance)
            batch.setdefault(f"{part}_logits", []).append(logits)
            batch.setdefault(f"{part}_labels", []).append(labels)
    together = {name: torch.cat(tensors) for name, tensors in batch.items()}
    for part in ("mention", "coref", "rel"):
        loss = binary_cross_entropy if part == "rel" else mean_binary_cross_entropy
        value = loss(together[f"{part}_logits"], together[f"{part}_labels"]).item()
        assert value == pytest.approx(expected["both_documents_in_one_padded_batch"][f"{part}_loss"], **tolerance)


@pytest.mark.parametrize("document", ["doc0", "doc1"])
@pytest.mark.parametrize("variant", ["multi_instance", "global"])
def test_golden_decisions(shared: Path, variant: str, document: str) -> None:
    folder = shared / "golden" / "joint_and_scoring" / "d_jerex"
    golden = load_file(folder / f"inference_{variant}_{document}.safetensors")
    relations = json.loads((folder / "expected.json").read_text())["inference"][variant][document]["relations"]
    logits = threshold_column(golden["relation_logits"])
    decided = decide_global(logits, 0.6)
    scores = global_confidence(logits)[decided]
    assert sorted(scores.tolist()) == pytest.approx(sorted(score for *_, score in relations), abs=1e-10)


def test_by_hand() -> None:
    logits = torch.tensor([[9.0, 1.5, -2.0], [-9.0, 0.0, 3.0]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[1, 1, 0], [0, 0, 1]])
    pairs = [entropy(1.5, 1) + entropy(-2.0, 0), entropy(0.0, 0) + entropy(3.0, 1)]
    assert binary_cross_entropy(logits, labels, "none").tolist() == pytest.approx(pairs)
    assert binary_cross_entropy(logits, labels, "sum").item() == pytest.approx(sum(pairs))
    loss = binary_cross_entropy(logits, labels.bool())
    assert loss.item() == pytest.approx(sum(pairs) / 2)
    loss.backward()
    expected = torch.cat([torch.zeros(2, 1), (logits.detach().sigmoid() - labels)[:, 1:] / 2], 1)
    torch.testing.assert_close(logits.grad, expected)
    items = mean_binary_cross_entropy(logits.detach()[:, 1], labels[:, 1])
    assert items.item() == pytest.approx((entropy(1.5, 1) + entropy(0.0, 0)) / 2)


def test_nothing_to_score() -> None:
    logits = torch.zeros(0, 4, requires_grad=True)
    scores = torch.zeros(0, requires_grad=True)
    loss = binary_cross_entropy(logits, torch.zeros(0, 4)) + mean_binary_cross_entropy(scores, torch.zeros(0))
    loss.backward()
    assert loss.item() == 0
    assert decide_global(logits, 0.5).shape == (0, 3)


def test_threshold_is_inclusive_and_may_differ_by_relation() -> None:
    logits = torch.tensor([[5.0, 0.0, 0.0, -0.1]])
    assert decide_global(logits, 0.5).tolist() == [[True, True, False]]
    assert decide_global(logits, torch.tensor([0.5, 0.6, 0.4])).tolist() == [[True, False, True]]


def test_half_precision_is_summed_in_float32() -> None:
    logits, labels = torch.tensor([[0.0, 30.0, -1.0]]).bfloat16(), torch.tensor([[0, 1, 0]])
    assert binary_cross_entropy(logits, labels).dtype == torch.float32
    assert mean_binary_cross_entropy(logits[0], labels[0]).dtype == torch.float32
    assert global_confidence(logits).dtype == torch.float32


def test_bad_shapes() -> None:
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2,\)"):
        binary_cross_entropy(torch.zeros(2, 3), torch.zeros(2))
    with pytest.raises(InputError, match=r"\(2,\).*\(3,\)"):
        mean_binary_cross_entropy(torch.zeros(2), torch.zeros(3))
