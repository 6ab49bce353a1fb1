"""``joint-ie evaluate``: a model on an annotated corpus."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint_ie.cli.arguments import add_computing, add_relations_from, computing, positive

if TYPE_CHECKING:
    from joint_ie.document import Document
    from joint_ie.schema import Schema

logger = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Declare the command."""
    from joint_ie.cli.scoring import add_scoring_arguments

    parser = commands.add_parser("evaluate", help="score a model on an annotated corpus")
    parser.add_argument("model", metavar="MODEL", help="folder, hub id, or default (the bundled model)")
    parser.add_argument("corpus", metavar="CORPUS", help="corpus name or file with the right answers")
    add_scoring_arguments(parser)
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the predicted documents (JSON Lines)")
    parser.add_argument("--limit", type=positive, metavar="N", help="the first N documents only")
    add_relations_from(parser)
    add_computing(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict, score, print the table, write the JSON; 0 when done."""
    from joint_ie.cli.scoring import Predicted, chosen_protocols, list_protocols, report, text_order
    from joint_ie.corpora import load_corpus, write_jsonl
    from joint_ie.extraction import load

    if args.protocol == ["list"]:
        list_protocols(args.mode)
        return 0
    gold = load_corpus(args.corpus, reader=args.reader, text_order=text_order(args))[: args.limit]
    protocols = chosen_protocols(args, gold)
    extract = load(args.model, relations=args.relations_from, **computing(args))
    _warn_of_unknown(gold, extract.schema, args.corpus, given_entities=args.mode == "gold-entities")
    predicted = list(extract.by_mode(args.mode, gold, progress=True))
    if args.output:
        write_jsonl(predicted, args.output)
    name = f"{args.model} with relations from {args.relations_from}" if args.relations_from else args.model
    report(args, protocols, gold, [Predicted(name, predicted)], f"{name} on {args.corpus}, {args.mode}")
    return 0


def _warn_of_unknown(gold: "Sequence[Document]", schema: "Schema", corpus: str, given_entities: bool) -> None:
    """Say which types of the corpus the model cannot predict; those of given entities it refuses itself."""
    types = {entity.type for document in gold for entity in document.entities}
    relations = {relation.type for document in gold for relation in document.relations or ()}
    unknown = [
        f"{len(missing)} of {len(found)} {kind} types ({', '.join(missing)})"
        for kind, found, known in (
            ("entity", set() if given_entities else types, schema.entity_index),
            ("relation", relations, schema.relation_index),
        )
        if (missing := sorted(found - known.keys()))
    ]
    if unknown:
        logger.warning(
            "%s: the model does not know %s, and cannot get them right; train one for these labels, or rename them",
            corpus,
            " and ".join(unknown),
        )
