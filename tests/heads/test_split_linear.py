import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.heads.split_linear import SplitLinear


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(1, 4), st.booleans())
@settings(deadline=None)
def test_parts_add_up_to_the_layer_over_the_concatenation(parts: list[int], outputs: int, bias: bool) -> None:
    torch.manual_seed(0)
    layer = SplitLinear(parts, outputs, bias).double()
    values = [torch.randn(7, width, dtype=torch.float64) for width in parts]
    total = sum(layer.project(i, value) for i, value in enumerate(values))
    if bias:
        total = total + layer.bias
    assert torch.allclose(total, layer(torch.cat(values, dim=1)), rtol=1e-12, atol=1e-12)
