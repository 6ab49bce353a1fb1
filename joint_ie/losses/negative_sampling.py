"""Negative label sampling: of the relations that a pair without any does not have, only a few count.

Guo, Kok and Bing 2023 (PEMSCL), section 3.5, equations 12 and 13: true relations that the annotation lacks are
rarely among the few. Pairs with a relation keep all their negative labels. The loss that takes the mask is
`pairwise_moving_threshold`.
"""

from typing import Literal

import torch
from torch import Tensor

from joint_ie.errors import InputError, nearest

NegativeSampling = Literal["paper", "released"]


def sample_negative_labels(
    labels: Tensor, ratio: float, generator: torch.Generator | None, sampling: NegativeSampling = "paper"
) -> Tensor:
    """Draw the negative labels that count: each of a pair without a relation with probability ``ratio``.

    Args:
        labels: see Shape.
        ratio: the share that is kept (published: 0.1).
        generator: the source of randomness; it may live on another device than the labels. None: the global one of
            their device, as dropout has it, which a resumed training run restores.
        sampling: ``paper`` draws for every pair on its own; ``released`` draws once for each relation, for all pairs
            of the batch (golden README 3e).

    Shape:
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - ``[P, 1+R]``, bool
    """
    allowed = ("paper", "released")
    if sampling not in allowed:
        raise InputError(f'sampling "{sampling}" should be one of {", ".join(allowed)}{nearest(sampling, allowed)}')
    size = labels.shape if sampling == "paper" else labels.shape[1:]
    device = labels.device if generator is None else generator.device
    draw = torch.rand(size, generator=generator, device=device)
    return keep_negative_labels(labels, draw.to(labels.device), ratio)


def keep_negative_labels(labels: Tensor, draw: Tensor, ratio: float) -> Tensor:
    """The negative labels that count, given the random numbers: those with at most ``ratio``.

    Shape:
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        draw - ``[P, 1+R]``, or ``[1+R]`` for all pairs, in [0, 1]; column 0 is ignored
        returns - ``[P, 1+R]``, bool; True throughout pairs with a relation and in column 0
    """
    if labels.dim() != 2 or draw.shape not in (labels.shape, labels.shape[1:]):
        raise InputError(
            f"labels {tuple(labels.shape)} should be [pairs, 1 + relations] and draw {tuple(draw.shape)} the same, "
            "or without pairs"
        )
    if not 0 < ratio <= 1:
        raise InputError(f"ratio = {ratio} should be above 0 and at most 1")
    relation = torch.arange(labels.shape[1], device=labels.device) > 0
    related = (labels.bool() & relation).any(1, keepdim=True)
    return related | (draw <= ratio) | ~relation
