"""``joint-ie graph``: one graph of many documents, and what can be done with it."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint_ie.cli.arguments import fraction, same_file
from joint_ie.cli.graph_store import add_load_parser, add_query_parser
from joint_ie.cli.graph_view import add_view_parser
from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.document import Document
    from joint_ie.graph import GraphStore

_RULES = ("none", "exact", "normalised", "fuzzy")  # `joint_ie.graph.merging.RULES`, not imported to start quickly
_FORMATS = ("jsonl", "csv", "graphml", "cypher", "turtle", "ntriples", "jsonld")  # `joint_ie.graph.formats.FORMATS`


def add_parser(commands: Any) -> None:
    """Declare the command and its own commands."""
    parser = commands.add_parser("graph", help="build, export, query and view a graph of extracted documents")
    own = parser.add_subparsers(dest="graph_command", metavar="COMMAND", required=True)
    for add in (_add_build_parser, _add_export_parser, add_load_parser, add_query_parser, add_view_parser):
        add(own)


def _add_build_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "build",
        help="merge documents to a graph",
        description="Add documents to GRAPH, which is created if need be. Adding the same documents again changes "
        "nothing, so that an interrupted run is simply started again; a document with the id of an earlier one takes "
        "its place.",
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="JSON Lines, as joint-ie extract writes, or a folder of them",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="GRAPH", help="the file of the graph")
    parser.add_argument(
        "--merge", choices=_RULES, help="which names are one node (default: normalised, or as GRAPH was built)"
    )
    parser.add_argument(
        "--threshold", type=float, metavar="N", help="percent from which names are alike for fuzzy (default 90)"
    )
    parser.add_argument("--min-score", type=fraction, default=0.0, metavar="S", help="leave out relations below S")
    parser.set_defaults(run=run_build)


def _add_export_parser(commands: Any) -> None:
    parser = commands.add_parser("export", help="write a graph in another format")
    parser.add_argument("graph", type=Path, metavar="GRAPH", help="a graph that joint-ie graph build made")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file, or folder for csv; - for standard output",
    )
    parser.add_argument("--format", choices=_FORMATS, help="if the file's ending (.ttl, .graphml, ...) does not tell")
    parser.add_argument("--base", metavar="IRI", help="what IRIs of entities start with in RDF")
    parser.set_defaults(run=run_export)


def run_build(args: argparse.Namespace) -> int:
    """Add documents; 0 when all were usable, 1 when some were not, 2 for wrong use."""
    from tqdm import tqdm

    from joint_ie.graph import GraphStore

    if args.threshold is not None and args.merge != "fuzzy":
        print("joint-ie graph build: --threshold is for --merge fuzzy; give both", file=sys.stderr)
        return 2
    failures = 0

    def report(error: InputError) -> None:
        nonlocal failures
        failures += 1
        print(f"joint-ie: {error}", file=sys.stderr)

    documents = _read(args.files, args.min_score, report)
    first = next(documents, None)
    if first is None and failures:
        return 1  # and no empty graph is left
    keep = args.merge is None and args.output.exists() and args.output.stat().st_size > 0
    with GraphStore.open(args.output) if keep else GraphStore.create(args.output, _rule(args)) as graph:
        documents = chain([] if first is None else [first], documents)
        added = graph.add(tqdm(documents, unit="document", disable=None, leave=False))
        print(f"{args.output}: {added.new:,} new documents, {added.same:,} as before, {added.replaced:,} replaced")
        if added.repeated:
            print(
                f"joint-ie: {added.repeated:,} of these documents took the place of others that came with the same id "
                "just before; give every document its own id",
                file=sys.stderr,
            )
        _print_counts(graph)
    return 1 if failures else 0


def _rule(args: argparse.Namespace) -> Any:
    from joint_ie.graph import MergeRule

    return MergeRule(args.merge or "normalised", 90.0 if args.threshold is None else args.threshold)


def _read(paths: Iterable[Path], min_score: float, report: Callable[[InputError], None]) -> "Iterator[Document]":
    """All documents, without relations of a lower score; lines and files that cannot be read are reported."""
    for path in paths:
        try:
            for file in _files(path):
                for document in _documents(file, report):
                    if document.relations is None or not min_score:
                        yield document
                    else:
                        kept = (r for r in document.relations if r.score is None or r.score >= min_score)
                        yield replace(document, relations=tuple(kept))
        except InputError as error:
            report(error)


def _files(path: Path) -> list[Path]:
    """The file, or those in a folder that `joint-ie extract` may have written."""
    from joint_ie.corpora.files import visible_files
    from joint_ie.corpora.jsonl import JSONL

    if not path.is_dir():
        return [path]
    found = [file for file in visible_files(path, "**/*") if file.suffix.lower() in JSONL.extensions]
    if not found:
        raise InputError(f"{path}: holds no .jsonl file; run joint-ie extract first, and name what it wrote")
    return found


def _documents(file: Path, report: Callable[[InputError], None]) -> "Iterator[Document]":
    from joint_ie.corpora import read_corpus, read_jsonl

    if file.suffix.lower() == ".spacy":
        yield from read_corpus(file)
        return
    if file.is_file():  # a pipe can be read only once
        _check(file)
    yield from read_jsonl(file, on_error=report)


def _check(file: Path) -> None:
    """Raise `InputError` for another kind of file, of which every line would be an error."""
    from joint_ie.corpora.files import check_text_file, read_bytes
    from joint_ie.corpora.jsonl import read_objects

    read_bytes(file, limit=0)  # that it cannot be read is another error
    broken: list[InputError] = []
    try:
        check_text_file(file)
        with file.open("rb") as lines:
            first = next(read_objects(lines, str(file), broken.append), None)
    except InputError:
        fits = False
    else:
        fits = first is None or "tokens" in first.value
    if not fits:
        raise InputError(
            f"{file}: does not hold Documents in JSON Lines; run joint-ie extract first, or joint-ie data convert if "
            f"it is a corpus, and give what that wrote"
        )


def _print_counts(graph: "GraphStore") -> None:
    from rich.table import Table

    from joint_ie.cli.tables import wide_console

    counts = graph.counts()
    table = Table("what", "number")
    table.columns[1].justify = "right"
    for name in ("documents", "nodes", "members", "edges", "statements"):
        table.add_row(name, f"{getattr(counts, name):,}")
    wide_console().print(table)


def run_export(args: argparse.Namespace) -> int:
    """Write the graph in one format."""
    from joint_ie.graph import GraphStore
    from joint_ie.graph.formats import find_format
    from joint_ie.graph.vocabulary import Names

    to_output = args.output == Path("-")
    form = find_format(args.output, args.format)
    if to_output and form.name == "csv":
        raise InputError("csv is a folder of two files, which standard output cannot hold; name a folder")
    if args.base is not None and form.unit != "triples":
        print("joint-ie graph export: --base is for RDF: turtle, ntriples and jsonld", file=sys.stderr)
        return 2
    with GraphStore.open(args.graph) as graph:
        if not to_output and same_file(args.output, args.graph):
            raise InputError(f"{args.output}: is the graph itself; name another file")
        with graph.unchanging():
            number = form.export(graph, args.output, Names(args.base) if args.base else Names())
    print(f"{'standard output' if to_output else args.output}: {number:,} {form.unit}", file=sys.stderr)
    return 0
