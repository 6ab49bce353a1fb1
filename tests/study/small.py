"""A study of the little world of `tests/training/world.py`; as a script, studies that are killed and started again.

usage: small.py FOLDER CHAINS..., where each of CHAINS (such as ``started:2,child-record``) names a sequence of kills
of one study, which at last runs to its end. All processes are forks of one that has imported everything, for importing
takes seconds; but for that they are what `Runner` starts: sessions of their own whose standard input ends with it.
"""

import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import torch
import yaml
from transformers import BertConfig, BertModel

from joint_ie.cli.main import main
from joint_ie.study import cell, runner
from joint_ie.study.records import Record, read_record
from joint_ie.training.log import TrainingLog

world = runpy.run_path(str(Path(__file__).parents[1] / "training" / "world.py"))
die = world["die"]


def write_study(folder: Path, **changes: Any) -> Path:
    """The study's file beside its world: two ways of pooling, two seeds."""
    if not (folder / "world").exists():
        (folder / "world").mkdir(parents=True)
        world["write_world"](folder / "world")
    study = {
        "question": "How are mentions pooled best?",
        "base": ["world/config.yaml"],
        "set": {
            "training": {"epochs": 2},
            "batches": {"documents": 4},
            "model": {"mentions": {"threshold": 0.2}},
        },
        "axes": {"pooling": {"logsumexp": {}, "mean": {"set": {"model": {"relations": {"pooling": "mean"}}}}}},
        "seeds": [1, 2],
        "modes": ["gold-entities", "end-to-end"],
        "protocols": {"gold-entities": ["docred"], "end-to-end": ["jerex", "rebel"]},
        "measure": {"mode": "gold-entities", "protocol": "docred", "measure": "relations"},
        "training_facts": str(folder / "world" / "train.jsonl"),
        **changes,
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    return path


PIPELINES = {
    "axes": {
        "system": {
            "entities": {"set": {"model": {"task_weights": {"relations": 0.0}}, "training": {"monitor": "entities"}}},
            "relations": {},
        }
    },
    "pipelines": {"separate": {"entities": {"system": "entities"}, "relations": {"system": "relations"}}},
    "modes": ["end-to-end"],
    "protocols": {"end-to-end": ["jerex"]},
    "measure": {"mode": "end-to-end", "protocol": "jerex", "measure": "relations"},
    "training_facts": None,
    "seeds": [1],
}
"""Changes that make a study with a pipeline."""

FAILING = {
    **PIPELINES,
    "axes": {"rate": {"good": {}, "bad": {"set": {"training": {"encoder_learning_rate": 1e30}}}}},
    "pipelines": {"both": {"entities": {"rate": "good"}, "relations": {"rate": "bad"}}},
}
"""Changes that make a study of which one cell fails, and a pipeline cannot be run."""


def records(folder: Path) -> dict[str, Record]:
    """By place in the study."""
    root = folder / "cells"
    return {str(path.parent.relative_to(root)): read_record(path) for path in sorted(root.glob("*/*/record.json.xz"))}


def outcome(record: Record) -> tuple[Any, ...]:
    """What must not depend on kills: everything but times, and the memory of one process or another."""
    curve = [(point.epoch, point.step, point.metrics) for point in record.curve]
    return record.config, record.results, record.best_epoch, curve, record.cost.steps, record.cost.parameters


class ForkedProcess:
    """Stands for `subprocess.Popen` in a runner."""

    after_start: Callable[[], None] = staticmethod(lambda: None)
    in_child: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, command: list[str], *, stdout: Any, env: dict[str, str], **_: Any) -> None:
        self.returncode: int | None = None
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.dup2(read, 0)
            os.dup2(stdout.fileno(), 1)
            os.dup2(stdout.fileno(), 2)
            os.closerange(3, 1024)
            self.in_child()
            status = cell.main(command[3:])
            sys.stdout.flush()
            os._exit(status)
        os.close(read)
        self.stdin = os.fdopen(write, "wb")
        with Path(os.environ["PIDS"]).open("a") as file:
            file.write(f"{self.pid}\n")
        ForkedProcess.after_start()

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float = 60.0) -> None:
        end = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)


