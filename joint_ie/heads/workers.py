"""Several batches, or parts of one document, at once, each on one core.

Matrix products of a batch use two cores badly where documents are short, and what is not a matrix product uses one.
Two batches on a core each are done sooner than one after the other on both: on two cores, extraction takes three
fifths of the time (`benchmarks/results/speed.md`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from types import TracebackType
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """As many threads as torch may use, each with torch on one core; a context manager that waits for them."""

    def __init__(self) -> None:
        self.count = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.count, "joint-ie", initializer=torch.set_num_threads, initargs=(1,))

    def submit(self, function: Callable[P, R], *args: P.args, **options: P.kwargs) -> "Future[R]":
        """Call it as soon as a thread is free; in the order of submission."""
        return self._pool.submit(function, *args, **options)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(self.count)  # the workers' 1 would be that of threads that are started later


def on_every_core(device: torch.device, function: Callable[[T], R], parts: Iterable[T]) -> Iterator[R]:
    """The results of the parts, in their order, a part on each of the cores that this thread may use.

    One after the other in this thread where it may use one core only, as the threads of `Workers`, where the ``device``
    is no CPU, where gradients are wanted, or where there is one part only. No more parts are taken than threads can
    work at.
    """
    parts = iter(parts)
    first = list(islice(parts, 2))
    parts = chain(first, parts)
    alone = device.type != "cpu" or torch.get_num_threads() == 1 or torch.is_grad_enabled()
    if alone or len(first) < 2:
        yield from map(function, parts)
        return
    enabled, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    def run(part: T) -> R:
        with torch.no_grad(), torch.autocast("cpu", dtype, enabled=enabled):  # a thread begins without either
            return function(part)

    with Workers() as workers:
        running: deque[Future[R]] = deque()
        for part in parts:
            running.append(workers.submit(run, part))
            if len(running) > workers.count:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
