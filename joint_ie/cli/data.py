"""``joint-ie data``: list, describe, check and convert corpora, and collect their labels."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from joint_ie.cli.arguments import same_file
from joint_ie.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from joint_ie.corpora.origin import Origin
    from joint_ie.document import Document

_CORPUS = "a registered name (see: joint-ie data list) or a file"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser("data", help="list, describe, check and convert corpora, and collect their labels")
    commands = parser.add_subparsers(dest="data_command", metavar="COMMAND", required=True)

    command = commands.add_parser("list", help="registered corpora, whether their files are there, and readers")
    command.add_argument(
        "--checksums",
        action="store_true",
        help="instead, the SHA-256 of every file that this package was tested with; `sha256sum -c` checks them",
    )
    command.set_defaults(run=run_list)

    command = commands.add_parser("describe", help="statistics of a corpus")
    _add_corpus(command)
    command.add_argument("--json", metavar="FILE", help="write them as JSON instead; - for standard output")
    command.set_defaults(run=run_describe)

    command = commands.add_parser("check", help="irregularities of a corpus, counted and listed")
    _add_corpus(command)
    command.add_argument("--limit", type=int, default=20, metavar="N", help="list at most N (default %(default)s)")
    command.set_defaults(run=run_check)

    command = commands.add_parser("convert", help="write a corpus in another format")
    _add_corpus(command)
    command.add_argument(
        "output", metavar="OUT", help="the file to write: .jsonl, .spacy, .bio, .json (DocRED's); - for standard output"
    )
    command.add_argument("--to", metavar="NAME", help="the format to write, if its ending does not tell")
    command.set_defaults(run=run_convert)

    command = commands.add_parser("schema", help="the labels of annotated corpora, as a schema.json to train with")
    command.add_argument("corpora", metavar="CORPUS", nargs="+", help=_CORPUS)
    command.add_argument("--reader", metavar="NAME", help="the files' format, if it is not recognised")
    command.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the file to write; - for standard output"
    )
    command.set_defaults(run=run_schema)


def _add_corpus(command: argparse.ArgumentParser) -> None:
    command.add_argument("corpus", metavar="CORPUS", help=_CORPUS)
    command.add_argument("--reader", metavar="NAME", help="the file's format, if it is not recognised")


def run_list(args: argparse.Namespace) -> int:
    """Show registered corpora and readers, or the checksums of files."""
    if args.checksums:
        from joint_ie.corpora.origin import CHECKSUMS

        for name, checksum in CHECKSUMS.items():
            print(f"{checksum}  {name}")
        return 0

    from rich.table import Column, Table

    from joint_ie.cli.tables import wide_console
    from joint_ie.corpora import CORPORA, READERS
    from joint_ie.corpora.registered import DATA_VARIABLE, data_root, find

    def whole(header: str) -> Column:
        return Column(header, overflow="fold")  # a name or address to copy: never cut

    families = list(dict.fromkeys(corpus.family for corpus in CORPORA.values()))
    title = f"Corpora in {data_root().resolve()}"
    corpora = Table(whole("corpus"), "what it is", whole("file"), "", title=title)
    origins: dict[Origin, dict[str, None]] = {}
    mixed = {
        a.family for a in CORPORA.values() for b in CORPORA.values() if a.family == b.family and a.origin != b.origin
    }
    for corpus in sorted(CORPORA.values(), key=lambda corpus: families.index(corpus.family)):
        found = find(corpus)
        name = found.relative_to(data_root()).as_posix() if found else corpus.files[0]
        corpora.add_row(corpus.name, corpus.description, name, _state(found, name))
        origins.setdefault(corpus.origin, {})[corpus.name if corpus.family in mixed else corpus.family] = None
    sources = Table(whole("corpora"), whole("where to get them"), "licence", title="Origins")
    for origin, named in origins.items():
        sources.add_row(", ".join(named), origin.url, origin.licence)
    readers = Table(whole("reader"), "format", "", title="Formats of files")
    for reader in READERS.values():
        readers.add_row(reader.name, reader.description, "read and written" if reader.write else "read")
    wide_console().print(corpora, sources, readers, f"Another data folder: set {DATA_VARIABLE}")
    return 0


def _state(found: Path | None, name: str) -> str:
    """Whether a file is there, and whether it is the one that this package was tested with."""
    from joint_ie.corpora.origin import CHECKSUMS, checksum

    if found is None:
        return "missing"
    if name not in CHECKSUMS:
        return "there"
    return "there, as tested" if checksum(found) == CHECKSUMS[name] else "there, another release"


def run_describe(args: argparse.Namespace) -> int:
    """Show or write the statistics of a corpus."""
    from rich.table import Table
    from rich.text import Text

    from joint_ie.cli.tables import wide_console, write_json
    from joint_ie.corpora import read_corpus
    from joint_ie.corpora.describe import describe

    statistics = describe(read_corpus(args.corpus, args.reader)).to_dict()
    if args.json:
        write_json(statistics, args.json)
        return 0
    table = Table("what", "number", title=args.corpus)
    table.columns[1].justify = "right"
    for name, value in statistics.items():
        if isinstance(value, dict):
            continue
        table.add_row(name.replace("_", " "), f"{value:,.1f}" if isinstance(value, float) else f"{value:,}")
    for what in ("entities", "relations"):
        for type, number in statistics[f"{what}_by_type"].items():
            table.add_row(Text(f"{what} of type {type}"), f"{number:,}")
    wide_console().print(table)
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Show the irregularities of a corpus."""
    from rich.table import Table

    from joint_ie.cli.tables import wide_console
    from joint_ie.corpora import CORPORA, Repairs, read_corpus
    from joint_ie.corpora.check import check

    registered = CORPORA.get(args.corpus)
    repairs = Repairs()
    schema = registered.schema() if registered and registered.schema else None
    found = check(read_corpus(args.corpus, args.reader, repairs=repairs, text_order=False), schema)
    found = [*repairs.found, *found]
    place: dict[str, int] = {}
    for item in found:
        place.setdefault(item.document, len(place))
    found.sort(key=lambda item: place[item.document])
    table = Table("irregularity", "number", "documents", title=args.corpus)
    for column in table.columns[1:]:
        column.justify = "right"
    for kind, number in Counter(item.kind for item in found).most_common():
        documents = {item.document for item in found if item.kind == kind}
        table.add_row(kind, f"{number:,}", f"{len(documents):,}")
    console = wide_console()
    console.print(table if found else f"{args.corpus}: nothing irregular", markup=False)
    for item in found[: max(args.limit, 0)]:
        console.print(f"{item.document}: {item.kind}: {item.message}", markup=False, highlight=False, soft_wrap=True)
    if len(found) > args.limit > 0:
        console.print(f"... and {len(found) - args.limit:,} more; --limit shows them")
    return 0


