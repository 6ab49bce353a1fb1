"""``joint-ie graph view``: a graph as a page to look through."""

import argparse
import sys
from pathlib import Path
from typing import Any

from joint_ie.cli.arguments import positive, same_file
from joint_ie.errors import InputError


def add_view_parser(commands: Any) -> None:
    """Declare ``view``."""
    parser = commands.add_parser(
        "view",
        help="write a page to search and look through a graph",
        description="Write one HTML file that needs nothing else: search a node by any of its names, see its "
        "neighbours, and for every edge the sentences that it comes from.",
    )
    parser.add_argument("graph", type=Path, metavar="GRAPH", help="a graph that joint-ie graph build made")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the page, such as page.html; - for standard output",
    )
    parser.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="edges in the page at most, those in most documents first (default 20,000)",
    )
    parser.add_argument("--title", metavar="TEXT", help="of the page (default: the name of GRAPH)")
    parser.set_defaults(run=run_view)


def run_view(args: argparse.Namespace) -> int:
    """Write the page, and say what it holds."""
    from joint_ie.graph import GraphStore
    from joint_ie.graph.files import whole_file
    from joint_ie.graph.graph_page import LIMIT, graph_page

    with GraphStore.open(args.graph) as graph:
        to_output = args.output == Path("-")
        if not to_output and same_file(args.output, args.graph):
            raise InputError(f"{args.output}: is the graph itself; name another file")
        with graph.unchanging():
            page = graph_page(graph, args.graph.stem if args.title is None else args.title, args.limit or LIMIT)
    with whole_file(args.output) as file:
        file.write(page.html)
    named = "standard output" if to_output else args.output
    print(f"{named}: {page.nodes:,} nodes, {page.edges:,} edges", file=sys.stderr)
    if page.nodes_left_out or page.edges_left_out:
        print(
            f"{named}: {page.nodes_left_out:,} nodes and {page.edges_left_out:,} edges are left out; "
            "--limit sets how many edges the page holds",
            file=sys.stderr,
        )
    return 0
