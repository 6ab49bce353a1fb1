"""``joint-ie extract``: triples of texts, as a table or as Documents."""

import argparse
import io
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from joint_ie.cli.arguments import add_computing, add_relations_from, computing, fraction, same_file
from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.cli.inputs import Item
    from joint_ie.document import Document

logger = logging.getLogger(__name__)

_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".html": "html", ".htm": "html"}
_GRAPHS = (".csv", ".cql", ".cypher", ".graph", ".graphml", ".jsonld", ".nt", ".ttl", ".xml")  # with `graph export`
_CORPORA = (".bio", ".conll", ".json", ".spacy")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "extract",
        help="triples of texts",
        description="Find entities and relations. INPUT is a text file, a .jsonl file (Documents, or objects with "
        '"text" and perhaps "id"), a folder (its .txt and .jsonl files), - for standard input (JSON Lines if its first '
        "line is a JSON object, else one text), or a text itself. The id of a file is its path, that of a text is made "
        "from its words.",
    )
    parser.add_argument("input", nargs="*", metavar="INPUT", help="standard input if none is given")
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        dest="texts",
        metavar="TEXT",
        help="a text, even if it looks like the name of a file; may be given several times",
    )
    parser.add_argument("--model", default="default", metavar="MODEL", help="folder or hub id (default: the bundled)")
    add_relations_from(parser)
    parser.add_argument(
        "--format",
        choices=("table", "jsonl", "html"),
        help="default: as FILE ends (.jsonl, .html), else table on a terminal, jsonl (Documents) elsewhere; html: a "
        "page to look at",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write there instead of standard output, which is -"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with FILE: skip what it has, append the rest; a text that has changed is an error",
    )
    parser.add_argument("--min-score", type=fraction, default=0.0, metavar="S", help="leave out relations below S")
    parser.add_argument(
        "--language",
        default="en",
        metavar="CODE",
        help="by whose rules texts are split into words; it is no other model (default: %(default)s)",
    )
    add_computing(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Extract; 0 when all inputs were usable, 1 when some were not, 2 for wrong use."""
    output = None if args.output == Path("-") else args.output
    form = args.format or _form(output)
    inputs = args.input or ([] if args.texts else ["-"])
    if args.resume and (output is None or form != "jsonl"):
        return _wrong_use("--resume goes on with a jsonl file; name it with --output")
    if not args.input and not args.texts and sys.stdin.isatty():
        return _wrong_use("nothing to read; give a text, a file, a folder, or - and type (Ctrl-D ends)")
    if output is not None:
        _check_output(output, inputs)

    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.cli.inputs import read_inputs
    from joint_ie.cli.resuming import Done

    done = Done(output) if args.resume and output is not None else None
    if done:
        logger.info("%s holds %d documents; inputs with their ids are skipped", output, len(done))

    from joint_ie.extraction import load

    failures = 0

    def report(error: InputError) -> None:
        nonlocal failures
        failures += 1
        print(f"joint-ie: {error}", file=sys.stderr)

    def remaining() -> "Iterator[Item]":
        for item in read_inputs(inputs, report, without=output, texts=args.texts):
            try:
                if not (done and done.take(item)):
                    yield item
            except InputError as error:
                report(error)

    extract = load(args.model, language=args.language, relations=args.relations_from, **computing(args))
    documents = extract.pipe(
        remaining(),
        min_score=args.min_score,
        on_error=report,
        progress=output is not None or not sys.stdout.isatty(),
    )
    first = next(documents, None)
    if first is None and failures:
        return 1  # what an earlier run wrote stays
    documents = chain([] if first is None else [first], documents)
    if output is None:
        if form != "table":
            from joint_ie.graph.files import use_utf8

            use_utf8()
        elif isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # it must not stop at a sign that the terminal has not
        _write(documents, form, sys.stdout)
    else:
        counts = _Counts()
        _write_file(counts.of(documents), form, output, "a" if args.resume else "w")
        new = " new" if args.resume else ""
        logger.info("%s: %d%s documents, %d relations", output, counts.documents, new, counts.relations)
    return 1 if failures else 0


@dataclass
class _Counts:
    """Of what was written."""

    documents: int = 0
    relations: int = 0

    def of(self, documents: "Iterator[Document]") -> "Iterator[Document]":
        for document in documents:
            self.documents += 1
            self.relations += len(document.relations or ())
            yield document


def _form(output: Path | None) -> str:
    """The format that the output's ending names."""
    if output is None:
        return "table" if sys.stdout.isatty() else "jsonl"
    ending = output.suffix.lower()
    if ending in _GRAPHS:
        raise InputError(
            f"{output}: extract writes Documents, not graphs; write a .jsonl file, and make a graph of it with "
            f"joint-ie graph build, which joint-ie graph export turns into other formats"
        )
    if ending in _CORPORA:
        raise InputError(
            f"{output}: extract writes JSON Lines; name a .jsonl file, of which joint-ie data convert makes others"
        )
    return _FORMATS.get(ending, "jsonl")


def _write(documents: "Iterator[Document]", form: str, file: TextIO) -> None:
    """Document by document, flushed."""
    from joint_ie.cli.triples import print_documents
    from joint_ie.corpora import write_jsonl

    if form == "jsonl":
        write_jsonl(documents, file)
    elif form == "html":
        from joint_ie.graph.document_page import document_page

        file.write(document_page(documents, "Extracted by joint-ie"))
    else:
        print_documents(documents, file)


def _write_file(documents: "Iterator[Document]", form: str, output: Path, mode: Literal["a", "w"]) -> None:
    """JSON Lines keep what was done when they are interrupted; a table or page is there whole or not at all."""
    from joint_ie.corpora.files import writing
    from joint_ie.graph.files import whole_file

    if form != "jsonl":
        with whole_file(output, errors="backslashreplace") as file:
            _write(documents, form, file)
        return
    with writing(output), output.open(mode, encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        _write(documents, form, file)


def _check_output(output: Path, inputs: Sequence[str]) -> None:
    """An input must not be overwritten."""
    for given in inputs:
        if same_file(output, given):
            raise InputError(f"{output}: is an input, too; write to another file")


def _wrong_use(message: str) -> int:
    print(f"joint-ie extract: {message}", file=sys.stderr)
    return 2
