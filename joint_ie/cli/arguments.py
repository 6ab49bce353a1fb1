"""Types of arguments that several commands share."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Parser(argparse.ArgumentParser):
    """Says of an unknown option how the command is used that it was given to, not how the whole program is.

    Python 3.11 takes all positional arguments from where the first one stands. ``scattered`` names the list of those
    that may follow options as well.
    """

    scattered: str | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Nothing is left unknown."""
        found, rest = super().parse_known_args(args, namespace)
        if self.scattered:
            values = getattr(found, self.scattered)
            setattr(found, self.scattered, [*values, *(item for item in rest if not item.startswith("-"))])
            rest = [item for item in rest if item.startswith("-")]
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; any text may be asked for."""
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, or with a null character: a text
        return False


def same_file(output: Path, given: Path | str) -> bool:
    """Whether what shall be written is there already, and is what is read."""
    return output.exists() and exists(Path(given)) and output.samefile(given)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number of at least 1") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} should be at least 1")
    return value


def files_and_overrides(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Configuration files, and settings such as ``training.epochs=3``; an existing file may have "=" in its name."""
    files = [item for item in given if Path(item).is_file() or "=" not in item]
    return files, [item for item in given if item not in files]


def fraction(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} should be a number from 0 to 1") from None
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} should be from 0 to 1")
    return value


def add_computing(parser: argparse.ArgumentParser) -> None:
    """``--threads``, ``--precision`` and ``--engine``, which are what `joint_ie.load` calls so."""
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads")
    parser.add_argument(
        "--precision",
        choices=("auto", "bf16", "no", "int8"),
        default="auto",
        help="auto: bf16 where the device has it, else no, which is 32 bits; int8: the encoder in 8 bits, by OpenVINO",
    )
    parser.add_argument(
        "--engine",
        choices=("torch", "openvino"),
        default="torch",
        help="what runs the encoder; on CPUs, openvino is faster, above all without bf16 (default: %(default)s)",
    )


def add_relations_from(parser: argparse.ArgumentParser) -> None:
    """``--relations-from``, which is what `joint_ie.load` calls ``relations``."""
    parser.add_argument(
        "--relations-from",
        metavar="MODEL",
        help="another model that says relations between the entities found (a pipeline); folder, hub id, or default",
    )


def computing(args: argparse.Namespace) -> dict[str, Any]:
    """What `add_computing` declared, for `joint_ie.load`."""
    return {"threads": args.threads, "precision": args.precision, "engine": args.engine}
