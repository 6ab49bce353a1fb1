"""Folders and files that appear all at once, so that a process killed at any moment leaves a valid one behind."""

import shutil
from collections.abc import Callable
from pathlib import Path


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a new folder, then put it in the place of ``folder``.

    Killed before the end, the old folder is still there, under its own name or as ``<name>.old``
    (see `recover_folder`).
    """
    partial, old = _beside(folder, "partial"), _beside(folder, "old")
    for leftover in (partial, old):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    write(partial)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file (text in UTF-8), or put it in the place of the one that is there."""
    partial = _beside(path, "partial")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.replace(path)


def recover_folder(folder: Path) -> None:
    """Clear up what a killed `write_folder` left, keeping the last complete folder."""
    old = _beside(folder, "old")
    if old.exists() and not folder.exists():
        old.rename(folder)
    for leftover in (_beside(folder, "partial"), old):
        shutil.rmtree(leftover, ignore_errors=True)


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(f"{folder.name}.{ending}")
