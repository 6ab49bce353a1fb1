"""The page of a graph in a browser: searching, opening, filtering, and that nothing of a document ever runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from joint_ie.document import Document, Entity, Relation
from joint_ie.graph import GraphStore
from joint_ie.graph.graph_page import graph_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")

EVIL = "<script>alert(1)</script>"
QUOTED = "\"'`</script><img src=x onerror=alert(1)>"


def born(id: str, person: str, place: str, score: float | None, type: str = "P19", label: str = "born") -> Document:
    bare = Document.from_words(id, [["Hello", "🌧", "."], [person, "was", "born", "in", place, "."]])
    entities = [Entity("PER", person, (bare.mention(3, 4),)), Entity("LOC", place, (bare.mention(7, 8),))]
    return bare.with_annotations(entities, [Relation(0, 1, type, label, score, (1,))])


def documents() -> list[Document]:
    star = Document.from_words("star", [["Hub", *(f"n{i}" for i in range(70))]])
    ends = [Entity("ORG", "Hub", (star.mention(0, 1),))]
    ends += [Entity("MISC", f"n{i}", (star.mention(i + 1, i + 2),)) for i in range(70)]
    facts = [Relation(0, i, "P527", "has part", 0.4 + i / 200, (0,)) for i in range(1, 71)]
    return [
        born("one", "Marie Curie", "Warsaw", 0.5),
        born("two", "MARIE CURIE", "Warsaw", 0.9),
        born("three", "Marie Curie", "Paris", 0.7, "P551", "residence"),
        born("four", "Frédéric Chopin", "Warsaw", None),
        born(QUOTED, EVIL, QUOTED, 0.95, EVIL, QUOTED),
        star.with_annotations(ends, facts),
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    with GraphStore.create(folder / "g") as graph:
        graph.add(documents())
        (folder / "page.html").write_text(graph_page(graph, EVIL).html, encoding="utf-8")
    return folder / "page.html"


@pytest.fixture
def page(watched: Any, file: Path) -> Iterator[Any]:
    """Whatever the browser complains about or loads fails the test."""
    with watched(file.as_uri()) as (opened, requests):
        yield opened
    assert requests == [file.as_uri()]


def click(page: Any, selector: str) -> None:
    """With the mouse, on a node or the middle of an edge of the drawing."""
    place = "renderedMidpoint" if selector.startswith("edge") else "renderedPosition"
    at = page.evaluate(f"s => document.getElementById('graph')._cyreg.cy.elements(s)[0].{place}()", selector)
    box = page.locator("#graph").bounding_box()
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])


def drawn(page: Any, group: str) -> list[str]:
    return sorted(
        page.evaluate(f"() => document.getElementById('graph')._cyreg.cy.{group}().map((e) => e.data('label'))")
    )


def find(page: Any, text: str) -> None:
    page.locator("#search").fill(text)
    page.locator("#search").press("Enter")


def test_a_node_is_found_by_any_name(page: Any) -> None:
    page.locator("#search").fill("frederic")
    assert page.locator("#list button .name").all_text_contents() == ["Frédéric Chopin"]
    page.locator("#search").fill("MARIE c")
    assert page.locator("#list button .name").all_text_contents() == ["Marie Curie"]
    page.locator("#search").press("Enter")
    assert page.locator("#name").text_content() == "Marie Curie"
    assert page.locator("#facts").text_content().replace("\xa0", "") == (
        "●PER · 3 entities in 3 documents · per-marie-curiealso MARIE CURIE"
    )
    assert drawn(page, "nodes") == ["Marie Curie", "Paris", "Warsaw"]
    assert drawn(page, "edges") == ["born", "residence"]
    assert page.locator("#relations button").all_text_contents()[0].replace("\xa0", "") == (
        "●Marie Curie → born → ●Warsaw 0.95 · 2 documents"
    )
    page.locator("#search").fill("no such thing")
    assert page.locator("#found").text_content() == "0 nodes"


def test_an_edge_shows_where_it_is_said(page: Any) -> None:
    find(page, "marie curie")
    click(page, "edge[label='born']")
    assert page.locator("#detail .origin").all_text_contents() == ["two · score 0.900", "one · score 0.500"]
    assert page.locator("#detail blockquote").all_text_contents() == [
        "MARIE CURIE was born in Warsaw .",
        "Marie Curie was born in Warsaw .",
    ]
    assert page.locator("#detail mark.head").all_text_contents() == ["MARIE CURIE", "Marie Curie"]
    assert page.locator("#detail mark.tail").all_text_contents() == ["Warsaw", "Warsaw"]
    assert "P19 · confidence 0.950 · 2 documents" in page.locator("#detail").text_content()
    page.keyboard.press("Escape")
    assert page.locator("#detail").text_content() == ""


def test_clicking_further_opens_more(page: Any) -> None:
    find(page, "paris")
    assert drawn(page, "nodes") == ["Marie Curie", "Paris"]
    click(page, "node[label='Marie Curie']")
    assert page.locator("#name").text_content() == "Marie Curie"
    assert drawn(page, "nodes") == ["Marie Curie", "Paris", "Warsaw"]
    click(page, "node[label='Warsaw']")
    assert drawn(page, "nodes") == ["Frédéric Chopin", "Marie Curie", "Paris", "Warsaw"]
    page.locator("#only").click()
    assert drawn(page, "nodes") == ["Frédéric Chopin", "Marie Curie", "Warsaw"]


def test_what_is_not_drawn_is_counted_and_can_be_chosen(page: Any) -> None:
    assert page.locator("#name").text_content() == "Hub"  # the best connected node is open
    assert page.locator("#shown").text_content() == (
        "Drawn: 61 nodes, 60 edges. 10 more neighbours are not drawn (of a node the 60 best supported are)."
    )
    assert "n0" not in drawn(page, "nodes")
    page.locator("#relations button", has_text="n0").last.click()
    assert "n0" in drawn(page, "nodes")
    assert page.locator("#detail blockquote mark.tail").all_text_contents() == ["n0"]


def test_filters(page: Any) -> None:
    find(page, "marie curie")
    page.locator("#relation").select_option(label="residence (P551): 1")
    assert drawn(page, "nodes") == ["Marie Curie", "Paris"]
    assert page.locator("#passing").text_content() == "1 of 74 edges pass the filters."
    page.locator("#relation").select_option(label="all")
    page.locator("#threshold").focus()
    page.keyboard.press("End")
    playwright.expect(page.locator("#least")).to_have_text("1.00")
    playwright.expect(page.locator("#passing")).to_have_text("1 of 74 edges pass the filters.")  # it has no score
    assert drawn(page, "nodes") == ["Marie Curie"]
    page.keyboard.press("Home")
    playwright.expect(page.locator("#passing")).to_have_text("74 of 74 edges pass the filters.")
    assert drawn(page, "nodes") == ["Marie Curie", "Paris", "Warsaw"]
    page.locator("#types button", has_text="LOC").click()
    assert drawn(page, "nodes") == ["Marie Curie"]
    page.locator("#search").fill("a")
    assert "Warsaw" not in page.locator("#list").text_content()


def test_the_keyboard_is_enough(page: Any) -> None:
    find(page, "marie curie")
    page.locator("#relations button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#detail blockquote").all_text_contents() == ["Marie Curie was born in Paris ."]
    page.locator("#detail .end").last.press("Enter")
    assert page.locator("#name").text_content() == "Paris"


def test_what_documents_say_is_text(page: Any) -> None:
    assert page.title() == EVIL
    find(page, "<script>")
    assert page.locator("#name").text_content() == EVIL
    click(page, "edge")
    assert page.locator("#detail blockquote").text_content() == f"{EVIL} was born in {QUOTED} ."
    assert page.locator("#detail mark.tail").text_content() == QUOTED
    assert QUOTED in page.locator("#relation").text_content()
    assert page.locator("script").count() == 3
    assert page.locator("main img, main script").count() == 0


def test_it_fits_on_a_phone_and_in_the_dark(browser: Any, file: Path) -> None:
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    phone.goto(file.as_uri())
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert phone.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    phone.close()


def test_without_javascript_there_are_the_edges(browser: Any, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(file.as_uri())
    assert plain.locator("noscript li").first.inner_text() == "Marie Curie → born → Warsaw (2)"
    assert plain.locator("main").is_hidden()
    context.close()
