"""What `joint-ie score` and `joint-ie evaluate` share: modes, training facts, table and JSON."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from joint_ie.corpora.facts import Fact
from joint_ie.document import Document


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """``--mode``, ``--training-facts``, ``--json`` and ``--reader``."""
    parser.add_argument(
        "--mode",
        choices=("end-to-end", "gold-entities"),
        default="end-to-end",
        help="what is predicted: everything from the text, or relations between gold entities (default: %(default)s)",
    )
    parser.add_argument(
        "--training-facts",
        metavar="CORPUS",
        help="training corpus; adds Ign F1, without facts known from it (gold-entities only)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the scores as fractions in full precision; - for stdout")
    parser.add_argument("--reader", metavar="R", help="format of the gold and training corpora (default: recognised)")


def known_facts(args: argparse.Namespace) -> frozenset[Fact] | None:
    """The facts of ``--training-facts``, if given; called first, so that mistakes show before anything takes time."""
    from joint_ie.corpora import load_corpus, training_facts
    from joint_ie.errors import InputError

    if not args.training_facts:
        return None
    if args.mode != "gold-entities":
        raise InputError("--training-facts is for Ign F1; add --mode gold-entities, or leave it out")
    return training_facts(load_corpus(args.training_facts, reader=args.reader))


def report(
    args: argparse.Namespace,
    gold: Sequence[Document],
    predicted: Sequence[Document],
    known: frozenset[Fact] | None,
    title: str,
) -> None:
    """Score, print the table, write the JSON; ``known`` are the `known_facts`."""
    from joint_ie.cli.tables import print_scores, write_json
    from joint_ie.evaluation import end_to_end, gold_entities

    data: dict[str, Any]
    if args.mode == "end-to-end":
        data = end_to_end(gold, predicted).to_dict()
    else:
        data = gold_entities(gold, predicted, known).to_dict()
    # With the JSON on standard output, the table must not get into it.
    print_scores(data, title, sys.stderr if args.json == "-" else None)
    if args.json:
        write_json(data, args.json)
