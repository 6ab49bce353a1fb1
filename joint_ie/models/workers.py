"""Several batches at once, each on one core.

Matrix products of a batch use two cores badly where documents are short, and what is not a matrix product uses one.
Two batches on a core each are done sooner than one after the other on both: on two cores, extraction takes three
fifths of the time (`benchmarks/results/speed.md`).
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
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
