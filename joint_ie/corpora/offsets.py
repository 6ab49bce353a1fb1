"""Corpora that name their mentions by characters of a raw text: the text in tokens that respect every mention."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from joint_ie.document import Document, Span
from joint_ie.errors import InputError

if TYPE_CHECKING:
    from joint_ie.text import Tokeniser


def trimmed(text: str, start: int, end: int) -> Span | None:
    """The characters ``[start, end)`` without white space at their ends; None if nothing of them is in the text."""
    if not 0 <= start < end <= len(text):
        return None
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    stripped = part.strip()
    return (start, start + len(stripped)) if stripped else None


class Offsets:
    """A text in tokens and sentences (`joint_ie.text.Tokeniser`) in which every given character span is whole tokens.

    A token is cut in two where a span starts or ends inside it ("clonidine-suppressible"), never is the span moved.
    A span lies in one sentence: a sentence end inside of it is removed. ``breaks`` are characters at which a sentence
    begins for sure, such as an abstract after its title.

    ``document`` is the text without annotations, ``removed_ends`` the number of sentence ends removed.
    """

    def __init__(
        self, id: str, text: str, spans: Iterable[Span], language: str = "en", breaks: Iterable[int] = ()
    ) -> None:
        """``spans`` count characters of the text, half-open; `InputError` names one that has no text."""
        from joint_ie.text import check_text  # loads spaCy, and with it torch

        check_text(text, id)
        found: set[Span] = set()
        for start, end in spans:
            span = trimmed(text, start, end)
            if span is None:
                raise InputError(
                    f"document {id!r}: characters [{start}, {end}] are empty or outside the text of "
                    f"{len(text)} characters; correct the offsets"
                )
            found.add(span)
        base = _tokeniser(language)(text, id)
        tokens = tuple(_cut(base.tokens, sorted({*breaks, *(end for span in found for end in span)})))
        starts = [start for start, _ in tokens]
        begins = {bisect_left(starts, base.tokens[first][0]) for first, _ in base.sentence_spans}
        begins |= {bisect_left(starts, place) for place in breaks} - {len(tokens)}
        inside = {
            token for start, end in found for token in range(bisect_right(starts, start), bisect_left(starts, end))
        }
        kept = sorted(begins - inside)
        self.removed_ends = len(begins & inside)
        self.document = Document(id, text, tokens, tuple(pairwise([*kept, len(tokens)])))
        self._starts = {start: i for i, (start, _) in enumerate(tokens)}
        self._ends = {end: i + 1 for i, (_, end) in enumerate(tokens)}

    def span(self, start: int, end: int) -> Span:
        """The tokens of the characters ``[start, end)``, one of the spans this was made with."""
        whole = trimmed(self.document.text, start, end)
        if whole is None or whole[0] not in self._starts or whole[1] not in self._ends:
            raise ValueError(f"[{start}, {end}] is none of the spans that the text was cut for")
        return self._starts[whole[0]], self._ends[whole[1]]


@cache
def _tokeniser(language: str) -> "Tokeniser":
    from joint_ie.text import Tokeniser  # loads spaCy, and with it torch

    return Tokeniser(language)


def _cut(tokens: Iterable[Span], places: list[int]) -> Iterator[Span]:
    """The tokens, cut at every one of the sorted places that lies inside one."""
    for start, end in tokens:
        cuts = places[bisect_right(places, start) : bisect_left(places, end)]
        yield from pairwise([start, *cuts, end])
