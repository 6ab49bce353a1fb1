"""Which form of an answer a client prefers (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterator, Sequence

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_NAME = re.compile(r"(\*/\*|[^\s/*;,]+/(?:\*|[^\s/*;,]+))")
_QUALITY = re.compile(r";\s*q\s*=\s*([^\s;]*)\s*(?:;|$)", re.IGNORECASE)
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
        name = _NAME.match(part.strip())
        if name:
            quality = _QUALITY.search(part)
            if quality is None:
                yield name[1].lower(), 1.0
            elif _NUMBER.fullmatch(quality[1]):
                yield name[1].lower(), float(quality[1])


def _wanted(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """Quality and precision (1 for ``*/*``, 2 for ``text/*``, 3 for the type itself); 0 where nothing names it."""
    names = ("*/*", media_type.partition("/")[0] + "/*", media_type)
    precision, quality = max(
        ((names.index(name) + 1, quality) for name, quality in ranges if name in names), default=(0, 0.0)
    )
    return quality, precision
