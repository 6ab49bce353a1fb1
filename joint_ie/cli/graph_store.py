"""``joint-ie graph load`` and ``joint-ie graph query``: a store on disk that answers SPARQL."""

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.graph.sparql import Answer

ROWS = 1000  # of a table on screen

_CONTROL = {i: " " for i in (*range(32), *range(127, 160))}  # a text must not steer the terminal


def add_load_parser(commands: Any) -> None:
    """Declare ``load``."""
    parser = commands.add_parser(
        "load",
        help="load a graph into a store that answers SPARQL",
        description="Make STORE, a folder, hold what GRAPH holds. Loading again writes only what changed, and goes on "
        "after an interruption; triples of one's own are safe in named graphs.",
    )
    parser.add_argument("graph", type=Path, metavar="GRAPH", help="a graph that joint-ie graph build made")
    parser.add_argument("store", type=Path, metavar="STORE", help="the folder, which is created if need be")
    parser.add_argument("--base", metavar="IRI", help="what IRIs of entities start with, if the store is new")
    parser.set_defaults(run=run_load)


def add_query_parser(commands: Any) -> None:
    """Declare ``query``."""
    parser = commands.add_parser(
        "query",
        help="ask a store in SPARQL",
        description="Answer a SPARQL 1.1 query; nothing is written. The prefixes of the vocabulary (entity:, type:, "
        "relation:, document:, ie:, wdt:, nif:, prov:, skos:, dcterms:, rdf:, rdfs:, xsd:) need no declaration. The "
        "answer to CONSTRUCT and DESCRIBE is Turtle, unless it is a table.",
    )
    parser.add_argument("store", type=Path, metavar="STORE", help="a folder that joint-ie graph load made")
    parser.add_argument("query", metavar="QUERY", help="the query, a file that holds it, or - for standard input")
    parser.add_argument(
        "--format", choices=("table", "csv", "json"), help="default: table on a terminal, csv elsewhere"
    )
    parser.set_defaults(run=run_query)


def run_load(args: argparse.Namespace) -> int:
    """Load, and say what changed."""
    from joint_ie.graph import GraphStore
    from joint_ie.graph.triple_store import load_graph

    with GraphStore.open(args.graph) as graph, graph.unchanging():
        loaded = load_graph(graph, args.store, args.base)
    print(
        f"{args.store}: {loaded.new:,} new resources, {loaded.same:,} as before, "
        f"{loaded.replaced:,} replaced, {loaded.removed:,} removed",
        file=sys.stderr,
    )
    return 0


def run_query(args: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    from joint_ie.graph.sparql import query

    form: Literal["table", "csv", "json"] = args.format or ("table" if sys.stdout.isatty() else "csv")
    with query(args.store, _text(args.query)) as answer:
        if form == "table":
            _print_table(answer)
        else:
            sys.stdout.flush()
            answer.write(sys.stdout.buffer, form)
            sys.stdout.buffer.flush()
    return 0


def _text(given: str) -> str:
    """A query, perhaps from a file."""
    if given == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    if "{" in given:  # as in every SELECT, ASK and CONSTRUCT
        return given
    try:
        data = Path(given).read_bytes()
    except (OSError, ValueError):  # not there, too long for a name, or with a null character
        if len(given.split()) > 1:
            return given
        raise InputError(f"{given}: no such file, and no query either") from None
    return _decoded(data, given)


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: byte {error.start} is not UTF-8; save the query as UTF-8") from None


def _print_table(answer: "Answer") -> None:
    from rich.table import Table
    from rich.text import Text

    from joint_ie.cli.tables import wide_console

    rows = answer.rows()
    table = Table(*map(_plain, answer.columns))
    for row in islice(rows, ROWS):
        table.add_row(*(Text("" if value is None else _plain(value)) for value in row))
    wide_console().print(table if table.row_count else "nothing found")
    if next(rows, None) is not None:
        print(f"... and more than these {ROWS:,} rows; --format csv gives all", file=sys.stderr)


def _plain(text: str) -> str:
    return text.translate(_CONTROL)
