"""Which numbers a device computes with natively."""

from pathlib import Path
from typing import Literal

import torch

Precision = Literal["auto", "bf16", "no"]
Engine = Literal["torch", "openvino"]
"""What runs the encoder."""
_CPU_FLAGS = {"avx512_bf16", "amx_bf16"}


def resolve_precision(
    precision: Precision, device: torch.device, cpu_info: Path = Path("/proc/cpuinfo")
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


def default_device() -> torch.device:
    """A GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, precision: Precision = "auto") -> torch.autocast:
    """A context in which ``device`` computes in bf16, or in 32 bits; see `resolve_precision`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=resolve_precision(precision, device) == "bf16")
