"""Times of functions that do the same work, taken in turns, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from tqdm import tqdm

CLOCKS: Mapping[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Times:
    """Seconds of every round by function, and by clock."""

    seconds: Mapping[str, Mapping[str, list[float]]]

    def median(self, name: str, clock: str) -> float:
        return statistics.median(self.seconds[name][clock])

    def ratio(self, name: str, base: str, clock: str) -> float:
        """The median over rounds of how much longer ``name`` took than ``base`` in the same round."""
        pairs = zip(self.seconds[name][clock], self.seconds[base][clock], strict=True)
        return statistics.median(one / other for one, other in pairs)


def in_turns(functions: Mapping[str, Callable[[], object]], rounds: int, title: str = "") -> Times:
    """Run all functions once to warm up, then ``rounds`` times, one after the other in every round."""
    seconds: dict[str, dict[str, list[float]]] = {name: {clock: [] for clock in CLOCKS} for name in functions}
    for number in tqdm(range(rounds + 1), desc=title, disable=None, leave=False):
        for name, function in functions.items():
            before = {clock: read() for clock, read in CLOCKS.items()}
            function()
            if number:
                for clock, read in CLOCKS.items():
                    seconds[name][clock].append(read() - before[clock])
    return Times(seconds)


@dataclass
class Stages:
    """CPU seconds by stage: what `timed` functions take, without the timed functions that they call."""

    seconds: dict[str, float] = field(default_factory=dict)
    _inner: list[float] = field(default_factory=list)

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def measured(*args: Any, **options: Any) -> Any:
            with self.stage(stage):
                return function(*args, **options)

        return measured

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.process_time()
        self._inner.append(0.0)
        try:
            yield
        finally:
            whole = time.process_time() - start
            inner = self._inner.pop()
            self.seconds[name] = self.seconds.get(name, 0.0) + whole - inner
            if self._inner:
                self._inner[-1] += whole
