"""A part of a small corpus that nothing is learned from, and nothing chosen with."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from joint_ie.document import Document
from joint_ie.errors import InputError


@dataclass(frozen=True)
class Parts:
    """A corpus in two; ``repeated`` counts documents whose words another document has, all in one part."""

    training: tuple[Document, ...]
    held_out: tuple[Document, ...]
    repeated: int


def split(documents: Sequence[Document], share: float, seed: int) -> Parts:
    """Hold out a ``share`` of the texts, drawn with ``seed``, one at least and not all; both parts keep their order.

    Documents with the same words (capitals and white space aside) stay together: on both sides, one would be learned by
    heart and then asked for.
    """
    if not 0 < share < 1:
        raise InputError(f"the held-out share {share} should be above 0 and below 1")
    texts: dict[str, list[int]] = {}
    for i, document in enumerate(documents):
        texts.setdefault(wording(document), []).append(i)
    if len(texts) < 2:
        raise InputError("there is one text only, and at least one to learn from and one to be measured on are needed")
    order = list(texts.values())
    random.Random(seed).shuffle(order)
    number = min(max(round(share * len(order)), 1), len(order) - 1)
    held = {i for same in order[:number] for i in same}
    return Parts(
        training=tuple(document for i, document in enumerate(documents) if i not in held),
        held_out=tuple(document for i, document in enumerate(documents) if i in held),
        repeated=len(documents) - len(texts),
    )


def check_apart(documents: Sequence[Document], held_out: Sequence[Document], corpus: str) -> None:
    """Raise `InputError` if a ``corpus`` that is learned from or chosen with has a text that is held out."""
    kept = {wording(document) for document in held_out}
    shared = [document.id for document in documents if wording(document) in kept]
    if shared:
        raise InputError(
            f"{corpus}: {len(shared)} of its documents, such as {shared[0]!r}, are held out to be scored on, and are "
            f"not to be learned from or chosen with; name other documents"
        )


def wording(document: Document) -> str:
    """What two documents have in common if one is a copy of the other: capitals and white space do not matter."""
    return " ".join(document.words).casefold()
