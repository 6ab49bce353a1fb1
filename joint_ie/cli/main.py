"""The `joint-ie` command."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from joint_ie.cli.study import spelled_out
from joint_ie.errors import InputError

COMMANDS = (
    *("extract", "train", "adapt", "tune", "pack", "evaluate", "predict", "score"),
    *("study", "data", "graph", "view", "serve", "info"),
)


def parser() -> argparse.ArgumentParser:
    """All commands with their arguments; each lives in the module of its name."""
    top = argparse.ArgumentParser(prog="joint-ie", description="Raw text in, knowledge graph out.")
    top.add_argument("-q", "--quiet", action="store_true", help="warnings only")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"joint_ie.cli.{name}").add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed on some input (named, the rest done), 2 wrong use."""
    args = parser().parse_args(spelled_out(sys.argv[1:] if arguments is None else arguments))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("joint_ie").setLevel(logging.WARNING if args.quiet else logging.INFO)
    try:
        return int(args.run(args))
    except InputError as error:
        print(f"joint-ie: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("joint-ie: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `joint-ie extract ... | head`
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
