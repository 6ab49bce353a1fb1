import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from joint_ie.models.checkpoint import load_checkpoint, save_checkpoint
from joint_ie.models.quantisation import SCALE, SMALLEST, dequantise, quantise


@given(st.integers(0, 1000), st.sampled_from([1e-6, 1e-2, 1.0, 1e3]))
@settings(max_examples=20, deadline=None)
def test_error_is_at_most_half_a_step(seed: int, size: float) -> None:
    weight = size * torch.randn(70, 64, generator=torch.Generator().manual_seed(seed)).pow(3)
    packed = quantise({"w": weight})
    assert packed["w"].dtype == torch.int8 and packed["w" + SCALE].shape == (70,)
    step = weight.abs().amax(1, keepdim=True) / 127
    error = (dequantise(packed)["w"] - weight).abs()
    assert (error <= step * (0.5 + 1e-4)).all()
    # the largest number of every row is kept
    largest = weight.abs().argmax(1, keepdim=True)
    assert (error.gather(1, largest) <= 1e-6 * weight.abs().amax()).all()


def test_what_is_not_quantised() -> None:
    weights = {
        "small": torch.randn(8, 8),
        "vector": torch.randn(SMALLEST),
        "grid": torch.randn(16, 16, 16),
        "counts": torch.arange(2 * SMALLEST).view(2, -1),
        "zeros": torch.zeros(64, 64),
    }
    packed = quantise(weights)
    assert set(packed) == {*weights, "zeros" + SCALE}
    assert torch.equal(packed["counts"], weights["counts"])
    for name in ("small", "vector", "grid"):
        assert torch.equal(packed[name], weights[name].half())
    restored = dequantise(packed)
    assert set(restored) == set(weights)
    assert not restored["zeros"].any()
    assert {restored[name].dtype for name in ("small", "vector", "grid", "zeros")} == {torch.float32}


def test_unpacked_weights_pass_through() -> None:
    weights = {"w": torch.randn(100, 100), "n": torch.tensor(3)}
    restored = dequantise(weights)
    assert all(torch.equal(restored[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("representation", "method"), [("multi-instance", "pairwise"), ("localized-context", "antecedent")]
)
def test_a_packed_checkpoint_loads(toy, tmp_path, representation: str, method: str) -> None:
    model = toy.model(
        relations={"representation": representation, "embedding_size": 48, "block_size": 24},
        coreference={"method": method},
        embedding_size=16,
    )
    save_checkpoint(model, toy.tokenizer(), tmp_path)
    packed = quantise(load_file(tmp_path / "model.safetensors"))
    assert any(name.endswith(SCALE) for name in packed)
    before = (tmp_path / "model.safetensors").stat().st_size
    save_file(packed, tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").stat().st_size < 0.6 * before
    loaded, _ = load_checkpoint(tmp_path)
    for (name, new), (_, old) in zip(loaded.named_parameters(), model.named_parameters(), strict=True):
        # half a step of 127, or half precision for what is small
        bound = old.detach().abs().max() * (0.5 / 127 if f"{name}{SCALE}" in packed else 2**-11) + 1e-7
        assert (new - old).abs().max() <= bound * 1.001, name
