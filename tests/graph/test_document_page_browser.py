"""The page in a browser: what a reader clicks, and that nothing of a document ever runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from joint_ie.document import Document, Entity, Relation
from joint_ie.graph.document_page import document_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")

EVIL = "<script>alert(1)</script>"
QUOTED = "\"'`</script><img src=x onerror=alert(1)>"


def curie() -> Document:
    bare = Document.from_words(
        "curie",
        [
            ["Marie", "Curie", "was", "born", "in", "Warsaw", "."],
            ["It", "rained", "🌧", "."],
            ["She", "moved", "to", "Paris", "in", "1891", "."],
        ],
    )
    entities = [
        Entity("PER", "Marie Curie", (bare.mention(0, 2), bare.mention(11, 12)), 0.9),
        Entity("LOC", "Warsaw", (bare.mention(5, 6),), 0.8),
        Entity("LOC", "Paris", (bare.mention(14, 15),)),
    ]
    relations = [
        Relation(0, 1, "P19", "place of birth", 0.9, (0,), "both-entities"),
        Relation(0, 2, "P551", "residence", 0.6, (0, 2), "context"),
        Relation(1, 2, "P47", None, None),
    ]
    return bare.with_annotations(entities, relations)


def hostile() -> Document:
    bare = Document.from_words(QUOTED, [[EVIL, QUOTED, "end"], ["\u202e", EVIL]])
    entities = [
        Entity(EVIL, QUOTED, (bare.mention(0, 2), bare.mention(4, 5))),
        Entity("constructor", EVIL, (bare.mention(1, 3), bare.mention(1, 2))),
    ]
    relations = [Relation(0, 1, EVIL, QUOTED, 0.7, (0, 1), EVIL), Relation(1, 0, "__proto__", None, 0.8, (1,))]
    return bare.with_annotations(entities, relations)


def bare() -> Document:
    return Document.from_words("third", [["Nobody", "looked", "."]])


@pytest.fixture
def page(watched: Any, tmp_path: Path) -> Iterator[Any]:
    """The page of three documents; whatever the browser complains about or loads fails the test."""
    file = tmp_path / "page.html"
    file.write_text(document_page([curie(), hostile(), bare()], EVIL), encoding="utf-8")
    with watched(file.as_uri()) as (opened, requests):
        yield opened
    assert requests == [file.as_uri()]


def click_edge(page: Any, relation: int) -> None:
    """With the mouse, in the middle of the edge, as a reader does."""
    middle = page.evaluate(
        "i => document.getElementById('graph')._cyreg.cy.getElementById(`e${i}`).renderedMidpoint()", relation
    )
    box = page.locator("#graph").bounding_box()
    page.mouse.click(box["x"] + middle["x"], box["y"] + middle["y"])


def drawn(page: Any) -> list[str]:
    return sorted(
        page.evaluate(
            "() => document.getElementById('graph')._cyreg.cy.elements().filter((e) => e.style('display') !== 'none')"
            ".map((e) => e.data('label'))"
        )
    )


def press(page: Any, key: str, least: str) -> None:
    """A key on the slider; on a busy machine the browser moves it a little later."""
    page.keyboard.press(key)
    playwright.expect(page.locator("#least")).to_have_text(least)


def evidence(page: Any) -> str:
    return "".join(page.locator("#text .evidence").all_text_contents())


def test_an_edge_shows_its_evidence(page: Any) -> None:
    assert page.locator("#name").text_content() == "curie"
    assert evidence(page) == ""
    click_edge(page, 1)
    assert evidence(page) == "Marie Curie was born in Warsaw .She moved to Paris in 1891 ."
    assert page.locator("#detail blockquote").all_text_contents() == [
        "Marie Curie was born in Warsaw .",
        "She moved to Paris in 1891 .",
    ]
    assert "score 0.600" in page.locator("#detail").text_content()
    assert page.locator("#text .head").all_text_contents() == ["Marie Curie", "She"]
    assert page.locator("#text .tail").all_text_contents() == ["Paris"]
    assert "residence" in page.locator("#relations [aria-pressed=true]").text_content()
    page.keyboard.press("Escape")
    assert evidence(page) == ""
    assert page.locator("#detail").text_content() == ""


def test_the_list_works_by_keyboard(page: Any) -> None:
    page.locator("#relations button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert evidence(page) == "Marie Curie was born in Warsaw ."
    page.keyboard.press("Enter")
    assert evidence(page) == ""


def test_the_threshold_takes_edges_away(page: Any) -> None:
    everything = ["Marie Curie", "P47", "Paris", "Warsaw", "place of birth", "residence"]
    assert drawn(page) == everything
    assert page.locator("#least").text_content() == "0.60"
    click_edge(page, 1)
    page.locator("#threshold").focus()
    press(page, "ArrowRight", "0.61")
    assert evidence(page) == ""  # of a relation that is gone
    assert drawn(page) == [label for label in everything if label != "residence"]
    assert page.locator("#relations button").count() == 2
    assert page.locator("#shown").text_content() == "2 of 3 relations of this document"
    press(page, "End", "1.00")  # what has no score stays
    assert drawn(page) == ["P47", "Paris", "Warsaw"]
    press(page, "Home", "0.60")
    assert drawn(page) == everything


def test_mentions_of_an_entity_light_up_together(page: Any) -> None:
    page.locator("#text .mention", has_text="She").hover()
    assert page.locator("#text .lit").all_text_contents() == ["Marie Curie", "She"]
    assert page.locator("#text .lit").first.get_attribute("title") == "Marie Curie (PER), 2 mentions, score 0.90"
    page.locator("#name").hover()
    assert page.locator("#text .lit").count() == 0


def test_searching_opens_what_is_found(page: Any) -> None:
    page.locator("#search").fill("nobody")
    assert page.locator("#list button").all_text_contents() == ["thirdnobody looked for relations"]
    assert page.locator("#name").text_content() == "third"
    assert page.locator("#frame").is_hidden()
    page.locator("#search").fill("RESIDENCE")
    assert page.locator("#name").text_content() == "curie"
    page.locator("#search").fill("no such thing")
    assert page.locator("#found").text_content() == "0 of 3 documents"


def test_what_documents_say_is_text(page: Any) -> None:
    page.locator("#list button").nth(1).click()
    assert page.title() == EVIL
    assert page.locator("h1").text_content() == EVIL
    assert page.locator("#text").text_content() == hostile().text
    assert page.locator("#types").text_content().replace("\xa0", "") == f"●{EVIL}●constructor"
    assert drawn(page) == sorted(["__proto__", QUOTED, EVIL, f"{QUOTED[:39]}…" if len(QUOTED) > 40 else QUOTED])
    page.locator("#relations button", has_text=QUOTED).last.click()
    assert EVIL in page.locator("#detail").text_content()
    page.locator("#entities-box summary").click()
    page.locator("#entities button").first.hover()
    assert page.locator("script").count() == 3
    assert page.locator("main img, main script").count() == 0


def test_nested_and_overlapping_mentions_are_all_painted(page: Any) -> None:
    page.locator("#list button").nth(1).click()
    bars = page.locator("#text .mention").evaluate_all(
        "all => all.map((e) => [e.textContent, e.style.backgroundImage.split('linear-gradient').length - 1])"
    )
    # the first mention, where two of the second entity overlap it, the rest of the longer of these, another sentence
    assert bars == [[f"{EVIL} ", 1], [QUOTED, 3], [" end", 1], [EVIL, 1]]


def test_it_fits_on_a_phone_and_in_the_dark(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(document_page([curie(), hostile()], "title"), encoding="utf-8")
    phone = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="dark")
    phone.goto(file.as_uri())
    assert phone.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert phone.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    phone.close()


def test_without_javascript_there_is_the_text(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(document_page([curie(), hostile()], "title"), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(file.as_uri())
    assert plain.locator("noscript p").first.inner_text() == curie().text
    assert plain.locator("noscript p").last.inner_text() == hostile().text
    assert plain.locator("noscript li").first.inner_text() == "Marie Curie → place of birth → Warsaw (0.90)"
    assert plain.locator("main").is_hidden()
    context.close()
