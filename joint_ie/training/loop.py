"""The training loop: any model that returns losses, any batches, one device.

A run fills its folder with ``best/`` and ``last/`` (checkpoints in the public format), ``log.jsonl`` and ``state/``
(what `train` needs to go on after an interruption, with the same result).
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn
from tqdm import tqdm

from joint_ie.errors import InputError, nearest
from joint_ie.models.precision import autocast, resolve_precision
from joint_ie.settings import completed, differences, to_mapping
from joint_ie.training.folders import recover_folder, write_folder
from joint_ie.training.interfaces import Batch, EpochBatches, ModelOutput
from joint_ie.training.log import TrainingLog
from joint_ie.training.optimisation import (
    adamw,
    freeze_embeddings,
    learning_rate_factor,
    parameter_groups,
    set_learning_rates,
)
from joint_ie.training.settings import NO_EFFECT, TrainingSettings
from joint_ie.training.state import Progress, SavedState, StateFolder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended; ``best_score`` and ``best_epoch`` (from 0) belong to the checkpoint in ``best/``."""

    best_score: float | None
    best_epoch: int | None
    steps: int


def train(
    model: nn.Module,
    batches: EpochBatches,
    evaluate: Callable[[nn.Module], Mapping[str, float]],
    save: Callable[[nn.Module, Path], None],
    settings: TrainingSettings,
    folder: Path,
    resume: bool = False,
    *,
    config: Any = None,
    fingerprints: Mapping[str, str] | None = None,
) -> TrainingResult:
    """Train ``model`` in place and write the run into ``folder``; returns the best score and where it was reached.

    Args:
        model: Called with a batch, returns a `ModelOutput`. Parameters named ``encoder.*`` are the encoder.
        batches: The training data.
        evaluate: Validation metrics of the model, which is in evaluation mode; gradients are off, and the
            precision is that of training.
        save: Writes the model as a checkpoint into an existing, empty folder.
        settings: See `TrainingSettings`.
        folder: New, unless ``resume``.
        resume: Go on with an interrupted run, which ends as if it had never stopped. A finished run returns
            its result at once.
        config: The whole configuration (model, data), a dataclass of settings with a field ``training``, which becomes
            ``settings``. A resumed run must have the same; settings that are newer than the run had their default.
        fingerprints: Digests of what was read, by what an error calls it (``training documents``). A resumed run must
            have the same; what was not digested when it was started is not compared.
    """
    config = _Alone(settings) if config is None else replace(config, training=settings)
    if not resume:
        check_new_folder(folder)
    elif not folder.is_dir():
        raise InputError(f"{folder}: no such run folder to resume; name an existing one or train without --resume")
    return _Run(model, batches, evaluate, save, settings, folder, config, fingerprints or {}).run()


