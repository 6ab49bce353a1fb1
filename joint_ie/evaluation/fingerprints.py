"""Which gold documents something was scored against, without the documents themselves."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from joint_ie.document import Document


@dataclass(frozen=True)
class GoldDocument:
    """A document's id and a digest of its text and annotations."""

    id: str
    digest: str

    @classmethod
    def of(cls, document: Document) -> "GoldDocument":
        """Equal documents, and no others, give equal ones."""
        return cls(document.id, hashlib.sha256(_line(document)).hexdigest()[:16])


def corpus_fingerprint(documents: Iterable[Document]) -> str:
    """The SHA-256 of the documents as JSON Lines, in their order."""
    made = hashlib.sha256()
    for document in documents:
        made.update(_line(document))
    return made.hexdigest()


def _line(document: Document) -> bytes:
    """As `corpora.write_jsonl` writes it, which escapes what UTF-8 cannot hold."""
    return f"{json.dumps(document.to_dict(), ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")
