"""Full precision where autocast would round what decides."""

import torch
from torch import Tensor, nn


def at_least_float32(values: Tensor) -> Tensor:
    """Half precision (autocast) becomes float32; float32 and float64 stay what they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def in_full_precision(layer: nn.Module, values: Tensor) -> Tensor:
    """``layer(values)`` in the type of its weights also under autocast, for logits: decisions compare them."""
    with torch.autocast(values.device.type, enabled=False):
        result: Tensor = layer(values.to(next(layer.parameters()).dtype))
    return result
