"""Weights as 8-bit integers with one scale per output row: a quarter of the size, for models that are shipped."""

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE = ".row_scale"
SMALLEST = 4096  # tensors with fewer numbers stay as they are


def quantise(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every large matrix [rows, columns] as int8 and a scale [rows] in ``<name>.row_scale``; the rest as float16.

    Symmetric: the largest magnitude of a row becomes 127.
    """
    packed: dict[str, Tensor] = {}
    for name, value in weights.items():
        if value.ndim == 2 and value.numel() >= SMALLEST and value.is_floating_point():
            scale = value.float().abs().amax(1).clamp(min=1e-12) / 127
            packed[name] = (value.float() / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
            packed[name + SCALE] = scale
        else:
            packed[name] = value.half() if value.is_floating_point() else value
    return packed


def dequantise(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The reverse, in float32; weights that are not quantised pass through."""
    weights: dict[str, Tensor] = {}
    for name, value in packed.items():
        if name.endswith(SCALE):
            continue
        scale = packed.get(name + SCALE)
        if scale is not None:
            value = value.float() * scale[:, None]
        weights[name] = value.float() if value.is_floating_point() else value
    return weights
