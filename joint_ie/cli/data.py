"""``joint-ie data``: list, describe, check and convert corpora."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.corpora.origin import Origin

_CORPUS = "a registered name (see: joint-ie data list) or a file"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the main parser."""
    parser = subparsers.add_parser("data", help="list, describe, check and convert corpora")
    commands = parser.add_subparsers(dest="data_command", metavar="COMMAND", required=True)

    command = commands.add_parser("list", help="registered corpora, whether their files are there, and readers")
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


def _add_corpus(command: argparse.ArgumentParser) -> None:
    command.add_argument("corpus", metavar="CORPUS", help=_CORPUS)
    command.add_argument("--reader", metavar="NAME", help="the file's format, if it is not recognised")


def run_list(args: argparse.Namespace) -> int:
    """Show registered corpora and readers."""
    from rich.table import Table

    from joint_ie.cli.tables import wide_console
    from joint_ie.corpora import CORPORA, READERS
    from joint_ie.corpora.registered import DATA_VARIABLE, data_root, find

    corpora = Table("corpus", "what it is", "file", "", title=f"Corpora in {data_root().resolve()}")
    origins: dict[Origin, list[str]] = {}
    for corpus in CORPORA.values():
        found = find(corpus)
        name = found.relative_to(data_root()).as_posix() if found else corpus.files[0]
        corpora.add_row(corpus.name, corpus.description, name, _state(found, name))
        families = origins.setdefault(corpus.origin, [])
        if (family := corpus.name.split("/")[0]) not in families:
            families.append(family)
    sources = Table("corpora", "where to get them", "licence", title="Origins")
    for origin, families in origins.items():
        sources.add_row(", ".join(families), origin.url, origin.licence)
    readers = Table("reader", "format", "", title="Formats of files")
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

    from joint_ie.cli.tables import wide_console
    from joint_ie.corpora import read_corpus
    from joint_ie.corpora.describe import describe

    statistics = describe(read_corpus(args.corpus, args.reader)).to_dict()
    if args.json == "-":
        print(json.dumps(statistics, indent=1, ensure_ascii=False))
        return 0
    if args.json:
        try:
            Path(args.json).write_text(json.dumps(statistics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{args.json}: cannot be written ({error.strerror}); choose another place") from None
        return 0
    table = Table("what", "number", title=args.corpus)
    table.columns[1].justify = "right"
    for name, value in statistics.items():
        if isinstance(value, dict):
            continue
        table.add_row(name.replace("_", " "), f"{value:,.1f}" if isinstance(value, float) else f"{value:,}")
    for type, number in statistics["entities_by_type"].items():
        table.add_row(f"entities of type {type}", f"{number:,}")
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
    if output.exists() and Path(args.corpus).exists() and output.samefile(args.corpus):
        raise InputError(f"{output}: is the input itself; give another file to write")
    documents = read_corpus(args.corpus, args.reader)
    if args.output == "-":
        if args.to not in (None, "jsonl"):
            raise InputError(f"--to {args.to}: standard output takes JSON Lines; name a file to write")
        write_jsonl(documents, sys.stdout)
    else:
        number = writer(output, args.to)(documents, output)
        print(f"{output}: {number:,} documents", file=sys.stderr)
    return 0
