"""A report as one HTML file, which needs nothing else, loads nothing, and holds no script.

All text is escaped. Plots are SVG inside of ``img`` elements, where a browser runs nothing and fetches nothing for
them; the content security policy allows these and the page's own style, by its hash.
"""

import base64
from collections.abc import Iterable, Mapping

from joint_ie.html import as_html, fill, inline, page_part
from joint_ie.study.report.blocks import Picture, Report, Section, Table


def report_page(report: Report, drawings: Mapping[str, str]) -> str:
    """The page as text, to be saved as UTF-8; ``drawings`` are the SVG files of pictures, by their names."""
    parts = {
        "TITLE": as_html(report.title),
        "QUESTION": as_html(report.question),
        "WARNINGS": "".join(f'<p class="warning" role="note">{as_html(text)}</p>\n' for text in report.warnings),
        "CONTENTS": "".join(_contents(number, section) for number, section in enumerate(report.sections)),
        "SECTIONS": _facts(report.facts)
        + "".join(_section(number, section, drawings) for number, section in enumerate(report.sections)),
    }
    return fill(_part("page.html"), inline(STYLE=_part("page.css")) | parts)


def _contents(number: int, section: Section) -> str:
    tables = "".join(
        f'<li><a href="#table-{table.name}">{as_html(table.title)}</a></li>'
        for table in section.tables
        if len(section.tables) > 1
    )
    below = f"<ul>{tables}</ul>" if tables else ""
    return f'<li><a href="#section-{number}">{as_html(section.title)}</a>{below}</li>\n'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f'<dt>{as_html(name)}</dt><dd dir="auto">{as_html(value)}</dd>' for name, value in facts)
    return f'<section aria-label="What was compared"><dl id="facts">{rows}</dl></section>\n'


def _section(number: int, section: Section, drawings: Mapping[str, str]) -> str:
    content = [
        *(f"<p>{as_html(text)}</p>" for text in section.paragraphs),
        *(_picture(picture, drawings[picture.name]) for picture in section.pictures if picture.name in drawings),
        *map(_table, section.tables),
    ]
    heading = f'<section id="section-{number}">\n<h2>{as_html(section.title)}</h2>\n'
    return heading + "\n".join(content) + "\n</section>\n"


def _picture(picture: Picture, svg: str) -> str:
    source = base64.b64encode(svg.encode()).decode()
    return (
        f'<figure id="figure-{picture.name}">\n<h3>{as_html(picture.title)}</h3>\n'
        f'<p class="note">{as_html(picture.scope)}</p>\n'
        # on a narrow screen it scrolls, for a small plot cannot be read
        f'<div class="plot" tabindex="0" role="region" aria-label="{as_html(picture.title)}">'
        f'<img alt="{as_html(picture.alt)}" src="data:image/svg+xml;base64,{source}"></div>\n'
        f'<figcaption class="note">{as_html(picture.caption)}</figcaption>\n</figure>'
    )


def _table(table: Table) -> str:
    heads = "".join(
        f'<th scope="col"{_text(place, table)}>{as_html(head)}</th>' for place, head in enumerate(table.columns)
    )
    rows = "".join(f"<tr>{_cells(row, table)}</tr>\n" for row in table.rows)
    notes = "".join(f'<p class="note">{as_html(note)}</p>\n' for note in table.notes)
    return (
        f'<div id="table-{table.name}">\n<h3 id="title-{table.name}">{as_html(table.title)}</h3>\n'
        f'<p class="note">{as_html(table.scope)}</p>\n'
        # a box that scrolls is reached by keyboard
        f'<div class="table" tabindex="0" role="region" aria-labelledby="title-{table.name}"><table>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n{notes}</div>"
    )


def _cells(row: tuple[str, ...], table: Table) -> str:
    first, *others = row
    cells = "".join(f"<td{_text(place, table)}>{as_html(cell)}</td>" for place, cell in enumerate(others, 1))
    return f'<th scope="row"{_text(0, table)}><bdi>{as_html(first)}</bdi></th>{cells}'


def _text(place: int, table: Table) -> str:
    return ' class="text"' if place < table.texts else ""


def _part(name: str) -> str:
    return page_part("joint_ie.study.report", name)
