"""Which predicted document belongs to which gold document."""

from collections.abc import Iterable

from joint_ie.document import Document
from joint_ie.errors import InputError, nearest


def pair(gold: Iterable[Document], predicted: Iterable[Document]) -> list[tuple[Document, Document | None]]:
    """Every gold document with the prediction of the same id, in gold order; None where there is none.

    Raises `InputError` for an id that is listed twice on one side, and for a prediction without gold.
    """
    references = _by_id(gold, "gold")
    predictions = _by_id(predicted, "predicted")
    for name in predictions:
        if name not in references:
            raise InputError(
                f"predicted document {name!r} is not among the {len(references)} gold documents"
                f"{nearest(name, references)}; score it against the corpus that it was made from"
            )
    return [(document, predictions.get(name)) for name, document in references.items()]


def _by_id(documents: Iterable[Document], side: str) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for document in documents:
        if document.id in found:
            raise InputError(f"{side} document {document.id!r} is listed twice; ids must be unique, keep one of them")
        found[document.id] = document
    return found
