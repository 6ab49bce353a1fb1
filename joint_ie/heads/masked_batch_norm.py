"""Batch norm over the cells of squares of different sizes."""

import torch
from torch import Tensor, nn

from joint_ie.heads.precision import at_least_float32

EPSILON, MOMENTUM = 1e-5, 0.1  # golden README 5c


class MaskedBatchNorm(nn.Module):
    """`torch.nn.BatchNorm2d` that counts only some cells: padding neither normalises nor is learned from.

    In training the mean and the biased variance of the batch normalise, and the running values move a tenth of the
    way to the mean and the unbiased variance; in evaluation the running values normalise. Where a batch has fewer than
    two cells there is no variance (torch raises an error): such a batch is normalised by the running values in
    training too, and leaves them alone. That is our choice; the method pads to 42 entities and never gets there.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, values: Tensor, inside: Tensor) -> Tensor:
        """``values`` [B, C, N, N], ``inside`` [B, 1, N, N] bool; returns [B, C, N, N], in float32 at least."""
        values = at_least_float32(values)  # autocast convolves in bfloat16
        mean, variance = self.running_mean, self.running_var
        if self.training:
            mean, variance = self._batch_statistics(values, inside)
        scale = self.weight * torch.rsqrt(variance + EPSILON)
        return (values - _per_channel(mean)) * _per_channel(scale) + _per_channel(self.bias)

    def _batch_statistics(self, values: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance [C] to normalise by; moves the running values."""
        count = inside.sum()
        mean = values.masked_fill(~inside, 0.0).sum((0, 2, 3)) / count.clamp(min=1)
        squares = (values - _per_channel(mean)).masked_fill(~inside, 0.0).square().sum((0, 2, 3))
        variance = squares / count.clamp(min=1)
        enough = count > 1
        with torch.no_grad():
            step = MOMENTUM * enough.to(mean.dtype)
            self.running_mean += step * (mean - self.running_mean)
            self.running_var += step * (squares / (count - 1).clamp(min=1) - self.running_var)
        return torch.where(enough, mean, self.running_mean), torch.where(enough, variance, self.running_var)


def _per_channel(values: Tensor) -> Tensor:
    """[C] to [C, 1, 1]."""
    return values[:, None, None]
