"""Standard output that says what it is when it can no longer be written.

A full disk or a reader that has gone (``| head``) is an `OSError` like any other, which libraries blame on what they
are about, or end the program for. Here it is an exception of its own, which nothing else catches.
"""

import errno
import io
import os
import sys
from typing import Any


class OutputLost(Exception):
    """Standard output cannot be written any more; ``reader_gone`` if that is because nobody wants to read more."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output cannot be written ({error.strerror}); write to another place")
        self.reader_gone = error.errno == errno.EPIPE


def guard_standard_output() -> None:
    """Make `sys.stdout` raise `OutputLost`; streams that somebody else has put there stay as they are."""
    if sys.stdout is None:  # closed before Python began (``>&-``)
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed()), encoding="utf-8")
        return
    if type(sys.stdout) is not io.TextIOWrapper:
        return
    old = sys.stdout
    raw = getattr(old.buffer, "raw", old.buffer)  # unbuffered by ``python -u``
    if type(raw) is not io.FileIO:
        return
    old.flush()
    guarded = _Guarded(raw.fileno(), "w", closefd=False)
    sys.stdout = io.TextIOWrapper(
        guarded if raw is old.buffer else io.BufferedWriter(guarded),
        encoding=old.encoding,
        errors=old.errors,
        line_buffering=old.line_buffering,
        write_through=old.write_through,
    )


def give_up_standard_output() -> None:
    """Drop what waits to be written, which Python would try again when it ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


class _Guarded(io.FileIO):
    def write(self, data: Any) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            raise OutputLost(error) from None


class _Closed(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise OutputLost(OSError(errno.EBADF, os.strerror(errno.EBADF)))