def run_convert(args: argparse.Namespace) -> int:
    """Write a corpus as JSON Lines, or in another format that can be written."""
    from joint_ie.corpora import read_corpus, write_jsonl, writer

    output = Path(args.output)
    if same_file(output, args.corpus):
        raise InputError(f"{output}: is the input itself; give another file to write")
    documents = read_corpus(args.corpus, args.reader)
    if args.output == "-":
        if args.to not in (None, "jsonl"):
            raise InputError(f"--to {args.to}: standard output takes JSON Lines; name a file to write")
        write_jsonl(documents, sys.stdout)
        return 0
    write = writer(output, args.to)
    number = (_write_lines if write is write_jsonl else write)(documents, output)
    print(f"{output}: {number:,} documents", file=sys.stderr)
    return 0


def _write_lines(documents: "Iterable[Document]", output: Path) -> int:
    """JSON Lines, written as they are read, but under their name only when all are: a half looks like a whole."""
    from joint_ie.corpora import write_jsonl
    from joint_ie.corpora.files import writing

    if output.exists() and not output.is_file():  # /dev/stdout, a pipe
        return write_jsonl(documents, output)
    whole = output.resolve()
    partial = whole.with_name(f"{whole.name}.partial")
    with writing(output):
        partial.touch()
    try:
        number = write_jsonl(documents, partial)
        with writing(output):
            partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)
    return number


def run_schema(args: argparse.Namespace) -> int:
    """Write the entity and relation types that occur, the most frequent first."""
    from joint_ie.cli.tables import write_json
    from joint_ie.corpora import derive_schema, read_corpus

    output = Path(args.output)
    for corpus in args.corpora:
        if same_file(output, corpus):
            raise InputError(f"{output}: is one of the corpora; give another file to write")
    schema = derive_schema(document for corpus in args.corpora for document in read_corpus(corpus, args.reader))
    write_json(schema.to_dict(), args.output)
    counts = f"{len(schema.entity_types)} entity types, {len(schema.relation_types)} relation types"
    print(f"{args.output}: {counts}", file=sys.stderr)
    return 0
