import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cosine_similarity

from joint_ie.errors import InputError
from joint_ie.heads.pair_embedding import DenseEmbedding, GroupedProducts


def sides(seed: int, pairs: int, width: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    head, tail = torch.randn(2, pairs, width, generator=generator, dtype=dtype).tanh()
    return head.requires_grad_(), tail.requires_grad_()


def built(head: Tensor, tail: Tensor, block: int) -> Tensor:
    """The flattened outer products themselves, in loops: (group, position in head, position in tail)."""
    columns = [
        head[:, group + i] * tail[:, group + j]
        for group in range(0, head.shape[1], block)
        for i in range(block)
        for j in range(block)
    ]
    return torch.stack(columns, 1)


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 3), st.integers(1, 4), st.data())
def test_products_that_are_never_built(seed: int, pairs: int, groups: int, block: int, data: st.DataObject) -> None:
    head, tail = sides(seed, pairs, groups * block)
    rows = torch.tensor(data.draw(st.lists(st.integers(0, pairs - 1), max_size=4)), dtype=torch.long)
    weight = torch.randn(len(rows), pairs, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    products = built(head, tail, block)
    expected = cosine_similarity(products[rows, None], products[None], dim=2)
    for embedding in (GroupedProducts(head, tail, block), DenseEmbedding(products)):
        assert len(embedding) == pairs
        cosines = embedding.cosines(rows)
        torch.testing.assert_close(cosines, expected)
        for actual, wanted in zip(
            torch.autograd.grad((weight * cosines).sum(), (head, tail), retain_graph=True),
            torch.autograd.grad((weight * expected).sum(), (head, tail), retain_graph=True),
            strict=True,
        ):
            torch.testing.assert_close(actual, wanted)


def test_no_pairs_and_no_rows_keep_the_graph() -> None:
    for pairs in (0, 3):
        head, tail = sides(0, pairs, 6)
        for embedding in (GroupedProducts(head, tail, 2), DenseEmbedding(head * tail)):
            head.grad = None
            cosines = embedding.cosines(torch.zeros(0, dtype=torch.long))
            assert cosines.shape == (0, pairs)
            cosines.sum().backward()
            assert not head.grad.any()


def test_a_product_of_zeros_has_cosines_and_gradients_of_zero() -> None:
    head, tail = sides(1, 4, 6)
    with torch.no_grad():
        head[2] = 0
    rows = torch.arange(4)
    cosines = GroupedProducts(head, tail, 3).cosines(rows)
    torch.testing.assert_close(cosines, DenseEmbedding(built(head, tail, 3)).cosines(rows))
    assert not cosines[2].any()
    cosines.sum().backward()
    assert head.grad.isfinite().all()
    assert tail.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_full_precision_under_autocast(dtype: torch.dtype) -> None:
    head, tail = sides(2, 20, 8, dtype)
    rows = torch.tensor([0, 7])
    for embedding in (GroupedProducts(head, tail, 4), DenseEmbedding(head)):
        expected = embedding.cosines(rows)
        (gradient,) = torch.autograd.grad(expected.square().sum(), head)
        with torch.autocast("cpu", torch.bfloat16):
            cosines = embedding.cosines(rows)
            loss = cosines.square().sum()
        assert cosines.dtype == torch.float32
        assert torch.equal(cosines, expected)
        assert torch.equal(torch.autograd.grad(loss, head)[0], gradient)


def test_backward_keeps_no_matrix_for_each_group() -> None:
    head, tail = sides(3, 200, 40)  # 10 groups
    saved: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        GroupedProducts(head, tail, 4).cosines(torch.arange(200)).sum()
    assert sum(saved.values()) < 200 * 200


def test_sides_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"\(3, 6\).*\(3, 8\).*multiple of block = 2"):
        GroupedProducts(torch.zeros(3, 6), torch.zeros(3, 8), 2)
    with pytest.raises(InputError, match="multiple of block = 4"):
        GroupedProducts(torch.zeros(3, 6), torch.zeros(3, 6), 4)
