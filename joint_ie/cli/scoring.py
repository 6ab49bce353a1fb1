"""What `joint-ie score` and `joint-ie evaluate` share: protocols, training facts, tables, JSON and the error page."""

import argparse
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint_ie.document import Document

if TYPE_CHECKING:
    from joint_ie.corpora.submission import Submission
    from joint_ie.evaluation.gold_facts import NamedFact
    from joint_ie.evaluation.protocol import Mode, Protocol
    from joint_ie.evaluation.significance import Counts

logger = logging.getLogger(__name__)

RESAMPLES = 2000
_KNOWING = frozenset(("docred", "docred-as-published", "relation-groups", "tag", "tag-as-published", "all"))
"""The protocols that training facts change."""


@dataclass(frozen=True)
class Predicted:
    """What a system said: documents, and, from a submission, what belongs to no document."""

    name: str
    documents: Sequence[Document]
    submission: "Submission | None" = None


def add_scoring_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything about scores, which both commands take."""
    parser.add_argument(
        "--mode",
        choices=("end-to-end", "gold-mentions", "gold-entities"),
        default="end-to-end",
        help="what is predicted: everything from the text, everything but the mentions, which are gold's, or relations "
        "between gold entities (default: %(default)s)",
    )
    parser.add_argument(
        "--protocol",
        metavar="NAME",
        action="append",
        help="how to compare, may be given several times; all: every one of the mode; list: show their names "
        "(default: docred with gold entities, else jerex); several make a JSON {protocols: {name: scores}}",
    )
    parser.add_argument(
        "--training-facts",
        metavar="CORPUS",
        help="training corpus, or DocRED's train_annotated.fact; adds Ign F1, without facts known from it, and, from a "
        "corpus, groups of rare relations",
    )
    parser.add_argument("--intervals", action="store_true", help="95 %% intervals of every F1 (documents resampled)")
    parser.add_argument("--per-type", action="store_true", help="a row for every entity and relation type as well")
    parser.add_argument(
        "--errors", metavar="FILE", type=Path, help="write an error analysis: FILE.html to look at, or FILE.json"
    )
    parser.add_argument("--json", metavar="FILE", help="write the scores as fractions in full precision; - for stdout")
    parser.add_argument("--reader", metavar="R", help="format of the gold and training corpora (default: recognised)")


def chosen_protocols(args: argparse.Namespace, gold: Sequence[Document]) -> "list[Protocol]":
    """The protocols that were asked for; called early, so that mistakes show before anything takes time."""
    from joint_ie.corpora import CORPORA
    from joint_ie.errors import InputError
    from joint_ie.evaluation.protocols import corpus_relations, named, protocols

    if args.errors and args.errors.suffix.lower() not in (".html", ".json"):
        raise InputError(f"--errors {args.errors}: should end in .html (a page to look at) or .json")
    for file in (args.errors, args.json if args.json != "-" else None):
        if file and not Path(file).parent.is_dir():
            raise InputError(
                f"{file}: cannot be written (No such file or directory); name a file in a folder that exists"
            )
    name = getattr(args, "gold", None) or args.corpus
    _warn_of_part(name, "scores are")
    corpus = CORPORA.get(name)
    relations = list(corpus.schema().relation_index) if corpus and corpus.schema else corpus_relations(gold)
    if not args.training_facts:
        known = protocols(args.mode, relations=relations)
    else:
        default = ["docred"] if args.mode == "gold-entities" else ["jerex"]
        if not _KNOWING & set(args.protocol or default):
            raise InputError("--training-facts is for Ign F1; add --mode gold-entities, or --protocol tag")
        known = protocols(args.mode, *_training(args), relations)
    return named(args.protocol or [next(iter(known))], known)


def _training(args: argparse.Namespace) -> "tuple[frozenset[NamedFact], Mapping[str, int] | None]":
    """The facts known from training, and in how many of its facts each relation is, which names do not tell."""
    from joint_ie.corpora import load_corpus, read_facts, training_facts
    from joint_ie.corpora.registered import facts_path
    from joint_ie.evaluation.relation_groups import relation_counts

    if args.training_facts.endswith(".fact"):
        if "relation-groups" in (args.protocol or ()):
            logger.warning("%s: has no documents, so that head, middle and tail are left out", args.training_facts)
        return read_facts(facts_path(args.training_facts)), None
    _warn_of_part(args.training_facts, "Ign F1 and head, middle and tail are")
    training = load_corpus(args.training_facts, reader=args.reader)
    return training_facts(training), relation_counts(training)


def _warn_of_part(corpus: str, what: str) -> None:
    """Say so where a registered name stands for less than what was published."""
    from joint_ie.corpora.registered import stand_in

    if file := stand_in(corpus):
        logger.warning("%s: %s is only a part of it, so that %s not comparable with published ones", corpus, file, what)


def text_order(args: argparse.Namespace) -> bool:
    """Gold entities are compared by position, so that both sides need one order.

    End to end, some published scorers depend on the order of a file, which is then kept.
    """
    return bool(args.mode == "gold-entities")


def list_protocols(mode: "Mode") -> None:
    """Print the names of a mode's protocols, and what they are."""
    from rich.table import Table

    from joint_ie.cli.tables import wide_console
    from joint_ie.evaluation.protocols import protocols

    table = Table("protocol", "what it compares", title=f"Protocols, {mode}", title_justify="left")
    for protocol in protocols(mode).values():
        table.add_row(protocol.name, protocol.description)
    wide_console().print(table)


