"""The page of a report: text stays text, nothing is loaded or run, and it fits on small screens."""

from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from joint_ie.study.report.assembly import report_of
from joint_ie.study.report.report_page import report_page
from joint_ie.study.results import Results

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect style="fill: red" width="9" height="9"/></svg>'
)


class Seen(HTMLParser):
    """Text by innermost element, ids, and where links go."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        assert not any(name.startswith("on") or name == "style" for name in given)
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))


@pytest.fixture(scope="module")
def page(found: Results) -> str:
    return report_page(report_of(found), {"scores": SVG, "cost": SVG})


def test_names_are_text_and_links_lead_somewhere(page: str, small: SimpleNamespace) -> None:
    seen = Seen(page)
    assert seen.open == []
    assert ("bdi", f"{small.EVIL} ‡") in seen.texts and ("th", small.EVIL) in seen.texts
    assert any("ran <out> of memory" in text for _, text in seen.texts)
    assert not seen.tags & {"script", "b", "out", "link", "iframe"}
    assert len(seen.ids) == len(set(seen.ids))
    assert seen.links and {link.removeprefix("#") for link in seen.links} <= set(seen.ids)


def test_all_numbers_of_the_first_table_are_there(page: str, found: Results) -> None:
    texts = [text for _, text in Seen(page).texts]
    for row in found.comparisons[0].rows:
        assert any(text.startswith(f"{100 * row.scores['relations.f1'].mean:.2f}") for text in texts)


def test_only_drawn_pictures_are_shown(page: str) -> None:
    assert page.count("<img ") == 2 and page.count("<figure ") == 2


@pytest.fixture(scope="module")
def file(found: Results, drawn: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    drawings = {name: drawing.svg for name, drawing in drawn.items()}
    path.write_text(report_page(report_of(found), drawings), encoding="utf-8")
    return path


def test_it_loads_in_a_browser_without_complaints_or_requests(watched: Any, file: Path) -> None:
    with watched(file.as_uri()) as (page, requests):
        assert page.locator("table").count() == 8
        sizes = page.locator("img").evaluate_all("all => all.map(i => [i.complete, i.naturalWidth])")
        assert len(sizes) == 3 and all(complete and width > 300 for complete, width in sizes)
        page.get_by_role("link", name="Cost").click()
        assert page.evaluate("() => location.hash") == "#section-6"
    assert [request for request in requests if not request.startswith("data:")] == [file.as_uri()]


def test_it_fits_on_a_phone_and_in_the_dark(browser: Any, file: Path) -> None:
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    phone.goto(file.as_uri())
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert phone.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    phone.close()
