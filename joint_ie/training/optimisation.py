"""Which parameter learns how fast: AdamW groups, and linear warm-up and decay of the learning rates."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn
from torch.optim import AdamW

from joint_ie.training.settings import TrainingSettings

ENCODER = "encoder."
"""Names of the encoder's parameters begin with this."""

_LAYER = re.compile(r"\blayers?\.(\d+)\.")


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters, by name, that share a peak learning rate and a weight decay."""

    names: tuple[str, ...]
    learning_rate: float
    weight_decay: float


def freeze_embeddings(model: nn.Module) -> None:
    """Switch gradients off for the encoder's embeddings (token, position and type, with their normalisation)."""
    for name, parameter in model.named_parameters():
        if _is_embedding(name):
            parameter.requires_grad_(False)


def parameter_groups(model: nn.Module, settings: TrainingSettings) -> tuple[ParameterGroup, ...]:
    """All parameters with gradients, grouped; biases and normalisation layers have no weight decay.

    With ``layer_decay`` the top encoder layer learns at ``encoder_learning_rate``, layer ``n`` of ``L`` at
    that times ``layer_decay ** (L - 1 - n)``, and the embeddings at that times ``layer_decay ** L``
    (discriminative fine-tuning, Howard and Ruder 2018, with one rate for all heads).
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    numbers = [int(match[1]) for name in names if name.startswith(ENCODER) and (match := _LAYER.search(name))]
    layers = 1 + max(numbers, default=-1)
    undecayed = _undecayed(model)
    grouped: dict[tuple[float, float], list[str]] = defaultdict(list)
    for name in names:
        rate = settings.head_learning_rate
        if name.startswith(ENCODER):
            rate = settings.encoder_learning_rate * (settings.layer_decay or 1.0) ** _depth(name, layers)
        grouped[rate, 0.0 if name in undecayed else settings.weight_decay].append(name)
    return tuple(ParameterGroup(tuple(members), *key) for key, members in grouped.items())


def adamw(model: nn.Module, groups: Iterable[ParameterGroup]) -> AdamW:
    """AdamW (Loshchilov and Hutter 2019) over the groups; learning rates are set before every step."""
    parameters = dict(model.named_parameters())
    return AdamW(
        [
            {
                "params": [parameters[name] for name in group.names],
                "lr": group.learning_rate,
                "weight_decay": group.weight_decay,
            }
            for group in groups
        ],
        fused=True,
    )


def learning_rate_factor(step: int, total: int, warmup: float) -> float:
    """The share of the peak learning rate at optimiser step ``step`` (from 0) of ``total``.

    With ``w = round(warmup * total)`` it rises as ``(step + 1) / w``, then falls as
    ``(total - step) / (total - w)``, so that no step is wasted at 0 and the step after the last would be 0.
    """
    rising = round(warmup * total)
    if step < rising:
        return (step + 1) / rising
    return (total - step) / (total - rising)


def set_learning_rates(optimizer: AdamW, groups: Iterable[ParameterGroup], factor: float) -> None:
    """Give every group ``factor`` times its peak learning rate."""
    for options, group in zip(optimizer.param_groups, groups, strict=True):
        options["lr"] = group.learning_rate * factor


def _is_embedding(name: str) -> bool:
    return name.startswith(ENCODER) and "embeddings" in name


def _depth(name: str, layers: int) -> int:
    """How many layers lie above the encoder parameter ``name``; 0 for what comes after all layers."""
    match = _LAYER.search(name)
    if match:
        return layers - 1 - int(match[1])
    return layers if _is_embedding(name) else 0


def _undecayed(model: nn.Module) -> set[str]:
    """Names of biases and of the parameters of normalisation layers."""
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
        if name.endswith("bias") or type(module).__name__.endswith("Norm")
    }
