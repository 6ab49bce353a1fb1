import pytest
import torch

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.errors import InputError
from joint_ie.heads import pair_grid
from joint_ie.heads.pair_grid import PairGrid

# of the second document no entity, of the last one; first mentions are not listed first
ENTITIES = [[[(9, 10), (4, 5)], [(0, 3)], [(0, 1), (2, 3)]], [], [[(1, 2)], [(0, 1)]], [[(3, 4)]]]
IN_ORDER = [[2, 1, 0], [], [1, 0], [0]]  # by first mention; the shorter of those that begin together


def mentions() -> MentionIndex:
    return MentionIndex.build(ENTITIES, [0, 10, 12, 20])


def test_rows_are_entities_in_order_of_first_mention() -> None:
    grid = PairGrid.build(mentions(), 4)
    first = 0
    for document, order in enumerate(IN_ORDER):
        assert grid.entity[document, : len(order)].tolist() == [first + i for i in order]
        assert [grid.place[first + entity] for entity in order] == list(range(len(order)))
        first += len(order)
    assert grid.size.tolist() == [3, 0, 2, 1]
    assert grid.mask.sum((1, 2)).tolist() == [9, 0, 4, 1]


def test_cells_hold_the_value_of_their_pair() -> None:
    index = mentions()
    grid = PairGrid.build(index, 4)
    cells = grid.unordered
    assert len(cells) == 6 + 0 + 3 + 1
    # a value that tells which pair it is of, in whatever order
    values = torch.stack((cells.head + cells.tail, cells.head * cells.tail), dim=1).float() + 1
    square = grid.fill_symmetric(values)
    assert square.shape == (4, 3, 3, 2)
    assert (square[~grid.mask] == 0).all()
    pairs = PairIndex.all(index.entity_document)
    expected = torch.stack((pairs.head + pairs.tail, pairs.head * pairs.tail), dim=1).float() + 1
    assert torch.equal(grid.pick(square, pairs), expected)


def test_head_is_the_row() -> None:
    index = mentions()
    grid = PairGrid.build(index, 4)
    rows = grid.place[torch.arange(6)]
    square = torch.zeros(4, 3, 3, 1)
    square[0, 0, 1] = 7.0  # the entity mentioned first, entity 2, and the one mentioned next, entity 1
    found = grid.pick(square, PairIndex(torch.tensor([2, 1]), torch.tensor([1, 2]), torch.tensor([0, 0])))
    assert found.flatten().tolist() == [7.0, 0.0]
    assert rows[:3].tolist() == [2, 1, 0]


def test_cells_are_numbered_row_by_row() -> None:
    grid = PairGrid.build(mentions(), 4)
    cells = grid.cells
    expected = [
        (document, first + i, first + j)
        for document, (first, order) in enumerate(zip((0, 3, 3, 5), IN_ORDER, strict=True))
        for i in order
        for j in order
    ]
    assert list(zip(cells.document.tolist(), cells.head.tolist(), cells.tail.tolist(), strict=True)) == expected
    assert grid.number(cells).tolist() == list(range(len(expected)))


def test_gradients_reach_both_mirrored_cells() -> None:
    grid = PairGrid.build(mentions(), 4)
    values = torch.ones(10, 1, requires_grad=True)
    grid.fill_symmetric(values).sum().backward()
    cells = grid.unordered
    assert values.grad is not None
    assert torch.equal(values.grad.squeeze(1) == 1, cells.head == cells.tail)


def test_no_entities_at_all() -> None:
    grid = PairGrid.build(MentionIndex.build([[], []], [0, 3]), 2)
    assert grid.side == 0
    assert len(grid.unordered) == 0


def test_too_many_entities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_grid, "MOST_ENTITIES", 2)
    with pytest.raises(InputError, match=r"a document has 3 entities.*at most 2 entities"):
        PairGrid.build(mentions(), 4)
