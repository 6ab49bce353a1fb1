"""One colour for each type of entity, whatever else stands on a page."""

import zlib
from collections.abc import Iterable

# Degrees on the circle of colours, far enough apart to be told from each other.
_HUES = (212, 350, 127, 265, 42, 180, 317, 90, 20, 290, 155, 235)
# Types of many schemas, the bundled model's among them, have colours of their own, so that these never clash.
_KNOWN = {"LOC": 0, "PER": 1, "ORG": 2, "TIME": 3, "MISC": 4, "NUM": 5}


def hues(types: Iterable[str]) -> dict[str, int]:
    """A hue in degrees for each type: a known one, else by a hash of the type.

    Where two types would have one hue, the first by name keeps it, and the other takes the next that is free. Beyond
    twelve types hues repeat.
    """
    found: dict[str, int] = {}
    free = list(_HUES)
    for type in sorted(set(types), key=lambda type: (type not in _KNOWN, type)):
        place = _KNOWN.get(type)
        if place is None:
            place = zlib.crc32(type.encode("utf-8", "surrogatepass")) % len(_HUES)
        turned = _HUES[place:] + _HUES[:place]
        found[type] = next(hue for hue in turned if hue in free)
        free.remove(found[type])
        free = free or list(_HUES)
    return found
