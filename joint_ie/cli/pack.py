"""``joint-ie pack``: a checkpoint made small enough to ship."""

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "pack",
        help="make a checkpoint small enough to ship",
        description="Write a copy of a checkpoint with 8-bit weights (a quarter of the size) and a model card.",
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="folder of a checkpoint")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="new folder")
    parser.add_argument(
        "--scores",
        metavar="FILE",
        type=Path,
        nargs="*",
        default=[],
        help="files that `joint-ie evaluate --json` wrote for OUTPUT's weights, for the card",
    )
    parser.add_argument("--license", metavar="ID", help="for the card, such as apache-2.0")
    parser.add_argument("--notes", metavar="FILE", type=Path, help="Markdown that ends the card: sources, limits")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the folder; 0 when done."""
    from joint_ie.training.finish import pack_checkpoint

    pack_checkpoint(args.model, args.output, args.scores, args.license, args.notes)
    size = sum(file.stat().st_size for file in args.output.iterdir())
    print(f"{args.output}: {size / 1e6:.1f} MB")
    return 0
