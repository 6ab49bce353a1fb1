from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from joint_ie.errors import InputError
from joint_ie.heads.grouped_bilinear import GroupedBilinear
from joint_ie.losses import adaptive_threshold

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}  # golden README 8


def assert_parity(actual: torch.Tensor, expected: torch.Tensor) -> None:
    scale = 1.0 if actual.dtype == torch.float64 else expected.abs().max().item()
    torch.testing.assert_close(actual.double(), expected.double(), rtol=0, atol=TOLERANCE[actual.dtype] * scale)


def reference(module: GroupedBilinear, z_head: torch.Tensor, z_tail: torch.Tensor) -> torch.Tensor:
    """Group by group and class by class, as a sum over every product."""
    block = module.block_size
    weight = module.weight.unflatten(1, (-1, block, block))
    return torch.einsum("pgi,pgj,cgij->pc", *(z.unflatten(1, (-1, block)) for z in (z_head, z_tail)), weight) + (
        module.bias
    )


def inputs(pairs: int, size: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    values = (torch.randn(pairs, size, generator=generator, dtype=torch.float64).tanh() for _ in range(2))
    return [value.to(dtype).requires_grad_() for value in values]


@pytest.mark.parametrize("max_elements", [1, 150, 2**22])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_golden_pair_module(shared: Path, seed: int, dtype: torch.dtype, max_elements: int) -> None:
    golden = load_file(shared / "golden" / "heads" / "atlop" / f"pair_module_seed{seed}.safetensors")
    classes, size = golden["logits"].shape[1], golden["z_s"].shape[1]
    module = GroupedBilinear(size, golden["bilinear_input"].shape[1] // size, classes, max_elements).to(dtype)
    state = {"weight": golden["bilinear.weight"], "bias": golden["bilinear.bias"]}
    module.load_state_dict(state)
    logits = module(golden["z_s"].to(dtype), golden["z_o"].to(dtype))
    assert_parity(logits, golden["logits"])
    adaptive_threshold(logits, golden["labels"]).backward()
    assert_parity(module.weight.grad, golden["grad_bilinear.weight"])
    assert_parity(module.bias.grad, golden["grad_bilinear.bias"])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_golden_layout_one_product_at_a_time(shared: Path, seed: int) -> None:
    """With the identity as weight, the logits are the outer products in golden order."""
    golden = load_file(shared / "golden" / "heads" / "atlop" / f"pair_module_seed{seed}.safetensors")
    products, size = golden["bilinear_input"].shape[1], golden["z_s"].shape[1]
    module = GroupedBilinear(size, products // size, products).double()
    module.load_state_dict({"weight": torch.eye(products), "bias": torch.zeros(products)})
    assert_parity(module(golden["z_s"], golden["z_o"]), golden["bilinear_input"])


@pytest.mark.parametrize("max_elements", [1, 50, 2**22])
@pytest.mark.parametrize(("size", "block"), [(6, 3), (4, 1), (4, 4)])
def test_gradcheck(size: int, block: int, max_elements: int) -> None:
    torch.manual_seed(0)
    module = GroupedBilinear(size, block, 3, max_elements).double()
    z_head, z_tail = inputs(5, size)
    torch.testing.assert_close(module(z_head, z_tail), reference(module, z_head, z_tail))

    def call(z_head: torch.Tensor, z_tail: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(module, {"weight": weight, "bias": bias}, (z_head, z_tail))

    assert torch.autograd.gradcheck(call, (z_head, z_tail, module.weight, module.bias))


def test_nothing_large_is_saved_for_backward() -> None:
    module = GroupedBilinear(64, 16, 5)
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x.numel()) or x, lambda x: x):
        module(*inputs(200, 64, torch.float32))
    assert max(saved) <= max(200 * 64, module.weight.numel())


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast(dtype: torch.dtype, inside: bool) -> None:
    """bfloat16 has 8 bits: about 1 % of the largest value; gradients come in the types of the inputs."""
    torch.manual_seed(0)
    module = GroupedBilinear(64, 16, 7)
    z_head, z_tail = inputs(300, 64, dtype)
    exact = [z.detach().float().requires_grad_() for z in (z_head, z_tail)]
    upstream = torch.randn(300, 7)
    expected = reference(module, *exact)
    expected_grads = torch.autograd.grad(expected, [*exact, module.weight, module.bias], upstream)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = module(z_head, z_tail)
        if inside:
            logits.backward(upstream)
    if not inside:
        logits.backward(upstream)
    assert logits.dtype == torch.float32
    pairs = [(logits, expected)]
    for tensor, expected_grad in zip((z_head, z_tail, module.weight, module.bias), expected_grads, strict=True):
        assert tensor.grad.dtype == tensor.dtype
        pairs.append((tensor.grad, expected_grad))
    for actual, wanted in pairs:
        assert (actual.float() - wanted).abs().max() <= 0.02 * wanted.abs().max()


def test_bfloat16_module() -> None:
    module = GroupedBilinear(8, 4, 3).bfloat16()
    logits = module(*inputs(5, 8, torch.bfloat16))
    logits.sum().backward()
    assert logits.dtype == module.weight.grad.dtype == torch.bfloat16


def test_no_pairs() -> None:
    module = GroupedBilinear(8, 4, 3)
    logits = module(*inputs(0, 8, torch.float32))
    logits.sum().backward()
    assert logits.shape == (0, 3)
    assert not module.weight.grad.any()


def test_groups_must_divide() -> None:
    with pytest.raises(InputError, match=r"250 .* 64"):
        GroupedBilinear(250, 64, 97)
