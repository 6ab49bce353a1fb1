"""``joint-ie score``: any system's output against gold."""

import argparse
import sys
from typing import Any


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser("score", help="score predicted documents against gold ones")
    parser.add_argument("gold", metavar="GOLD", help="corpus name or file with the right answers")
    parser.add_argument("predicted", metavar="PREDICTED", help="file with the predictions, documents of the same ids")
    parser.add_argument(
        "--mode",
        choices=("end-to-end", "gold-entities"),
        default="end-to-end",
        help="what was predicted: everything from the text, or relations between gold entities (default: %(default)s)",
    )
    parser.add_argument(
        "--training-facts",
        metavar="CORPUS",
        help="training corpus; adds Ign F1, without facts known from it (gold-entities only)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the scores as fractions in full precision; - for stdout")
    parser.add_argument("--reader", metavar="R", help="format of GOLD and of --training-facts (default: recognised)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read both sides, print the table, write the JSON; 0 when done."""
    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.cli.tables import print_scores, write_json
    from joint_ie.corpora import load_corpus, training_facts
    from joint_ie.errors import InputError
    from joint_ie.evaluation import end_to_end, gold_entities

    if args.training_facts and args.mode != "gold-entities":
        raise InputError("--training-facts is for Ign F1; add --mode gold-entities, or leave it out")
    gold = load_corpus(args.gold, reader=args.reader)
    predicted = load_corpus(args.predicted)
    data: dict[str, Any]
    if args.mode == "end-to-end":
        data = end_to_end(gold, predicted).to_dict()
    else:
        known = None
        if args.training_facts:
            known = training_facts(load_corpus(args.training_facts, reader=args.reader))
        data = gold_entities(gold, predicted, known).to_dict()
    # With the JSON on standard output, the table must not get into it.
    print_scores(data, f"{args.predicted} against {args.gold}", sys.stderr if args.json == "-" else None)
    if args.json:
        write_json(data, args.json)
    return 0
