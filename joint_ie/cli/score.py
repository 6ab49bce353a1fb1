"""``joint-ie score``: any system's output against gold."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from joint_ie.document import Document

if TYPE_CHECKING:
    from joint_ie.cli.scoring import Predicted


def add_parser(commands: Any) -> None:
    """Declare the command."""
    from joint_ie.cli.scoring import add_scoring_arguments

    parser = commands.add_parser("score", help="score predicted documents against gold ones")
    parser.add_argument("gold", metavar="GOLD", help="corpus name or file with the right answers")
    parser.add_argument(
        "predicted",
        metavar="PREDICTED",
        help="predicted documents with the same ids (JSON Lines, or a corpus file), or a DocRED submission",
    )
    parser.add_argument(
        "--against",
        metavar="OTHER",
        action="append",
        default=[],
        help="another system's output, to say by how much PREDICTED differs and how surely; may be given several times",
    )
    parser.add_argument("--predicted-reader", metavar="R", help="format of PREDICTED and OTHER (default: recognised)")
    add_scoring_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read both sides, print the tables, write the JSON; 0 when done."""
    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.cli.scoring import chosen_protocols, list_protocols, report, text_order
    from joint_ie.corpora import load_corpus

    if args.protocol == ["list"]:
        list_protocols(args.mode)
        return 0
    gold = load_corpus(args.gold, reader=args.reader, text_order=text_order(args))
    protocols = chosen_protocols(args, gold)
    systems = [_predicted(args, name, gold) for name in (args.predicted, *args.against)]
    report(args, protocols, gold, systems, f"{args.predicted} against {args.gold}, {args.mode}")
    return 0


def _predicted(args: argparse.Namespace, name: str, gold: Sequence[Document]) -> "Predicted":
    from joint_ie.cli.scoring import Predicted, text_order
    from joint_ie.corpora import is_submission, load_corpus, read_submission
    from joint_ie.errors import InputError

    if args.predicted_reader or not is_submission(name):
        return Predicted(name, load_corpus(name, reader=args.predicted_reader, text_order=text_order(args)))
    if args.mode != "gold-entities":
        raise InputError(f"{name}: is a submission, which names gold entities; add --mode gold-entities")
    submission = read_submission(name, gold)
    return Predicted(name, submission.documents, submission)
