"""Types of arguments that several commands share."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def positive(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} should be at least 1")
    return value


def files_and_overrides(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Configuration files, and settings such as ``training.epochs=3``; an existing file may have "=" in its name."""
    files = [item for item in given if Path(item).is_file() or "=" not in item]
    return files, [item for item in given if item not in files]


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} should be from 0 to 1")
    return value
