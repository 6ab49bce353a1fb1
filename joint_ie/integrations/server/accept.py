"""Which form of an answer a client prefers (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterator, Sequence

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"?')  # one that is not closed reaches to the end; else this took quadratic time
_NUMBER = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The media type among ``offered`` that a client wants most, None if it wants none of them.

    Every type has the quality of the range that names it most precisely. Equal qualities go to the type that is named
    more precisely, then to the one that is offered first. Parameters other than ``q`` are ignored, ranges that are
    malformed, too; an empty header wants anything.
    """
    if not accept.strip():
        return offered[0]
    ranges = list(_parsed(accept))
    best, chosen = (0.0, 0), None
    for media_type in offered:
        quality, precision = _wanted(media_type, ranges)
        if quality > 0 and (quality, precision) > best:
            best, chosen = (quality, precision), media_type
    return chosen


def _parsed(accept: str) -> Iterator[tuple[str, float]]:
    for part in _QUOTED.sub("", accept).split(","):
        name, *parameters = part.split(";")
        named = (parameter.partition("=") for parameter in parameters)
        quality = next((value.strip() for key, _, value in named if key.strip().lower() == "q"), "1")
        if _NUMBER.fullmatch(quality):
            yield name.strip().lower(), float(quality)


def _wanted(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """Quality and precision (1 for ``*/*``, 2 for ``text/*``, 3 for the type itself); 0 where nothing names it."""
    names = ("*/*", media_type.partition("/")[0] + "/*", media_type)
    precision, quality = max(
        ((names.index(name) + 1, quality) for name, quality in ranges if name in names), default=(0, 0.0)
    )
    return quality, precision
