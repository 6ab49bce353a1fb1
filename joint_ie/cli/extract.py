"""``joint-ie extract``: triples of texts, as a table or as Documents."""

import argparse
import io
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from joint_ie.cli.arguments import add_computing, add_relations_from, computing, fraction
from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.cli.inputs import Item
    from joint_ie.document import Document

logger = logging.getLogger(__name__)

_START = b'{"id": '  # of every line that we write


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "extract",
        help="triples of texts",
        description="Find entities and relations. INPUT is a text file, a .jsonl file (Documents, or objects with "
        '"text" and perhaps "id"), a folder (its .txt and .jsonl files), - for standard input, or a text itself.',
    )
    parser.add_argument("input", nargs="*", metavar="INPUT", help="standard input if none is given")
    parser.add_argument("--model", default="default", metavar="MODEL", help="folder or hub id (default: the bundled)")
    add_relations_from(parser)
    parser.add_argument(
        "--format",
        choices=("table", "jsonl", "html"),
        help="default: table on a terminal, jsonl (Documents) elsewhere; html: a page to look at",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--resume", action="store_true", help="go on with FILE: skip what it has, append the rest")
    parser.add_argument("--min-score", type=fraction, default=0.0, metavar="S", help="leave out relations below S")
    parser.add_argument("--language", default="en", metavar="CODE", help="of the texts (default: %(default)s)")
    add_computing(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Extract; 0 when all inputs were usable, 1 when some were not, 2 for wrong use."""
    form = args.format or ("table" if args.output is None and sys.stdout.isatty() else "jsonl")
    if args.resume and (args.output is None or form != "jsonl"):
        return _wrong_use("--resume goes on with a jsonl file; name it with --output")
    if args.resume and not all(_is_file(given) for given in args.input or ["-"]):
        return _wrong_use("--resume knows texts by the names of their files; give files or folders")
    if not args.input and sys.stdin.isatty():
        return _wrong_use("nothing to read; give a text, a file, a folder, or - and type (Ctrl-D ends)")
    if args.output is not None:
        _check_output(args.output, args.input)
    done = _repair(args.output) if args.resume else Counter[str]()
    if done:
        logger.info("%s holds %d documents; inputs with their ids are skipped", args.output, done.total())

    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.cli.inputs import read_inputs
    from joint_ie.extraction import load

    failures = 0

    def report(error: InputError) -> None:
        nonlocal failures
        failures += 1
        print(f"joint-ie: {error}", file=sys.stderr)

    def remaining() -> "Iterator[Item]":
        for item in read_inputs(args.input or ["-"], report, without=args.output):
            id = item[0] if isinstance(item, tuple) else item.id
            if done[id]:
                done[id] -= 1  # ids may repeat; the output holds the first of them
            else:
                yield item

    extract = load(args.model, language=args.language, relations=args.relations_from, **computing(args))
    documents = extract.pipe(
        remaining(),
        min_score=args.min_score,
        on_error=report,
        progress=args.output is not None or not sys.stdout.isatty(),
    )
    if args.output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # JSON Lines are UTF-8 everywhere; a table must not stop at a sign that the terminal has not
            sys.stdout.reconfigure(encoding="utf-8" if form == "jsonl" else None, errors="backslashreplace")
        _write(documents, form, sys.stdout)
    else:
        _write_file(documents, form, args.output, "a" if args.resume else "w")
    return 1 if failures else 0


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
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open(mode, encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            _write(documents, form, file)
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror}); choose another place") from None


def _is_file(given: str) -> bool:
    """Whether the input is a file or folder, or looks like one that is missing."""
    from joint_ie.cli.inputs import exists

    return given != "-" and (exists(Path(given)) or given.split() == [given])


def _check_output(output: Path, inputs: Sequence[str]) -> None:
    """An input must not be overwritten."""
    from joint_ie.cli.inputs import exists

    for given in inputs:
        if output.exists() and exists(Path(given)) and output.samefile(given):
            raise InputError(f"{output}: is an input, too; write to another file")


def _repair(output: Path) -> Counter[str]:
    """The ids in an output that a killed run left; a half-written last line is cut off."""
    from joint_ie.corpora.files import decode, parse_json, read_bytes

    ids: Counter[str] = Counter()
    if not output.exists():
        return ids
    read_bytes(output, limit=0)
    whole = 0
    with output.open("rb") as file:
        for number, line in enumerate(file, start=1):
            where = f"{output}: line {number}"
            ended = line.endswith(b"\n")
            if not ended and (line.startswith(_START) or _START.startswith(line)):
                break
            data = parse_json(decode(line, where), where)
            if not ended or not isinstance(data, dict) or "id" not in data:
                raise InputError(f"{where}: was not written by joint-ie extract; name another output")
            ids[str(data["id"])] += 1
            whole += len(line)
    if whole < output.stat().st_size:
        with output.open("r+b") as file:
            file.truncate(whole)
    return ids


def _wrong_use(message: str) -> int:
    print(f"joint-ie extract: {message}", file=sys.stderr)
    return 2
