"""A report as Markdown (GitHub's, which has tables)."""

import re
from collections.abc import Collection, Iterator

from joint_ie.study.report.blocks import Picture, Report, Section, Table

_SIGNS = re.compile(r"[\\`*_{}\[\]#~|$!]")
_START = re.compile(r"^(\d{0,9})([-+.)])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def markdown(report: Report, drawn: Collection[str]) -> str:
    """The text of ``report.md``; pictures are linked where their names are among those ``drawn``."""
    return "\n".join(_lines(report, drawn)) + "\n"


def escaped(text: str) -> str:
    """Text that stays itself within a line: no markup, no HTML, and on one line."""
    flat = " ".join(text.split())
    return re.sub("[&<>]", lambda sign: _HTML[sign[0]], _SIGNS.sub(r"\\\g<0>", flat))


def _paragraph(text: str) -> str:
    """Text that begins neither a list nor a line across the page."""
    return _START.sub(r"\1\\\2", escaped(text))


def _lines(report: Report, drawn: Collection[str]) -> Iterator[str]:
    yield f"# {escaped(report.title)}"
    yield from ("", _paragraph(report.question), "")
    for warning in report.warnings:
        yield from (f"> {_paragraph(warning)}", "")
    yield from (f"- {_paragraph(name)}: {escaped(value)}" for name, value in report.facts)
    for section in report.sections:
        yield from _section(section, drawn)


def _section(section: Section, drawn: Collection[str]) -> Iterator[str]:
    yield from ("", f"## {escaped(section.title)}")
    for paragraph in section.paragraphs:
        yield from ("", _paragraph(paragraph))
    for picture in section.pictures:
        if picture.name in drawn:
            yield from _picture(picture)
    for table in section.tables:
        yield from _table(table.shortened())


def _picture(picture: Picture) -> Iterator[str]:
    yield from _heading(picture)
    yield from ("", f"![{escaped(picture.alt)}](figures/{picture.name}.svg)", "", _paragraph(picture.caption))


def _table(table: Table) -> Iterator[str]:
    yield from _heading(table)
    yield ""
    yield _row(table.columns)
    yield "|" + "|".join("---" if i < table.texts else "--:" for i in range(len(table.columns))) + "|"
    yield from map(_row, table.rows)
    for note in table.notes:
        yield from ("", _paragraph(note))


def _heading(block: Picture | Table) -> Iterator[str]:
    yield from ("", f"### {escaped(block.title)}", "", _paragraph(block.scope))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"
