"""The random generators that training draws from (dropout, sampling), saved and restored without pickle."""

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor


def random_numbers() -> dict[str, Any]:
    """The state of Python's and NumPy's global generators, fit for JSON."""
    version, words, gauss = random.getstate()
    state: Any = np.random.get_state(legacy=False)
    return {
        "python": {"version": version, "words": list(words), "gauss": gauss},
        "numpy": {
            "generator": state["bit_generator"],
            "key": state["state"]["key"].tolist(),
            "position": state["state"]["pos"],
            "has_gauss": state["has_gauss"],
            "gauss": state["gauss"],
        },
    }


def restore_random_numbers(data: dict[str, Any]) -> None:
    """The reverse of `random_numbers`."""
    python, numpy = data["python"], data["numpy"]
    random.setstate((python["version"], tuple(python["words"]), python["gauss"]))
    key = np.array(numpy["key"], dtype=np.uint32)
    np.random.set_state((numpy["generator"], key, numpy["position"], numpy["has_gauss"], numpy["gauss"]))


def random_tensors(device: torch.device) -> dict[str, Tensor]:
    """The state of PyTorch's generators: the CPU's, and that of ``device`` if it is another.

    Shape: uint8 vectors.
    """
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state()
    return states


def restore_random_tensors(states: dict[str, Tensor], device: torch.device) -> None:
    """The reverse of `random_tensors`; a run that moved to another device draws anew there."""
    torch.set_rng_state(states["cpu"])
    if device.type in states and device.type != "cpu":
        torch.get_device_module(device).set_rng_state(states[device.type])
