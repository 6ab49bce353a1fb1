"""``joint-ie score``: any system's output against gold."""

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Declare the command."""
    from joint_ie.cli.scoring import add_scoring_arguments

    parser = commands.add_parser("score", help="score predicted documents against gold ones")
    parser.add_argument("gold", metavar="GOLD", help="corpus name or file with the right answers")
    parser.add_argument(
        "predicted", metavar="PREDICTED", help="predicted documents with the same ids: JSON Lines, or a corpus file"
    )
    add_scoring_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read both sides, print the table, write the JSON; 0 when done."""
    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.cli.scoring import known_facts, report
    from joint_ie.corpora import load_corpus

    known = known_facts(args)
    gold = load_corpus(args.gold, reader=args.reader)
    report(args, gold, load_corpus(args.predicted), known, f"{args.predicted} against {args.gold}")
    return 0
