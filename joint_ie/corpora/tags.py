"""BIO tags and their relatives as mentions."""

import re
from collections.abc import Sequence

from joint_ie.corpora.repairs import Repairs
from joint_ie.errors import InputError

TAG = re.compile(r"O|[BILUES]-\S.*")


def tagged_spans(tags: Sequence[str], document: str, repairs: Repairs, where: str) -> list[tuple[int, int, str]]:
    """``(start, end, type)`` of the mentions in the tags of one sentence: BIO, BILOU or BIOES.

    A mention that begins with I, L or E is taken as if it began with B, with a repair of ``document``.
    """
    spans: list[tuple[int, int, str]] = []
    start, type = 0, ""  # of the open mention; none is open while type is empty
    for i, tag in enumerate([*tags, "O"]):
        if not TAG.fullmatch(tag):
            raise InputError(f"{where}: tag {tag!r} of word {i + 1} is none of O, B-TYPE, I-TYPE and so on; correct it")
        inside = tag[0] in "ILE" and tag[2:] == type
        if type and not inside:
            spans.append((start, i, type))
            type = ""
        if tag != "O" and not inside:
            start, type = i, tag[2:]
            if tag[0] in "ILE":
                message = f"{where}: word {i + 1} has the tag {tag}"
                repairs.note(document, "tags that continue no mention taken as its beginning", message)
        if tag[0] in "LEUS":
            spans.append((start, i + 1, type))
            type = ""
    return spans
