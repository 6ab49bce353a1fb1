"""What a report is made of, before it has a format: text, tables of text, and pictures."""

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Table:
    """Column heads and rows of text; ``name`` is made of letters, digits and hyphens and unlike that of any other.

    ``scope`` says what the numbers are about: mode, protocol, corpus and version of the data. The first ``texts``
    columns are no numbers. ``rows_shown`` and ``columns_shown`` are how much of the table Markdown and LaTeX print
    (None: all); the page prints all of it.
    """

    name: str
    title: str
    scope: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    texts: int = 1
    rows_shown: int | None = None
    columns_shown: int | None = None

    def shortened(self) -> "Table":
        """What fits on paper, with a note of what does not."""
        rows, columns = self.rows[: self.rows_shown], self.columns[: self.columns_shown]
        left_out = [
            f"{count} more {what}{'' if count == 1 else 's'}"
            for count, what in ((len(self.rows) - len(rows), "row"), (len(self.columns) - len(columns), "column"))
            if count
        ]
        if not left_out:
            return self
        are = "is" if len(left_out) == 1 and left_out[0].startswith("1 ") else "are"
        note = f"{' and '.join(left_out)} {are} in report.html and report.json."
        cut = tuple(row[: self.columns_shown] for row in rows)
        return replace(self, columns=columns, rows=cut, notes=(*self.notes, note), rows_shown=None, columns_shown=None)


@dataclass(frozen=True)
class Picture:
    """A plot, as it is drawn in ``figures/NAME.svg`` and ``.pdf``; ``alt`` says what it shows to who cannot see it.

    ``scope`` is as in `Table`.
    """

    name: str
    title: str
    scope: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it, in this order: paragraphs, pictures, tables."""

    title: str
    paragraphs: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Report:
    """``facts`` are names with values (the corpus, the versions); ``warnings`` what a reader has to know first."""

    title: str
    question: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]

    def pictures(self) -> Iterator[Picture]:
        """All of them, in order."""
        for section in self.sections:
            yield from section.pictures