def counted(count: int, act: Callable[[], None]) -> Callable[[], None]:
    """Calls ``act`` when it is called for the ``count``-th time."""
    remaining = [count]

    def call() -> None:
        remaining[0] -= 1
        if remaining[0] == 0:
            act()

    return call


def kill_when_started(count: int) -> None:
    """The study dies after it has started so many processes."""
    ForkedProcess.after_start = staticmethod(counted(count, die))


def kill_when_tidying(count: int) -> None:
    """The study dies before it tidies up for the ``count``-th time: at its beginning, and after every cell."""
    call, tidy = counted(count, die), runner.Runner._tidy

    def dying(self: Any) -> None:
        call()
        tidy(self)

    runner.Runner._tidy = dying


def kill_children_at_log(count: int) -> None:
    """Every cell's process dies when its training has logged so many lines."""
    ForkedProcess.in_child = staticmethod(lambda: world["kill_at_log"](count))


def kill_children_at_record(_: int) -> None:
    """Every cell's process dies when it would write its record."""

    def patch() -> None:
        cell.write_record = die

    ForkedProcess.in_child = staticmethod(patch)


def terminate(_: int) -> None:
    """The study gets SIGTERM while cells train: each stops at its next line of log, and asks for it."""

    def patch() -> None:
        write = TrainingLog.write

        def last(self: TrainingLog, kind: str, record: Any) -> None:
            write(self, kind, record)
            os.kill(os.getppid(), signal.SIGTERM)
            signal.pause()  # until the study ends it

        TrainingLog.write = last

    ForkedProcess.in_child = staticmethod(patch)


def interrupt_when_started(count: int) -> None:
    """The study gets SIGINT before it has taken note of a process that it has started."""
    ForkedProcess.after_start = staticmethod(counted(count, lambda: os.kill(os.getpid(), signal.SIGINT)))


KILLS = {
    "started": kill_when_started,
    "tidying": kill_when_tidying,
    "child-log": kill_children_at_log,
    "child-record": kill_children_at_record,
    "term": terminate,
    "interrupt": interrupt_when_started,
    "never": int,
}


def attempt(folder: Path, config: Path, kill: str) -> int:
    """Run (or go on) in a fork until ``kill``; returns the exit status, once no process of the study is left."""
    pids = folder.with_suffix(".pids")
    pids.touch()
    os.environ["PIDS"] = str(pids)
    finished = {path: path.read_bytes() for path in folder.glob("cells/*/*/record.json.xz")}
    child = os.fork()
    if child == 0:
        kind, _, count = kill.partition(":")
        KILLS[kind](int(count or 0))
        status = main(["-q", "study", str(config), "-o", str(folder), "--workers", "2"])
        sys.stdout.flush()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    end = time.monotonic() + 60
    while any(alive(int(pid)) for pid in pids.read_text().split()):
        assert time.monotonic() < end, f"{kill}: a process goes on without its study"
        time.sleep(0.05)
    for path, content in finished.items():
        assert path.read_bytes() == content, f"{kill}: {path} was made again"
    return status


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    root, *chains = sys.argv[1:]
    runner.subprocess = SimpleNamespace(  # in the runner alone: cells ask git for the revision
        Popen=ForkedProcess, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
    )
    torch.optim.AdamW(BertModel(BertConfig(hidden_size=12, vocab_size=2)).parameters())  # imports, once
    for chain in chains:
        # before a chain, "pipeline=" or "failing=": another study, "late=": one that gets its pipeline when it is done
        kind, _, kills = chain.rpartition("=")
        if kind == "late":
            config = write_study(Path(root, chain), **{**PIPELINES, "pipelines": {}})
            assert attempt(Path(root, chain, "out"), config, "never") == 0
        changes = {"": {}, "failing": FAILING}.get(kind, PIPELINES)
        config = write_study(Path(root, chain), **changes)
        statuses = [attempt(Path(root, chain, "out"), config, kill) for kill in (*kills.split(","), "never")]
        print("ended", chain, *statuses, flush=True)
