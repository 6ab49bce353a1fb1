"""What both pages do alike in a browser: names of edges have room, rows stay in sight, thresholds are as shown."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from joint_ie.document import Document
from joint_ie.graph import GraphStore
from joint_ie.graph.document_page import document_page
from joint_ie.graph.graph_page import graph_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")

LONG = "located in the administrative territorial entity"


@pytest.fixture(params=["document", "graph"])
def page(
    request: pytest.FixtureRequest, watched: Any, tmp_path: Path, document: Callable[..., Document]
) -> Iterator[Any]:
    """Either page of 21 entities: one in relations with all others, with the first of them in five."""
    entities = [("PER", "Hub"), *(("LOC", f"Place {i}") for i in range(20))]
    facts = [(0, f"P{i}", 1, 0.9) for i in range(5)] + [(0, "P131", i, 0.996 if i < 9 else 0.5) for i in range(2, 21)]
    made = document("d", entities, facts, label=LONG)
    if request.param == "document":
        html = document_page([made], "title")
    else:
        with GraphStore.create(tmp_path / "g") as graph:
            graph.add([made])
            html = graph_page(graph, "title").html
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    with watched((tmp_path / "page.html").as_uri()) as (opened, _):
        yield opened


def in_graph(page: Any, expression: str) -> Any:
    return page.evaluate(f"() => {{ const cy = document.getElementById('graph')._cyreg.cy; return {expression}; }}")


@pytest.mark.parametrize("height", [700, 900, 1000])
def test_it_fits_in_the_window(page: Any, height: int) -> None:
    page.set_viewport_size({"width": 1400, "height": height})
    size = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size[0] <= 1400 and size[1] <= height


def test_names_of_edges_are_within_their_edges(page: Any) -> None:
    edges = in_graph(
        page,
        "cy.edges('.labelled').map((e) => { const [a, b] = [e.source().position(), e.target().position()];"
        " return [e.data('room'), Math.hypot(a.x - b.x, a.y - b.y)]; })",
    )
    assert len(edges) > 5  # of 24: some have no room
    assert all(room <= length - 20 for room, length in edges)


def test_names_of_edges_keep_clear_of_nodes(page: Any) -> None:
    free = in_graph(
        page,
        "cy.edges('.labelled').every((e) => { const at = e.midpoint();"
        " return cy.nodes().every((n) => { const box = n.boundingBox({ includeLabels: false });"
        " return at.x < box.x1 || at.x > box.x2 || at.y < box.y1 || at.y > box.y2; }); })",
    )
    assert free


def test_the_pointer_shows_the_whole_name(page: Any) -> None:
    at = in_graph(page, "cy.edges('.labelled')[0].renderedMidpoint()")
    box = page.locator("#graph").bounding_box()
    page.mouse.move(box["x"] + at["x"], box["y"] + at["y"])
    assert in_graph(page, "cy.edges('.pointed').map((e) => e.data('label'))") == [LONG]
    page.locator("#summary").hover()
    assert in_graph(page, "cy.edges('.pointed').length") == 0


@pytest.mark.parametrize("width", [1400, 800, 360])
def test_the_chosen_row_stays_in_sight(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for row in (5, 12, 23):
        button = page.locator("#relations button").nth(row)
        button.click()
        chosen, detail, rows = (
            page.locator(s).bounding_box() for s in ("#relations [aria-pressed=true]", "#detail", "#relations")
        )
        assert chosen["y"] + chosen["height"] <= min(detail["y"], rows["y"] + rows["height"]) + 1
        assert chosen["y"] >= max(rows["y"], 0) - 1


def test_the_threshold_is_compared_as_scores_are_shown(page: Any) -> None:
    page.locator("#threshold").focus()
    page.keyboard.press("End")
    playwright.expect(page.locator("#least")).to_have_text("1.00")
    playwright.expect(page.locator("#relations button")).to_have_count(7)
    assert all(text.endswith("1.00") for text in page.locator("#relations button").all_text_contents())
