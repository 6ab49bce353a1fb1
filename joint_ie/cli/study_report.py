"""``joint-ie study report``: what a study has found, as tables and plots."""

import argparse
import sys
from pathlib import Path
from typing import Any

_FORMATS = ("md", "tex", "html")  # `joint_ie.study.report.writing.FORMATS`, not imported to start quickly
_COLUMNS = 6  # of the first table, up to the adjusted p, which a terminal has room for


def add_report_parser(commands: Any) -> None:
    """Declare ``report``."""
    parser = commands.add_parser(
        "report",
        help="tables, plots and tests of a study, finished or not",
        description="Compare the variants of a study from the records of its cells: scores over seeds, differences to "
        "the baseline with intervals and tests, relations, errors, learning curves and cost. An unfinished study is "
        "reported as far as it is.",
    )
    parser.add_argument("study", type=Path, metavar="FOLDER", help="the folder of a study that was run")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where report.* and figures go (default: the study's folder)",
    )
    parser.add_argument(
        "--formats",
        type=_formats,
        default=_FORMATS,
        metavar="F,F",
        help="of md, tex and html (default: all); report.json, in full precision, is always written",
    )
    parser.add_argument(
        "--baseline",
        metavar="VARIANT",
        help="compare with another variant than the study says: its name, or AXIS=VALUE,AXIS=VALUE",
    )
    parser.add_argument(
        "--measure",
        metavar="M",
        help="sort and compare by another measure: relations_ign, docred/relations, or gold-entities/docred/relations",
    )
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Write the files, and show the table of the headline."""
    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.cli.tables import print_tables
    from joint_ie.evaluation.error_tables import Table
    from joint_ie.study.report.assembly import report_of
    from joint_ie.study.report.writing import write_report
    from joint_ie.study.results import results
    from joint_ie.study.study_records import read_study_records

    found = results(read_study_records(args.study, args.baseline, args.measure))
    files = write_report(found, args.output or args.study, args.formats)
    report = report_of(found)
    shown = report.sections[0].tables[0]
    rows = tuple(row[:_COLUMNS] for row in shown.rows)
    print_tables([Table(f"{shown.title}\n{shown.scope}", "\n".join(shown.notes), shown.columns[:_COLUMNS], rows)])
    for line in (*report.warnings, *map(str, files)):
        print(line, file=sys.stderr)
    return 0


def _formats(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(text.split(",")))
    for name in chosen:
        if name not in _FORMATS:
            raise argparse.ArgumentTypeError(f"{name!r} should be one of {', '.join(_FORMATS)}")
    return chosen
