"""All that a run needs to go on as if it had never stopped, on disk.

``state/<number>/`` holds ``state.json`` and safetensors files; the highest number is the valid one. A state is
written beside the older one and renamed when it is complete, so a run killed at any moment can be resumed.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from joint_ie.errors import InputError
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.training.folders import write_folder
from joint_ie.training.randomness import (
    random_numbers,
    random_tensors,
    restore_random_numbers,
    restore_random_tensors,
)


@dataclass(frozen=True)
class Progress:
    """Where a run stands: ``batch`` batches of epoch ``epoch`` are done, after ``step`` optimiser steps in all.

    ``waiting`` counts validations since the best one, ``log_size`` the bytes of the log up to here, and
    ``seconds`` and ``cpu_seconds`` the time spent.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_score: float | None = None
    best_epoch: int | None = None
    waiting: int = 0
    log_size: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class SavedState:
    """The readable part of a saved state.

    ``batches`` are the numbers of batches in each epoch, ``fingerprints`` digests of what the run works with; states of
    older versions have none.
    """

    progress: Progress
    config: Mapping[str, Any]
    batches: tuple[int, ...]
    fingerprints: Mapping[str, str]


class StateFolder:
    """The folder ``state/`` of one run: model, optimiser, random generators and progress."""

    def __init__(self, folder: Path, model: nn.Module, optimizer: Optimizer, names: Sequence[str]) -> None:
        """``names`` are those of the optimiser's parameters, in its order."""
        self.folder = folder
        self._model = model
        self._optimizer = optimizer
        self._names = tuple(names)

    def save(self, state: SavedState, device: torch.device) -> None:
        """Write a new state; the one before stays valid until this one is complete, and is then deleted."""
        number = 1 + max(self._numbers(), default=0)

        def write(folder: Path) -> None:
            save_file(_contiguous(_own_tensors(self._model)), folder / "model.safetensors")
            save_file(_contiguous(self._optimizer_tensors()), folder / "optimizer.safetensors")
            save_file(random_tensors(device), folder / "random.safetensors")
            content = {
                "progress": to_mapping(state.progress),
                "config": state.config,
                "batches": state.batches,
                "fingerprints": dict(state.fingerprints),
                "random": random_numbers(),
            }
            (folder / "state.json").write_text(json.dumps(content), encoding="utf-8")

        write_folder(self.folder / str(number), write)
        self._keep_only(number)

    def read(self) -> SavedState | None:
        """The newest complete state, without restoring anything; None if there is none."""
        numbers = self._numbers()
        if not numbers:
            return None
        path = self.folder / str(max(numbers)) / "state.json"
        data = _read_json(path)
        progress = from_mapping(Progress, data["progress"], str(path))
        return SavedState(progress, data["config"], tuple(data["batches"]), data.get("fingerprints", {}))

    def restore(self, device: torch.device) -> None:
        """Bring model, optimiser and random generators to the newest state."""
        newest = max(self._numbers())
        self._keep_only(newest)
        folder = self.folder / str(newest)
        self._restore_model(_read_tensors(folder / "model.safetensors"), folder)
        self._restore_optimizer(_read_tensors(folder / "optimizer.safetensors"))
        restore_random_tensors(_read_tensors(folder / "random.safetensors"), device)
        restore_random_numbers(_read_json(folder / "state.json")["random"])

    def _numbers(self) -> list[int]:
        if not self.folder.exists():
            return []
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]

    def _keep_only(self, number: int) -> None:
        """Delete older states, and what a killed `save` left."""
        for folder in list(self.folder.iterdir()):
            if folder.name != str(number):
                shutil.rmtree(folder)

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        """``<parameter>.<key>`` for each of AdamW's ``step``, ``exp_avg`` and ``exp_avg_sq``."""
        state = self._optimizer.state_dict()["state"]
        return {f"{self._names[i]}.{key}": value for i, values in state.items() for key, value in values.items()}

    def _restore_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        positions = {name: i for i, name in enumerate(self._names)}
        state: dict[int, dict[str, Tensor]] = {}
        for path, tensor in tensors.items():
            name, _, key = path.rpartition(".")
            # Cloned, for else the tensors would live in the mapped file, which is deleted with its state.
            state.setdefault(positions[name], {})[key] = tensor.clone()
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})

    @torch.no_grad()
    def _restore_model(self, tensors: Mapping[str, Tensor], folder: Path) -> None:
        own = _own_tensors(self._model)
        for name in [*own, *tensors]:
            if name not in own or name not in tensors or own[name].shape != tensors[name].shape:
                raise InputError(f"{folder}: parameter {name} does not fit the model; resume with the same model")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def _own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, each once even if it is shared (safetensors refuses shared memory)."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read ({error}); delete the run folder and train again") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); delete the run folder and train again") from None
