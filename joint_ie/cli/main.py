"""The `joint-ie` command."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import joint_ie
from joint_ie.cli.arguments import Parser
from joint_ie.cli.output import OutputLost, give_up_standard_output, guard_standard_output
from joint_ie.cli.study import spelled_out
from joint_ie.errors import InputError

COMMANDS = (
    *("extract", "train", "adapt", "tune", "pack", "evaluate", "predict", "score"),
    *("study", "data", "graph", "view", "serve", "info"),
)


def parser() -> argparse.ArgumentParser:
    """All commands with their arguments; each lives in the module of its name."""
    top = Parser(prog="joint-ie", description="Raw text in, knowledge graph out.")
    top.add_argument("--version", action=_Version, help="print the version")
    top.add_argument("-q", "--quiet", action="store_true", help="warnings only")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"joint_ie.cli.{name}").add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed on some input (named, the rest done), 2 wrong use."""
    guard_standard_output()
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()  # while there is somebody to tell that it failed
    except OutputLost as lost:
        give_up_standard_output()
        if lost.reader_gone:  # `joint-ie extract ... | head`
            return 0
        print(f"joint-ie: {lost}", file=sys.stderr)
        return 1
    except InputError as error:
        print(f"joint-ie: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("joint-ie: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `joint-ie extract ... 2>&1 | head`
        sys.stderr.close()
        return 0


def _run(arguments: Sequence[str]) -> int:
    args = parser().parse_args(spelled_out(arguments))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("joint_ie").setLevel(logging.WARNING if args.quiet else logging.INFO)
    return int(args.run(args))


class _Version(argparse.Action):
    """Looked up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"joint-ie {joint_ie.__version__}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
