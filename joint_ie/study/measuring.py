"""Versions, machine and cost of a cell's own process."""

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from joint_ie.models.precision import Precision, default_device, resolve_precision
from joint_ie.study.records import Machine


def versions() -> dict[str, str | None]:
    """Of this package (``revision``: its git commit, where it is run from a repository) and what it computes with."""
    packages = {"joint_ie": "joint-ie", "torch": "torch", "transformers": "transformers"}
    found: dict[str, str | None] = {name: version(package) for name, package in packages.items()}
    return {**found, "revision": _revision(), "python": platform.python_version()}


def machine(precision: Precision) -> Machine:
    """Where this process computes, and with which numbers."""
    device = default_device()
    processor = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return Machine(device.type, torch.get_num_threads(), resolve_precision(precision, device), processor)


def visible_gpus() -> list[str]:
    """Their names in ``CUDA_VISIBLE_DEVICES``; nothing is started on them."""
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",")[:count] if named else [str(number) for number in range(count)]


def peak_memory() -> int:
    """Bytes that this process had at most; of the GPU, if there is one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _processor(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Its name, which only Linux tells in a file."""
    if cpu_info.exists():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _revision() -> str | None:
    """The commit that this file is of, with a plus where tracked files were changed since."""
    file = Path(__file__)
    if not _git(file.parent, "ls-files", "--error-unmatch", file.name):
        return None  # installed; a repository around it is another one
    return _git(file.parent, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+")


def _git(folder: Path, *command: str) -> str | None:
    try:
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
