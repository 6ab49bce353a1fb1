"""Character spans to tokens: every mention is whole tokens, the text is untouched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora.offsets import Offsets, trimmed
from joint_ie.errors import InputError
from joint_ie.text import Tokeniser


def words(offsets: Offsets) -> list[list[str]]:
    document = offsets.document
    return [list(document.words[start:end]) for start, end in document.sentence_spans]


def test_without_spans_it_is_the_tokeniser() -> None:
    text = "Naloxone (8 nM) reversed it. Clonidine-suppressible binding did not change.\n\nNo 5 remained"
    offsets = Offsets("d", text, [])
    assert offsets.document == Tokeniser()(text, "d")
    assert offsets.removed_ends == 0


def test_tokens_are_cut_where_a_mention_ends_inside() -> None:
    text = "A preclonidine5 dose, clonidine ."
    offsets = Offsets("d", text, [(5, 14), (21, 32)])
    assert words(offsets) == [["A", "pre", "clonidine", "5", "dose", ",", "clonidine", "."]]
    assert offsets.span(5, 14) == (2, 3)
    assert offsets.span(21, 32) == (6, 7), "white space at the ends belongs to no mention"


def test_overlapping_and_nested_spans_are_all_kept() -> None:
    offsets = Offsets("d", "betaendorphins", [(0, 4), (0, 14), (2, 13), (4, 13)])
    assert words(offsets) == [["be", "ta", "endorphin", "s"]]
    assert [offsets.span(*span) for span in [(0, 4), (0, 14), (2, 13), (4, 13)]] == [(0, 2), (0, 4), (1, 3), (2, 3)]


def test_no_sentence_ends_inside_a_mention() -> None:
    text = "He saw Mr. Who. The Band. It played."
    assert len(Offsets("d", text, []).document.sentences) == 3
    offsets = Offsets("d", text, [(7, 24), (7, 10)])
    assert [sentence.text for sentence in offsets.document.sentences] == ["He saw Mr. Who. The Band.", "It played."]
    assert offsets.removed_ends == 1
    # A mention that ends with the sentence leaves it alone.
    assert Offsets("d", text, [(7, 15)]).removed_ends == 0
    assert Offsets("d", "titleabstract", [(0, 5), (5, 13)], breaks=[5]).removed_ends == 0


def test_breaks_begin_sentences() -> None:
    text = "a title without a stop and its abstract"
    offsets = Offsets("d", text, [], breaks=[22, len(text)])
    assert [sentence.text for sentence in offsets.document.sentences] == ["a title without a stop", "and its abstract"]
    assert Offsets("d", text, [(18, 26)], breaks=[22]).removed_ends == 1
    assert words(Offsets("d", "titleabstract", [], breaks=[5])) == [["title"], ["abstract"]]


@pytest.mark.parametrize("span", [(0, 0), (2, 1), (-1, 2), (0, 9), (3, 4)])
def test_spans_without_text_are_named(span: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"document 'd': characters \[.* of 8 characters; correct"):
        Offsets("d", "abc defg", [span])


def test_half_characters_are_named() -> None:
    with pytest.raises(InputError, match="half of a surrogate pair"):
        Offsets("d", "a \ud800", [])


def test_a_span_that_was_not_given() -> None:
    with pytest.raises(ValueError, match="none of the spans"):
        Offsets("d", "abc", []).span(0, 2)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_no_text(text: str) -> None:
    document = Offsets("d", text, [], breaks=[0]).document
    assert document.tokens == () and document.sentence_spans == ()


@given(st.data())
def test_any_spans_in_any_text(data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from("aB.-5 \n\u00a0é\U0001d6fc"), max_size=40))
    places = st.integers(0, len(text))
    spans = [
        span for span in data.draw(st.lists(st.tuples(places, places), max_size=6)) if trimmed(text, *span) is not None
    ]
    breaks = data.draw(st.lists(places, max_size=2))
    offsets = Offsets("d", text, spans, breaks=breaks)
    document = offsets.document
    document.validate()
    assert "".join(document.words) == "".join(text.split()), "no character is lost"
    for start, end in spans:
        first, last = offsets.span(start, end)
        assert document.slice(first, last) == text[start:end].strip()
        assert document.token_sentence[first] == document.token_sentence[last - 1]