def check_new_folder(folder: Path) -> None:
    """Raise `InputError` if ``folder`` already holds a run, which training would overwrite, or is a file."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the run")
    for name in ("log.jsonl", "state", "best", "last"):
        if (folder / name).exists():
            raise InputError(
                f"{folder}: already holds a run ({name}); go on with it by --resume, or choose another folder"
            )


@dataclass(frozen=True)
class _Alone:
    """The configuration of a run of which nothing else is known."""

    training: TrainingSettings


class _Run:
    """One run with what it works on; `progress` is all that changes besides model, optimiser and files."""

    def __init__(
        self,
        model: nn.Module,
        batches: EpochBatches,
        evaluate: Callable[[nn.Module], Mapping[str, float]],
        save: Callable[[nn.Module, Path], None],
        settings: TrainingSettings,
        folder: Path,
        config: Any,
        fingerprints: Mapping[str, str],
    ) -> None:
        # Precision is ours to set: Accelerate fixes its own once per process.
        self.accelerator = Accelerator(mixed_precision="no")
        if self.accelerator.num_processes > 1:
            raise InputError("training runs on one device; start it without `accelerate launch` or with one process")
        self.device = self.accelerator.device
        self.precision = resolve_precision(settings.precision, self.device)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        self.settings, self.config, self.folder = settings, config, folder
        self.batches, self.evaluate, self.save, self.fingerprints = batches, evaluate, save, fingerprints
        self.lengths = tuple(len(batches(epoch)) for epoch in range(settings.epochs))
        if 0 in self.lengths:
            raise InputError(f"epoch {self.lengths.index(0)} has no batches; give training documents with labels")
        self.total = sum(math.ceil(length / settings.accumulation) for length in self.lengths)
        self.model = model.to(self.device)
        if settings.frozen_embeddings:
            freeze_embeddings(model)
        self.groups = parameter_groups(model, settings)
        self.optimizer = adamw(model, self.groups)
        self.parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        names = [name for group in self.groups for name in group.names]
        self.states = StateFolder(folder / "state", model, self.optimizer, names)
        self.log = TrainingLog(folder / "log.jsonl")
        self.progress = Progress()
        self.started, self.started_cpu = time.perf_counter(), time.process_time()

    def run(self) -> TrainingResult:
        """Start or go on, to the end."""
        self._begin()
        while not self._finished():
            self._epoch()
        return TrainingResult(self.progress.best_score, self.progress.best_epoch, self.progress.step)

    def _begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("best", "last"):
            recover_folder(self.folder / name)
        saved = self.states.read()
        if saved:
            self._check_same(saved)
            self.states.restore(self.device)
            self.progress = saved.progress
            logger.info("resumed after step %d of %d", self.progress.step, self.total)
        else:
            set_seed(self.settings.seed)
        self.log.truncate(self.progress.log_size)

    def _check_same(self, saved: SavedState) -> None:
        allowed = {f"training.{name}" for name in NO_EFFECT}
        before = completed(type(self.config), saved.config, f"{self.folder}/state")
        for key, old, new in differences(before, to_mapping(self.config)):
            if key not in allowed:
                raise InputError(
                    f"{self.folder}: was started with {key} = {old!r}, now it is {new!r}; set it back or train anew"
                )
        for name, now in self.fingerprints.items():
            if saved.fingerprints.get(name, now) != now:
                raise InputError(f"{self.folder}: was started with other {name} than now; set them back or train anew")
        for epoch, (old, new) in enumerate(zip(saved.batches, self.lengths, strict=False)):
            if old != new:
                raise InputError(
                    f"{self.folder}: was started with {old} batches in epoch {epoch}, now there are {new}; "
                    f"resume with the same training documents or train anew"
                )

    def _finished(self) -> bool:
        patience = self.settings.patience
        stopped = patience is not None and self.progress.waiting >= patience
        return stopped or self.progress.epoch >= self.settings.trained_epochs

    def _epoch(self) -> None:
        """The rest of the current epoch, its validation, checkpoints and state."""
        epoch, first = self.progress.epoch, self.progress.batch
        batches = self.batches(epoch)
        self.model.train()
        # disable=None: no bar where standard error is not a terminal.
        with tqdm(total=len(batches), initial=first, desc=f"epoch {epoch}", disable=None, leave=False) as bar:
            for start in range(first, len(batches), self.settings.accumulation):
                stop = min(start + self.settings.accumulation, len(batches))
                loss = self._step([batches[i] for i in range(start, stop)])
                self.progress = replace(self.progress, batch=stop, step=self.progress.step + 1)
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                bar.update(stop - start)
                if self.settings.save_every_steps and self.progress.step % self.settings.save_every_steps == 0:
                    self._save_state()
        if self.settings.validates(epoch):
            self._validate()
        write_folder(self.folder / "last", lambda folder: self.save(self.model, folder))
        self.progress = replace(self.progress, epoch=epoch + 1, batch=0)
        self._save_state()
        logger.info("epoch %d done: step %d of %d, %.0f s", epoch, self.progress.step, self.total, self._seconds())

    def _step(self, group: Sequence[Batch]) -> float:
        """One optimiser step over a group of batches; returns their mean loss."""
        step = self.progress.step
        factor = learning_rate_factor(step, self.total, self.settings.warmup)
        set_learning_rates(self.optimizer, self.groups, factor)
        losses: list[Tensor] = []
        tasks: dict[str, list[Tensor]] = {}
        for batch in group:
            with autocast(self.device, self.precision):
                output: ModelOutput = self.model(batch.to(self.device))
            self.accelerator.backward(output.loss / len(group))
            losses.append(output.loss.detach())
            for task, value in output.losses.items():
                tasks.setdefault(task, []).append(value.detach())
        norm = nn.utils.clip_grad_norm_(self.parameters, self.settings.max_gradient_norm)
        loss = _mean(losses)
        if not math.isfinite(loss) or not math.isfinite(norm.item()):
            self._diverged(loss, norm.item(), tasks)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if step == 0 or (step + 1) % self.settings.log_every == 0:
            self._log_step(step + 1, loss, norm.item(), tasks)
        return loss

    def _log_step(self, step: int, loss: float, norm: float, tasks: Mapping[str, Sequence[Tensor]]) -> None:
        """Log the ``step``-th optimiser step, counted from 1 as in all records."""
        record = {
            "step": step,
            "epoch": self.progress.epoch,
            "loss": loss,
            "losses": {task: _mean(values) for task, values in tasks.items()},
            "gradient_norm": norm,
            "learning_rate": max(options["lr"] for options in self.optimizer.param_groups),
            "seconds": self._seconds(),
        }
        self.log.write("step", record)

    def _diverged(self, loss: float, norm: float, tasks: Mapping[str, Sequence[Tensor]]) -> None:
        parts = ", ".join(f"{task} {_mean(values):.4g}" for task, values in tasks.items())
        raise InputError(
            f"{self.folder}: training diverged at step {self.progress.step + 1} (epoch {self.progress.epoch}): loss "
            f"{loss:.4g} ({parts}), gradient norm {norm:.4g}; lower the learning rates or set training.precision=no"
        )

    def _validate(self) -> None:
        """Score the model, log it, and keep it if it is the best so far."""
        self.model.eval()
        with torch.no_grad(), autocast(self.device, self.precision):
            metrics = {name: float(value) for name, value in self.evaluate(self.model).items()}
        monitor = self.settings.monitor
        if monitor not in metrics:
            raise InputError(
                f"training.monitor = {monitor!r} is not a metric of this validation{nearest(monitor, metrics)}; "
                f"it gives {', '.join(metrics)}"
            )
        epoch, score, best = self.progress.epoch, metrics[monitor], self.progress.best_score
        better = not math.isnan(score) and (best is None or score > best)
        if better:
            write_folder(self.folder / "best", lambda folder: self.save(self.model, folder))
            self.progress = replace(self.progress, best_score=score, best_epoch=epoch, waiting=0)
        else:
            self.progress = replace(self.progress, waiting=self.progress.waiting + 1)
        record = {"step": self.progress.step, "epoch": epoch, "metrics": metrics, "best": better}
        self.log.write("validation", {**record, "seconds": self._seconds(), "cpu_seconds": self._cpu_seconds()})
        logger.info("epoch %d: %s %.4f%s", epoch, monitor, score, " (best)" if better else "")

    def _save_state(self) -> None:
        seconds, cpu_seconds = self._seconds(), self._cpu_seconds()
        progress = replace(self.progress, log_size=self.log.size, seconds=seconds, cpu_seconds=cpu_seconds)
        self.states.save(SavedState(progress, to_mapping(self.config), self.lengths, self.fingerprints), self.device)

    def _seconds(self) -> float:
        """Seconds of training so far, those before an interruption included."""
        return round(self.progress.seconds + time.perf_counter() - self.started, 3)

    def _cpu_seconds(self) -> float:
        """CPU time of training so far, likewise."""
        return round(self.progress.cpu_seconds + time.process_time() - self.started_cpu, 3)


def _mean(values: Sequence[Tensor]) -> float:
    return torch.stack([value.float() for value in values]).mean().item()
