"""Axial attention against the published module (golden README 2b), and eq. 7 against loops."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from joint_ie.errors import InputError
from joint_ie.heads import axial_attention
from joint_ie.heads.axial_attention import AxialAttention

GOLDEN = Path(__file__).parents[1] / "golden" / "kd_docre"
FORMS = ("paper", "released")


def assert_parity(actual: Tensor, expected: Tensor | float) -> None:
    """Golden README 8: float64 absolute 1e-10, float32 relative to the largest value 1e-5."""
    expected = torch.as_tensor(expected, dtype=torch.float64)
    tolerance = 1e-10 if actual.dtype == torch.float64 else 1e-5 * expected.abs().max().item()
    torch.testing.assert_close(actual.detach().double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(3))
def test_golden_values_and_gradients(seed: int, dtype: torch.dtype) -> None:
    golden = load_file(GOLDEN / f"axial_module_seed{seed}.safetensors")
    described = json.loads((GOLDEN / f"axial_module_seed{seed}.json").read_text())
    dims = described["dims"]
    stack = AxialAttention(dims["d"], dims["layers"], dims["heads"], "released").to(dtype)
    names = {name: name.replace("layers.", "layer") for name, _ in stack.named_parameters()}
    stack.load_state_dict({ours: golden[theirs] for ours, theirs in names.items()})
    outputs: dict[str, Tensor] = {}
    for name, module in stack.named_modules():
        if name.endswith(("along_head", "along_tail")) or name.count(".") == 1:
            key = f"{name.replace('layers.', 'layer')}.output"
            module.register_forward_hook(lambda module, given, output, key=key: outputs.update({key: output}))

    grid = golden["grid"].to(dtype).requires_grad_()
    result = stack(grid)
    loss = (result * golden["upstream_grad"].to(dtype)).sum()
    loss.backward()
    assert len(outputs) == 3 * dims["layers"]
    for name, output in outputs.items():
        assert_parity(output, golden[name])
    assert_parity(outputs[f"layer{dims['layers'] - 1}.output"], golden["output_axial"])
    assert_parity(result, golden["output_residual"])
    assert_parity(loss, described["scalars"]["loss"])
    assert_parity(grid.grad, golden["grad_grid"])
    for name, weight in stack.named_parameters():
        assert_parity(weight.grad, golden[f"grad_{names[name]}"])


def test_paper_form_cell_by_cell() -> None:
    """Eq. 7: column step first, row step on its result, queries, keys and values of the input in both."""
    stack = make("paper", layers=2)
    grid = random_grid(1, 4)
    expected = grid[0]
    for layer in stack.layers:
        q, k, v = (expected @ weight.T for weight in (layer.q.weight, layer.k.weight, layer.v.weight))
        after = torch.empty_like(expected)
        for s in range(4):
            for o in range(4):
                column = torch.stack([q[s, o] @ k[p, o] for p in range(4)]).softmax(0)
                row = torch.stack([q[s, o] @ k[s, p] for p in range(4)]).softmax(0)
                after[s, o] = expected[s, o] + sum(column[p] * v[p, o] + row[p] * v[s, p] for p in range(4))
        expected = after
    torch.testing.assert_close(stack(grid)[0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_no_layers_change_nothing(form: str) -> None:
    grid = random_grid(2, 3)
    assert torch.equal(make(form, layers=0)(grid), grid)


@pytest.mark.parametrize("form", FORMS)
def test_order_of_entities_only_moves_cells(form: str) -> None:
    stack, grid = make(form), random_grid(2, 5)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(stack(grid[:, order][:, :, order]), stack(grid)[:, order][:, :, order])


@pytest.mark.parametrize("form", FORMS)
def test_a_cell_reaches_its_row_and_column_alone(form: str) -> None:
    stack, grid = make(form, layers=1), random_grid(1, 4).requires_grad_()
    reached = torch.autograd.grad(stack(grid)[0, 1, 2].sum(), grid)[0][0].abs().sum(-1) > 0
    expected = torch.zeros(4, 4, dtype=torch.bool)
    expected[1, :] = expected[:, 2] = True
    assert torch.equal(reached, expected)


@pytest.mark.parametrize("form", FORMS)
def test_large_grids_keep_the_input_of_every_layer_alone(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and gradients are the same; backward holds one grid for each layer."""
    stack, grid = make(form), random_grid(1, 6).requires_grad_()
    found, held = [], []
    for kept in (36, 35):
        monkeypatch.setattr(axial_attention, "KEPT", kept)
        saved: dict[int, Tensor] = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, saved=saved: saved.setdefault(t.untyped_storage().data_ptr(), t), lambda t: t
        ):
            output = stack(grid)
        held.append(sum(t.untyped_storage().nbytes() >= grid.nbytes for t in saved.values()))
        gradients = torch.autograd.grad(stack(grid).square().sum(), [grid, *stack.parameters()])
        found.append((output, *gradients))
    for first, second in zip(*found, strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-12)
    assert held[0] >= 6 * len(stack.layers) and held[1] == len(stack.layers)
    with torch.no_grad():
        torch.testing.assert_close(stack(grid), found[0][0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_bfloat16_autocast_trains(form: str) -> None:
    stack, grid = make(form).float(), random_grid(2, 3).float()
    with torch.autocast("cpu", torch.bfloat16):
        output = stack(grid)
    output.square().sum().backward()
    exact = stack(grid)
    assert (output - exact).abs().max() <= 0.05 * exact.abs().max()
    assert all(weight.grad.isfinite().all() for weight in stack.parameters())


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"5 .*12"):
        AxialAttention(12, 1, 5, "released")
    with pytest.raises(InputError, match=r'"relesed".*did you mean "released"'):
        AxialAttention(12, 1, 3, "relesed")
    AxialAttention(12, 1, 5, "paper")  # has one head


def make(form: str, layers: int = 2) -> AxialAttention:
    torch.manual_seed(0)
    return AxialAttention(12, layers, 3, form).double()


def random_grid(documents: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(documents, side, side, 12, generator=generator, dtype=torch.float64)