def report(
    args: argparse.Namespace,
    protocols: "Sequence[Protocol]",
    gold: Sequence[Document],
    systems: Sequence[Predicted],
    title: str,
) -> None:
    """Score the first of the systems, compare the others with it, print tables, write JSON and error analysis."""
    from joint_ie.cli.tables import print_comparison, print_scores, write_json

    # With the JSON on standard output, tables must not get into it.
    file = sys.stderr if args.json == "-" else None
    found: dict[str, dict[str, Any]] = {}
    for protocol in protocols:
        counted = [_counted(protocol, gold, system) for system in systems]
        data = counted[0].scores.to_dict()
        if (args.intervals or len(systems) > 1) and not _measures(protocol):
            print(f"{protocol.name}: no sum over documents, so without intervals and comparisons", file=sys.stderr)
        if args.intervals and _measures(protocol):
            data["intervals"] = intervals(counted[0], _measures(protocol))
        if len(systems) > 1:
            _warn_of_labels(protocol, counted, [system.name for system in systems])
            data["against"] = _compared(protocol, counted, [system.name for system in systems])
        if systems[0].submission and systems[0].submission.strays:
            data["strays"] = len(systems[0].submission.strays)
        print_scores(data, title if protocol is protocols[0] else "", file, per_type=args.per_type)
        if data.get("against"):
            print_comparison(data["against"], file)
        found[protocol.name] = data
    if args.json:
        write_json(next(iter(found.values())) if len(found) == 1 else {"protocols": found}, args.json)
    if args.errors:
        _write_errors(args, gold, systems[0], title, file)


def _counted(protocol: "Protocol", gold: Sequence[Document], system: Predicted) -> "Counts":
    from joint_ie.evaluation import count_documents, stray_tallies

    strays = None
    if system.submission:
        strays = stray_tallies(protocol, gold, system.submission.strays, system.submission.stray_sentences)
    return count_documents(protocol, gold, system.documents, strays)


def _measures(protocol: "Protocol") -> list[str]:
    """The names of the F1 that can be resampled."""
    from joint_ie.evaluation.significance import statistics

    return [name for name in statistics(protocol) if name.endswith(".f1") or name in protocol.means]


def intervals(counted: "Counts", measures: Iterable[str]) -> dict[str, Any]:
    """The interval of every measure, for the JSON of its scores."""
    from joint_ie.evaluation import confidence_interval

    return {name: confidence_interval(counted, name, resamples=RESAMPLES).to_dict() for name in measures}


def _compared(protocol: "Protocol", counted: "Sequence[Counts]", names: Sequence[str]) -> list[dict[str, Any]]:
    """For every measure and other system: difference, its interval, and p, adjusted for the number of systems."""
    from joint_ie.evaluation import approximate_randomisation, holm, paired_bootstrap

    first, *others = counted
    compared: list[dict[str, Any]] = []
    for name in _measures(protocol):
        tests = [approximate_randomisation(first, other, name, resamples=RESAMPLES) for other in others]
        adjusted = holm(test.p for test in tests)
        for other, system, test, p in zip(others, names[1:], tests, adjusted, strict=True):
            bootstrap = paired_bootstrap(first, other, name, resamples=RESAMPLES)
            compared.append(
                {
                    "measure": name,
                    "system": system,
                    "difference": bootstrap.difference,
                    "low": bootstrap.low,
                    "high": bootstrap.high,
                    "p": test.p,
                    "p_holm": p,
                }
            )
    return compared


def _warn_of_labels(protocol: "Protocol", counted: "Sequence[Counts]", names: Sequence[str]) -> None:
    """Say where macro averages are not over the same labels: those seen in gold or in a system's own output."""
    first = counted[0].scores.per_label
    for other, name in zip(counted[1:], names[1:], strict=True):
        apart = {label for measure, found in other.scores.per_label.items() for label in first[measure].keys() ^ found}
        if apart:
            logger.warning(
                "%s: macro scores of %s and %s average over different labels (of one alone: %s); compare micro "
                "scores, or macro scores over all labels (rebel, relation-groups)",
                protocol.name,
                names[0],
                name,
                ", ".join(sorted(apart)),
            )


def _write_errors(args: argparse.Namespace, gold: Sequence[Document], system: Predicted, title: str, file: Any) -> None:
    from joint_ie.cli.tables import print_tables, write_json, write_text
    from joint_ie.evaluation import error_page, error_report, error_tables

    strays = len(system.submission.strays) if system.submission else 0
    errors = error_report(gold, system.documents, args.mode, strays)
    print_tables(error_tables(errors), file)
    if args.errors.suffix.lower() == ".json":
        write_json(errors.to_dict(), str(args.errors))
        return
    write_text(error_page(errors, title), args.errors)
