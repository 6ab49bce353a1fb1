"""DocRED's submission format: a JSON list of facts."""

import json
from collections.abc import Iterable
from pathlib import Path

from joint_ie.document import Document
from joint_ie.errors import InputError


def write_submission(documents: Iterable[Document], path: Path) -> int:
    """Write ``[{"title", "h_idx", "t_idx", "r", "evidence"}, ...]``; returns the number of facts.

    Titles are document ids and indices are positions in `Document.entities`, so the entities must stand in the
    corpus's own order.
    """
    facts = [
        {
            "title": document.id,
            "h_idx": relation.head,
            "t_idx": relation.tail,
            "r": relation.type,
            "evidence": list(relation.evidence),
        }
        for document in documents
        for relation in document.relations or ()
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    return len(facts)
