import torch
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.heads.sliding_fill import sliding_fill


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 15)), min_size=1, max_size=3))
def test_cell_by_cell(rows: list[tuple[int, int]]) -> None:
    size = torch.tensor([n for n, _ in rows])
    filled = torch.where(size > 0, size + torch.tensor([more for _, more in rows]), 0)
    side = max(int(size.max()), 1)
    cells = torch.rand(len(rows), side, side, 2) + 1  # what lies beyond a document's own square is not copied
    sliding, zero = (sliding_fill(cells, size, filled, filling) for filling in ("sliding", "zero"))
    assert sliding.shape == zero.shape == (len(rows), int(filled.max()), int(filled.max()), 2)
    for d, (n, whole) in enumerate(zip(size.tolist(), filled.tolist(), strict=True)):
        for i in range(sliding.shape[1]):
            for j in range(sliding.shape[2]):
                copied = cells[d, i % n, j % n] if i < whole and j < whole else torch.zeros(2)
                assert torch.equal(sliding[d, i, j], copied)
                assert torch.equal(zero[d, i, j], cells[d, i, j] if i < n and j < n else torch.zeros(2))


def test_windows_meet_as_in_figure_2() -> None:
    """Cells at opposite corners become neighbours."""
    square = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]]).view(1, 3, 3, 1)
    whole = sliding_fill(square, torch.tensor([3]), torch.tensor([6])).view(6, 6)
    assert whole.tolist() == [[1, 2, 3] * 2, [4, 5, 6] * 2, [7, 8, 9] * 2] * 2
    assert whole[2, 2] == 9 and whole[3, 3] == 1
