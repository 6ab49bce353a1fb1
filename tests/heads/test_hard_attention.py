from math import ceil

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, gelu, layer_norm, pad

from joint_ie.heads.hard_attention import HardAttention

CHANNELS = 3


def module(filling: str = "sliding", window: int = 3, share: float = 0.4) -> HardAttention:
    torch.manual_seed(0)
    made = HardAttention(CHANNELS, filling, window, share).double()
    with torch.no_grad():
        for layer in (made.norm, made.out):
            layer.weight.uniform_(0.5, 2)
            layer.bias.uniform_(-1, 1)
        made.location.weight *= 5
    return made


def features(made: HardAttention, grid: Tensor) -> Tensor:
    """``f`` everywhere, zeros around the grid: [1, channels, rows, rows]."""
    normed = layer_norm(pad(grid, (2, 2, 2, 2)).permute(0, 2, 3, 1), (CHANNELS,), made.norm.weight, made.norm.bias)
    inner = gelu(conv2d(normed.permute(0, 3, 1, 2), made.first.weight, made.first.bias))
    return conv2d(inner, made.second.weight, made.second.bias)


def by_hand(made: HardAttention, cells: Tensor) -> Tensor:
    """One document, [n, n, channels], in a grid filled much further, with both scales dense."""
    n, p = len(cells), made.window
    row = torch.arange((ceil(n / p) + 7) * p)
    grid = torch.zeros(1, CHANNELS, len(row), len(row)).double()
    for i in row.tolist():
        for j in row.tolist():
            if made.filling == "sliding" or (i < n and j < n):
                grid[0, :, i, j] = cells[i % n, j % n]
    coarse, fine = features(made, avg_pool2d(grid, p))[0], features(made, grid)[0]
    windows = [(i, j) for i in range(ceil(n / p)) for j in range(ceil(n / p))]
    scores = {(i, j): made.location(coarse[:, i, j]).squeeze() for i, j in windows}
    attended = sorted(windows, key=lambda w: -scores[w].item())[: ceil(made.share * len(windows))]
    result = torch.zeros_like(cells)
    for i in range(n):
        for j in range(n):
            window = (i // p, j // p)
            total = grid[0, :, i, j] + coarse[:, window[0], window[1]]
            if window in attended:
                total = total + torch.sigmoid(scores[window]) * fine[:, i, j]
            result[i, j] = layer_norm(total, (CHANNELS,), made.out.weight, made.out.bias)
    return result


@pytest.mark.parametrize("filling", ["sliding", "zero"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 8])
def test_as_in_a_grid_filled_without_end(n: int, filling: str) -> None:
    made, cells = module(filling), torch.randn(1, n, n, CHANNELS).double()
    torch.testing.assert_close(made(cells, torch.tensor([n]))[0], by_hand(made, cells[0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("filling", ["sliding", "zero"])
def test_documents_do_not_see_each_other(filling: str) -> None:
    made, sizes = module(filling), [5, 0, 1, 8, 3]
    cells = torch.full((5, 8, 8, CHANNELS), torch.nan).double()  # padding is not even read
    for document, n in enumerate(sizes):
        cells[document, :n, :n] = torch.randn(n, n, CHANNELS).double()
    together = made(cells, torch.tensor(sizes))
    assert together.shape == cells.shape
    for document, n in enumerate(sizes):
        if n:
            alone = made(cells[document : document + 1, :n, :n], torch.tensor([n]))
            torch.testing.assert_close(together[document, :n, :n], alone[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("share", "attended"), [(0.01, [1, 1, 1]), (0.4, [1, 2, 4]), (1.0, [1, 4, 9])])
def test_the_best_windows_of_every_document(share: float, attended: list[int]) -> None:
    made = module(share=share)
    scores = torch.randn(4, 3, 3)
    chosen = made._attended(scores, torch.tensor([1, 2, 3, 0]))
    assert chosen.flatten(1).sum(1).tolist() == [*attended, 0]
    for own, best, score in zip((1, 2, 3), chosen, scores, strict=False):
        best, score = best[:own, :own].flatten(), score[:own, :own].flatten()
        assert best.all() or score[best].min() > score[~best].max()


def test_gradients_pass_the_choice() -> None:
    made, cells = module(), torch.randn(2, 6, 6, CHANNELS).double().requires_grad_()
    weights = torch.randn(2, 6, 6, CHANNELS).double()
    (made(cells, torch.tensor([6, 4])) * weights).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in made.parameters())
    assert cells.grad[0].abs().min() > 0
    assert not cells.grad[1, 4:].any() and not cells.grad[1, :, 4:].any()


def test_sliding_brings_corners_together() -> None:
    """The first pair sees the last of six entities' pairs, which zeros would keep apart in detail."""
    for filling, seen in (("sliding", True), ("zero", False)):
        made = module(filling, window=1, share=1.0)
        cells = torch.randn(1, 6, 6, CHANNELS).double().requires_grad_()
        made(cells, torch.tensor([6]))[0, 5, 5].square().sum().backward()
        assert bool(cells.grad[0, 0, 0].any()) == seen
