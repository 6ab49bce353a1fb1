"""Colours of types: the same on every page, and different on one."""

from hypothesis import given
from hypothesis import strategies as st

from joint_ie.colours import hues
from joint_ie.document import Document, Entity
from joint_ie.graph.document_page import page_data

KNOWN = ["PER", "LOC", "ORG", "TIME", "NUM", "MISC"]


@given(st.lists(st.sampled_from(KNOWN)), st.lists(st.text(), max_size=5))
def test_known_types_have_the_same_colour_in_any_company(known: list[str], others: list[str]) -> None:
    alone = hues(KNOWN)
    assert len(set(alone.values())) == len(KNOWN)
    together = hues(known + others)
    assert all(together[type] == alone[type] for type in known)


@given(st.lists(st.text(), max_size=12, unique=True))
def test_types_of_a_page_differ(types: list[str]) -> None:
    found = hues(types)
    assert set(found) == set(types)
    assert len(set(found.values())) == len(types)
    assert hues(reversed(types)) == found


def test_a_type_alone_keeps_its_colour_beside_a_later_one() -> None:
    (first,) = hues(["Chemical"]).values()
    assert hues(["Disease", "Chemical", "Zebra"])["Chemical"] == first


def test_beyond_twelve_colours_repeat() -> None:
    assert len(set(hues(map(str, range(30))).values())) == 12


def test_frequency_does_not_matter() -> None:
    bare = Document.from_words("d", [["a", "b", "c"]])

    def colours(*types: str) -> dict[str, int]:
        entities = [Entity(type, "n", (bare.mention(i, i + 1),)) for i, type in enumerate(types)]
        data = page_data([bare.with_annotations(entities, None)], "t")
        return dict(zip(data["types"], data["hues"], strict=True))

    assert colours("PER", "PER", "LOC") == colours("LOC", "LOC", "PER") == hues(["PER", "LOC"])
