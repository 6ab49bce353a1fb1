"""``joint-ie predict``: the submission file of a benchmark."""

import argparse
from pathlib import Path
from typing import Any

from joint_ie.cli.arguments import add_computing, computing


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "predict",
        help="relations between given entities, as a benchmark's submission file",
        description="Predict relations between the entities of a corpus and write DocRED's submission format: a "
        "JSON list of {title, h_idx, t_idx, r, evidence}.",
    )
    parser.add_argument("model", metavar="MODEL", help="folder, hub id, or default (the bundled model)")
    parser.add_argument("corpus", metavar="CORPUS", help="corpus name or file; its relations are ignored")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="submission file")
    parser.add_argument("--mode", choices=("gold-entities",), default="gold-entities", help="default: %(default)s")
    parser.add_argument("--reader", metavar="R", help="format of the corpus (default: recognised)")
    add_computing(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict and write the file; 0 when done."""
    from joint_ie.corpora import load_corpus
    from joint_ie.corpora.submission import write_submission
    from joint_ie.extraction import load

    documents = load_corpus(args.corpus, reader=args.reader)
    extract = load(args.model, **computing(args))
    count = write_submission(extract.gold_entities(documents, progress=True), args.output)
    print(f"{count} relations in {len(documents)} documents: {args.output}")
    return 0
