"""A report as LaTeX: tables and figures, each on its own, to be taken into a paper with ``\\input``."""

import re
from collections.abc import Collection, Iterator

from joint_ie.study.report.blocks import Picture, Report, Section, Table

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # These are other signs in the old font encoding, or join to others ("--", "``", ",,", "!`").
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",
    ",": "{,}",
    "'": "{'}",
    # After the end of a row these would be its option and its star.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # What reports themselves write
    "±": r"$\pm$",
    "−": "$-$",
    "³": "$^3$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "·": r"\textperiodcentered{}",
}
_JOINING = re.compile("--|,,|''")
"""The signs that are safe unless they meet themselves."""


def latex(report: Report, drawn: Collection[str]) -> str:
    r"""The text of ``report.tex``: floats with labels ``tab:STUDY:NAME`` and ``fig:STUDY:NAME``, no preamble."""
    return "\n".join(_lines(report, drawn)) + "\n"


def escaped(text: str) -> str:
    """Text that stays itself in a paragraph, a caption or a cell; letters beyond ASCII are left as they are."""
    flat = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return "".join(
        sign if sign in "-,'" and not _JOINING.match(flat, place) else _SIGNS.get(sign, sign)
        for place, sign in enumerate(flat)
    )


def _lines(report: Report, drawn: Collection[str]) -> Iterator[str]:
    yield r"% Tables and figures of a study. In the preamble: \usepackage{booktabs,graphicx}"
    yield r"% Then, for every study: \def\studyfolder{FOLDER} (where its figures are) \input{FOLDER/report}"
    yield r"\providecommand{\studyfolder}{.}"
    yield from _comment(report.title)
    yield from _comment(report.question)
    for warning in report.warnings:
        yield from _comment(warning)
    for name, value in report.facts:
        yield from _comment(f"{name}: {value}")
    study = re.sub("[^A-Za-z0-9]+", "-", report.title).strip("-")
    for section in report.sections:
        yield from _section(section, drawn, study)


def _comment(text: str) -> Iterator[str]:
    yield f"% {' '.join(text.split())}"


def _section(section: Section, drawn: Collection[str], study: str) -> Iterator[str]:
    yield ""
    yield from _comment(section.title)
    for paragraph in section.paragraphs:
        yield from _comment(paragraph)
    for picture in section.pictures:
        if picture.name in drawn:
            yield from _picture(picture, study)
    for table in section.tables:
        yield from _table(table.shortened(), study)
    yield from ("", r"\clearpage")  # LaTeX gives up where too many floats wait for their page


def _picture(picture: Picture, study: str) -> Iterator[str]:
    yield from ("", r"\begin{figure}[htbp]", r"\centering")
    yield rf"\includegraphics[width=\linewidth]{{\studyfolder/figures/{picture.name}.pdf}}"
    yield rf"\caption{{{escaped(f'{picture.title}. {picture.scope}. {picture.caption}')}}}"
    yield from (rf"\label{{fig:{study}:{picture.name}}}", r"\end{figure}")


def _table(table: Table, study: str) -> Iterator[str]:
    yield from ("", r"\begin{table}[htbp]", r"\centering\footnotesize\setlength{\tabcolsep}{4pt}")
    yield rf"\caption{{{escaped(f'{table.title}. {table.scope}.')}}}"
    yield rf"\label{{tab:{study}:{table.name}}}"
    # a table that is wider than the text is made smaller
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{{'l' * table.texts}{'r' * (len(table.columns) - table.texts)}}}"
    yield from (r"\toprule", _row(table.columns), r"\midrule", *map(_row, table.rows), r"\bottomrule")
    yield r"\end{tabular}}"
    if table.notes:
        yield rf"\par\smallskip\parbox{{\linewidth}}{{\scriptsize {escaped(' '.join(table.notes))}}}"
    yield r"\end{table}"


def _row(cells: tuple[str, ...]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"
