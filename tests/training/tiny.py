"""A tiny model with dropout and its run; as a script, runs that kill themselves and are resumed.

usage: tiny.py FOLDER SETTINGS_JSON KILLS..., where each of KILLS (such as ``batch:7,file:3``) is a chain of kills
in one run. Every run is a fork of one process that has imported everything, for importing takes seconds. The tests
cannot fork themselves: a process that has computed gradients should not.
"""

import json
import os
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file  # noqa: F401 (load_file: for the tests)
from torch import nn

from joint_ie.settings import from_mapping
from joint_ie.training import folders, state
from joint_ie.training.loop import TrainingResult, train
from joint_ie.training.settings import TrainingSettings


@dataclass(frozen=True)
class Output:
    loss: torch.Tensor
    losses: dict[str, torch.Tensor]


@dataclass(frozen=True)
class TinyBatch:
    inputs: torch.Tensor
    targets: torch.Tensor

    def to(self, device):
        return TinyBatch(self.inputs.to(device), self.targets.to(device))


class TinyModel(nn.Module):
    def __init__(self, dropout=0.2, generator_seed=3):
        super().__init__()
        torch.manual_seed(generator_seed)
        self.dropout = dropout
        self.encoder = nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.Tanh(), nn.Dropout(dropout))
        self.head = nn.Linear(16, 2)
        self.unused = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, batch):
        inputs = batch.inputs
        if self.training:
            self.seen += 1
            # Whatever generator a model draws from, a resumed run must go on with it.
            inputs = inputs + self.dropout * (random.random() + np.random.rand())
        loss = nn.functional.mse_loss(self.head(self.encoder(inputs)), batch.targets)
        return Output(loss, {"main": loss})


class TinyBatches:
    """Epochs of slightly different lengths, each batch drawn from (epoch, index)."""

    def __init__(self, size=8, lengths=(5, 4, 6, 5)):
        self.size, self.lengths = size, lengths

    def __call__(self, epoch):
        return TinyEpoch(self.size, epoch, self.lengths[epoch % len(self.lengths)])


class TinyEpoch:
    def __init__(self, size, epoch, length):
        self.size, self.epoch, self.length = size, epoch, length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(100 * self.epoch + index)
        inputs = torch.randn(self.size, 6, generator=generator)
        return TinyBatch(inputs, torch.stack([inputs[:, 0], inputs[:, 1] - inputs[:, 2]], dim=1))


def evaluate(model):
    with torch.no_grad():
        return {"relations_strict": 1 - model(TinyBatches(size=64)(99)[0]).loss.item()}


def save(model, folder):
    save_file(dict(model.named_parameters()), folder / "model.safetensors")


def run(folder, resume=False, batches=None, model=None, evaluate=evaluate, save=save, **settings) -> TrainingResult:
    settings = {"precision": "no", "threads": 1, "warmup": 0.2, "encoder_learning_rate": 1e-2, **settings}
    return train(
        model or TinyModel(),
        batches or TinyBatches(),
        evaluate,
        save,
        from_mapping(TrainingSettings, settings),
        folder,
        resume,
    )


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_batch(count):
    """Die when the ``count``-th batch (from 0) reaches the device."""
    remaining = [count]
    to = TinyBatch.to

    def counted(self, device):
        if remaining[0] == 0:
            die()
        remaining[0] -= 1
        return to(self, device)

    TinyBatch.to = counted


def kill_at_file_operation(count):
    """Die before the ``count``-th (from 0) writing, renaming or deleting of a file or folder."""
    remaining = [count]

    def dying(function):
        def counted(*arguments, **options):
            if remaining[0] == 0:
                die()
            remaining[0] -= 1
            return function(*arguments, **options)

        return counted

    Path.rename = dying(Path.rename)
    Path.write_text = dying(Path.write_text)
    Path.mkdir = dying(Path.mkdir)
    folders.shutil.rmtree = dying(folders.shutil.rmtree)
    state.save_file = dying(state.save_file)
    globals()["save_file"] = dying(save_file)


def attempt(folder, settings, kill):
    """Run (or resume) in a fork until ``kill``; returns the exit status of the fork."""
    child = os.fork()
    if child == 0:
        kind, _, count = kill.partition(":")
        {"batch": kill_at_batch, "file": kill_at_file_operation, "never": int}[kind](int(count or 0))
        run(folder, resume=folder.exists(), **settings)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    root, settings, *chains = sys.argv[1:]
    torch.optim.AdamW(TinyModel().parameters())  # imports for seconds, once here rather than in every fork
    for chain in chains:
        statuses = [attempt(Path(root, chain), json.loads(settings), kill) for kill in (*chain.split(","), "never")]
        print(chain, *statuses)
