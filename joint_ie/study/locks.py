"""Locks that the operating system frees when a process ends, however it ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path, seconds: float = 0.0) -> Iterator[None]:
    """No two processes are inside at once; `BlockingIOError` if another still is after so many ``seconds``.

    The file (in a folder that exists) stays: were it deleted, two processes could lock two files of its name.
    """
    give_up = time.monotonic() + seconds
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(0.1)
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock now."""
    if not path.exists():
        return False
    try:
        with file_lock(path):
            return False
    except BlockingIOError:
        return True
