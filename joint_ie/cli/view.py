"""``joint-ie view``: documents that are annotated already as a page to look at."""

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from joint_ie.cli.arguments import positive, same_file
from joint_ie.errors import InputError


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "view",
        help="annotated documents as a page to look at",
        description="Write the page of joint-ie extract --format html for documents that were extracted or annotated "
        "before: one HTML file that needs nothing else. No model is run.",
    )
    parser.add_argument(
        "corpus", metavar="CORPUS", help="a file of Documents or of any corpus format, or a registered corpus's name"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the page, such as page.html")
    parser.add_argument("--reader", metavar="NAME", help="the file's format, if it is not recognised")
    parser.add_argument("--limit", type=positive, metavar="N", help="the first N documents only")
    parser.add_argument("--title", metavar="TEXT", help="of the page (default: CORPUS)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page, and say what it holds."""
    from joint_ie.corpora import read_corpus
    from joint_ie.graph.document_page import document_page
    from joint_ie.graph.files import whole_file

    given = Path(args.corpus)
    if same_file(args.output, given):
        raise InputError(f"{args.output}: is the input itself; name another file")
    documents = tuple(islice(read_corpus(args.corpus, args.reader), args.limit))
    title = args.title if args.title is not None else given.stem if given.exists() else args.corpus
    with whole_file(args.output) as file:
        file.write(document_page(documents, title))
    print(f"{args.output}: {len(documents):,} documents", file=sys.stderr)
    return 0
