"""Which numbers a device computes with natively."""

from pathlib import Path
from typing import Literal

import torch

_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def resolve_precision(
    precision: Literal["auto", "bf16", "no"], device: torch.device, cpu_info: Path = Path("/proc/cpuinfo")
) -> Literal["bf16", "no"]:
    """``bf16`` or ``no``; ``auto`` becomes bf16 only where ``device`` has instructions for it.

    What a processor can do is read from ``cpu_info``, which only Linux has; elsewhere it is 32 bits.
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no"
    if device.type == "cpu" and cpu_info.exists():
        return "bf16" if _CPU_FLAGS & set(cpu_info.read_text().split()) else "no"
    return "no"
