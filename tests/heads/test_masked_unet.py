"""The U-Net over pair squares against the published one (golden README 5c), and documents beside each other."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from joint_ie.errors import InputError
from joint_ie.heads.masked_batch_norm import MaskedBatchNorm
from joint_ie.heads.masked_unet import MaskedUNet

GOLDEN = Path(__file__).parents[1] / "golden" / "docunet"
BLOCKS = ("in", "down1", "down2", "up1", "up2")


def ours(name: str) -> str:
    """The published name of a weight in this package."""
    return name.replace("in.", "enter.", 1) if name.startswith("in.") else name.replace("out.conv", "out")


@dataclass(frozen=True)
class Case:
    golden: dict[str, Tensor]
    loss: dict[str, float]
    unet: MaskedUNet
    size: Tensor


@pytest.fixture(params=(0, 1, 2))
def case(request: pytest.FixtureRequest) -> Case:
    """Seeds 1 and 2 (odd sides) are in the repository; seed 0 is not."""
    stem = f"unet_seed{request.param}"
    folder = GOLDEN
    if not (folder / f"{stem}.json").exists():
        folder = request.getfixturevalue("shared") / "golden" / "heads" / "docunet"
    golden, described = load_file(folder / f"{stem}.safetensors"), json.loads((folder / f"{stem}.json").read_text())
    dims, scalars = described["dims"], described["scalars"]
    unet = MaskedUNet(dims["in_channels"], dims["out_channels"], dims["base_channels"]).double()
    weights = [name for name, about in described["tensors"].items() if about["role"] == "weight"]
    unet.load_state_dict({ours(name): golden[name] for name in weights})
    loss = {mode: scalars[f"loss.{mode}"] for mode in ("train", "eval")}
    return Case(golden, loss, unet, torch.full((dims["B"],), dims["N"]))


def assert_parity(actual: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=tolerance)  # golden README 8


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_golden(case: Case, mode: str) -> None:
    """Blocks, result, running values and gradients."""
    golden, unet = case.golden, case.unet.train(mode == "train")
    seen: dict[str, Tensor] = {}
    for name in BLOCKS:
        block: nn.Module = getattr(unet, ours(f"{name}.").rstrip("."))
        block.register_forward_hook(lambda module, given, found, name=name: seen.__setitem__(name, found))
    channels = golden["input"].clone().requires_grad_()
    result = unet(channels.permute(0, 2, 3, 1), case.size)
    loss = (result * golden["upstream_grad"]).sum()
    loss.backward()
    for name in BLOCKS:
        assert_parity(seen[name], golden[f"{name}.output.{mode}"])
    assert_parity(result, golden[f"output.{mode}"])
    assert loss.item() == pytest.approx(case.loss[mode], abs=1e-10)
    assert_parity(channels.grad, golden[f"grad_input.{mode}"])
    gradients = {ours(name.removeprefix("grad_")): value for name, value in golden.items() if name.endswith(f".{mode}")}
    for name, weight in unet.named_parameters():
        assert_parity(weight.grad, gradients[f"{name}.{mode}"])
    buffers = dict(unet.named_buffers())
    for name in [name for name in golden if "running_" in name and not name.endswith(".after")]:
        assert_parity(buffers[ours(name)], golden[f"{name}.after" if mode == "train" else name])


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_golden_in_single_precision(case: Case, mode: str) -> None:
    golden, unet = case.golden, case.unet.float().train(mode == "train")
    result = unet(golden["input"].float().permute(0, 2, 3, 1), case.size)
    (result * golden["upstream_grad"].float()).sum().backward()
    expected = golden[f"output.{mode}"]
    assert_parity(result, expected, 1e-5 * expected.abs().max().item())
    expected = golden[f"grad_out.conv.weight.{mode}"]
    assert_parity(unet.out.weight.grad, expected, 1e-4 * expected.abs().max().item())


def network(base: int = 4) -> MaskedUNet:
    """Random weights, and running values as after some training."""
    torch.manual_seed(0)
    unet = MaskedUNet(3, 4, base).double().eval()
    for name, value in unet.named_buffers():
        value.copy_(torch.rand_like(value) + (0.5 if name.endswith("var") else -0.5))
    return unet


def batch(sizes: list[int], seed: int = 1) -> tuple[Tensor, Tensor]:
    """Squares of these sizes; what lies beyond them is rubbish."""
    generator = torch.Generator().manual_seed(seed)
    side = max(sizes)
    grid = torch.randn(len(sizes), side, side, 3, generator=generator, dtype=torch.float64)
    return grid, torch.tensor(sizes)


SIZES = [5, 1, 11, 2, 8, 3, 10, 4, 9, 6, 7, 0]


def test_documents_of_a_batch_get_what_they_get_alone() -> None:
    unet, (grid, size) = network(), batch(SIZES)
    together = unet(grid, size)
    for document, n in enumerate(SIZES):
        if n:
            alone = unet(grid[document : document + 1, :n, :n], size[document : document + 1])
            torch.testing.assert_close(together[document, :n, :n], alone[0], rtol=0, atol=1e-12)
        assert not together[document, n:].any()
        assert not together[document, :, n:].any()


def test_what_lies_beyond_a_document_is_not_looked_at() -> None:
    """In training too: neither results nor statistics nor gradients."""
    (grid, size), found = batch(SIZES), []
    inside = torch.arange(grid.shape[1]) < size[:, None]
    inside = (inside[:, :, None] & inside[:, None, :]).unsqueeze(3)
    for rubbish in (0.0, 1e6):
        unet, cells = network().train(), torch.where(inside, grid, rubbish).requires_grad_()
        result = unet(cells, size)
        result.square().sum().backward()
        found.append([result.detach(), cells.grad, unet.enter.conv1.weight.grad, *(b.clone() for b in unet.buffers())])
        assert not cells.grad.masked_select(~inside).any()
    for first, second in zip(*found, strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-12)


def test_a_smaller_document_by_hand() -> None:
    """One document of 7 rows (levels of 7, 3, 1) inside a square of 11, with torch's own layers."""
    unet, (grid, _) = network(), batch([11])

    def block(layers: nn.Module, values: Tensor) -> Tensor:
        for convolution, norm in ((layers.conv1, layers.bn1), (layers.conv2, layers.bn2)):
            values = nn.functional.batch_norm(
                convolution(values), norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=1e-5
            ).relu()
        return values

    def beside(skip: Tensor, values: Tensor) -> Tensor:
        values = interpolate(values, scale_factor=2, mode="bilinear", align_corners=True)
        rest = skip.shape[2] - values.shape[2]
        return torch.cat((skip, nn.functional.pad(values, (rest // 2, rest - rest // 2) * 2)), dim=1)

    pool: Callable[[Tensor], Tensor] = nn.MaxPool2d(2)
    x1 = block(unet.enter, grid[:, :7, :7].permute(0, 3, 1, 2))
    x2 = block(unet.down1, pool(x1))
    x3 = block(unet.down2, pool(x2))
    assert [x.shape[2] for x in (x1, x2, x3)] == [7, 3, 1]
    y = block(unet.up2, beside(x1, block(unet.up1, beside(x2, x3))))
    expected = unet.out(y).permute(0, 2, 3, 1)
    result = unet(grid, torch.tensor([7]))
    torch.testing.assert_close(result[:, :7, :7], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [[1], [2], [3], [1, 1], [1, 2, 3], [4], [6, 2]])
def test_small_documents_train(sizes: list[int]) -> None:
    unet, (grid, size) = network(base=16).train(), batch(sizes)  # wide enough that some unit is not dead
    for _ in range(3):
        unet(grid, size).square().sum().backward()
    for values in (*(p.grad for p in unet.parameters()), *unet.buffers()):
        assert values.isfinite().all()
    assert (unet.enter.bn1.running_var > 0).all()
    assert unet.enter.conv1.weight.grad.any()


def test_a_level_without_variance_keeps_its_running_values() -> None:
    """A document of 4 rows has a single cell on the lowest level, one of 3 none; two of 4 have two."""
    for sizes, moves in (([4], False), ([3, 2], False), ([4, 4], True), ([8], True)):
        unet, (grid, size) = network().train(), batch(sizes)
        before = {name: value.clone() for name, value in unet.named_buffers()}
        unet(grid, size)
        for name, value in unet.named_buffers():
            assert torch.equal(value, before[name]) == (name.startswith("down2") and not moves), name


def test_batch_norm_is_that_of_torch() -> None:
    """Where all cells are inside, also after several batches; and where few are, on these alone."""
    torch.manual_seed(2)
    masked, torchs = MaskedBatchNorm(3).double(), nn.BatchNorm2d(3).double()
    for _ in range(3):
        values = torch.randn(2, 3, 4, 4, dtype=torch.float64) * 3 + 1
        everywhere = torch.ones(2, 1, 4, 4, dtype=torch.bool)
        torch.testing.assert_close(masked(values, everywhere), torchs(values), rtol=0, atol=1e-12)
    inside = torch.rand(2, 1, 4, 4) < 0.4
    chosen = values.permute(0, 2, 3, 1)[inside.squeeze(1)]  # [cells, C]
    expected = torchs(chosen[:, :, None, None])[:, :, 0, 0]
    found = masked(values, inside).permute(0, 2, 3, 1)[inside.squeeze(1)]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(masked, name), getattr(torchs, name), rtol=0, atol=1e-12)
    masked.eval(), torchs.eval()
    torch.testing.assert_close(masked(values, inside), torchs(values), rtol=0, atol=1e-12)


def test_under_autocast() -> None:
    unet, (grid, size) = network().float().train(), batch([9, 4])
    with torch.autocast("cpu", torch.bfloat16):
        result = unet(grid.float(), size)
    result.float().square().sum().backward()
    assert result.isfinite().all()
    assert all(p.grad.dtype == torch.float32 for p in unet.parameters())


@pytest.mark.parametrize("base", [5, 0])
def test_channels_that_cannot_be_halved(base: int) -> None:
    with pytest.raises(InputError, match=rf"base = {base} .* even"):
        MaskedUNet(3, 4, base)
