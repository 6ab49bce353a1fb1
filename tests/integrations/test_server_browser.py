"""The server's page in a browser: a text goes in, and its picture can be used; nothing of a text ever runs."""

import runpy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from joint_ie.document import Document, Entity, Relation
from joint_ie.text import Tokeniser

pytest.importorskip("fastapi", reason="FastAPI is not installed (pip install joint-ie[server])")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")


server_of = runpy.run_path(str(Path(__file__).with_name("running_server.py")))

TEXT = "Marie Curie was born in Warsaw. She moved to Paris in 1891."
EVIL = "<script>alert(1)</script> \"Marie\" and 'Warsaw' </script><img src=x onerror=alert(1)> & Paris"


class Finder:
    """Finds three names, and relations between them, in any text."""

    def __init__(self) -> None:
        self._tokenise = Tokeniser()

    def pipe(self, items: Sequence[tuple[str, str]], batch_words: int) -> Iterator[Document]:
        for id, text in items:
            bare = self._tokenise(text, id)
            places = {word: i for i, word in enumerate(bare.words)}
            entities = [
                Entity(type, name, (bare.mention(places[name], places[name] + 1),), 0.9)
                for type, name in (("PER", "Marie"), ("LOC", "Warsaw"), ("LOC", "Paris"), ("<b>", "script"))
                if name in places
            ]
            relations = [
                Relation(0, 1, "P19", "place of birth", 0.9, (0,), "both-entities"),
                Relation(0, 2, "P551", "<i>residence", 0.6, (len(bare.sentence_spans) - 1,), "context"),
            ]
            yield bare.with_annotations(entities, relations if len(entities) > 2 else ())


@pytest.fixture(scope="module", autouse=True)
def patience() -> None:
    playwright.expect.set_options(timeout=30_000)  # a busy machine is no failure


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with server_of["running"](Finder()) as started:
        yield started


@pytest.fixture
def page(watched: Any, server: Any) -> Iterator[Any]:
    """The page; whatever the browser complains about, or loads from elsewhere, fails the test."""
    with watched(server.url) as (opened, requests):
        yield opened
    assert {url for url in requests if not url.startswith(("data:", "about:"))} <= {server.url, server.url + "extract"}


def extract(page: Any, text: str) -> Any:
    """The frame with the picture of a text."""
    page.locator("#text").fill(text)
    page.locator("#extract").click()
    frame = page.frame_locator("#shown")
    playwright.expect(frame.locator("#text")).to_have_text(text, use_inner_text=False)
    return frame


def click_edge(page: Any, relation: int) -> None:
    """With the mouse, in the middle of the edge."""
    inner = page.frames[1]
    middle = inner.evaluate(
        "i => document.getElementById('graph')._cyreg.cy.getElementById(`e${i}`).renderedMidpoint()", relation
    )
    graph = page.frame_locator("#shown").locator("#graph")
    graph.scroll_into_view_if_needed()
    box = graph.bounding_box()
    page.mouse.click(box["x"] + middle["x"], box["y"] + middle["y"])


def evidence(frame: Any) -> str:
    return "".join(frame.locator("#text .evidence").all_text_contents())


def test_a_text_goes_in_and_its_picture_can_be_used(page: Any) -> None:
    frame = extract(page, TEXT)
    assert evidence(frame) == ""
    click_edge(page, 0)
    assert evidence(frame) == "Marie Curie was born in Warsaw."
    click_edge(page, 1)
    assert evidence(frame) == "She moved to Paris in 1891."
    assert frame.locator("#shown").text_content() == "2 of 2 relations of this document"
    frame.locator("#threshold").focus()
    page.keyboard.press("ArrowRight")
    playwright.expect(frame.locator("#least")).to_have_text("0.61")
    assert frame.locator("#shown").text_content() == "1 of 2 relations of this document"
    assert evidence(frame) == ""


def test_a_text_is_text(page: Any) -> None:
    frame = extract(page, EVIL)
    assert frame.locator("#text").text_content() == EVIL
    assert frame.locator("#text img, #text script").count() == 0
    assert "<i>residence" in frame.locator("#relations").text_content()
    assert page.frames[1].evaluate("() => origin") == "null"  # the frame is nobody's page


def test_by_keyboard(page: Any) -> None:
    page.locator("#text").fill(TEXT)
    page.locator("#text").press("Control+Enter")
    playwright.expect(page.frame_locator("#shown").locator("#name")).to_have_text("text")


def test_what_went_wrong_is_said(browser: Any, server: Any) -> None:
    page = browser.new_page()
    page.goto(server.url)
    page.locator("#extract").click()  # nothing to extract: the browser says so
    assert page.locator("#shown").is_hidden()
    page.route("**/extract", lambda route: route.fulfill(status=422, json={"error": EVIL}))
    page.locator("#text").fill("a")
    page.locator("#extract").click()
    playwright.expect(page.locator("#state.wrong")).to_have_text(EVIL)
    assert page.locator("#shown").is_hidden()
    page.route("**/extract", lambda route: route.abort())
    page.locator("#extract").click()
    playwright.expect(page.locator("#state.wrong")).to_have_text("The server cannot be reached.")
    page.close()


def test_a_token_is_asked_for(browser: Any) -> None:
    with server_of["running"](Finder(), token="se-cret") as server:
        page = browser.new_page()
        page.goto(server.url)
        assert page.locator("#token").is_hidden()
        page.locator("#text").fill(TEXT)
        page.locator("#extract").click()
        playwright.expect(page.locator("#state.wrong")).to_contain_text("token")
        page.locator("#token").fill("se-cret")
        page.locator("#token").press("Enter")
        playwright.expect(page.frame_locator("#shown").locator("#text")).to_have_text(TEXT)
        assert page.locator("#state").text_content() == ""
        page.close()


def test_on_a_phone_and_in_the_dark(browser: Any, server: Any) -> None:
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    phone.goto(server.url)
    extract(phone, TEXT)
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 360
    phone.goto(server.url + "docs")
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 360
    phone.close()


def test_the_manual_needs_no_script(browser: Any, server: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    page.locator("noscript a").click()
    assert page.locator("h2").all_text_contents() == ["POST /extract", "GET /model", "GET /health"]
    context.close()
