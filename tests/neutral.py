"""Documents from clusters and relations, and the golden end-to-end documents in their neutral format.

Test modules run this file by its path (`runpy.run_path`), for their strategies build documents too.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from joint_ie.document import Document, Entity, Relation, Span

PREDICTIONS = ("perfect", "empty", "light", "medium", "heavy", "messy")


def build(
    clusters: Sequence[tuple[str, Iterable[Span]]],
    relations: Sequence[tuple[Any, ...]] | None = (),
    id: str = "d",
    words: Sequence[Sequence[str]] = (tuple("abcdef"),),
) -> Document:
    """Of entity types with the spans of their mentions, and the fields of relations; ``words`` are sentences."""
    document = Document.from_words(id, words)
    entities = []
    for label, spans in clusters:
        mentions = tuple(document.mention(*span) for span in spans)
        entities.append(Entity(label, mentions[0].text, mentions))
    return document.with_annotations(entities, None if relations is None else [Relation(*fact) for fact in relations])


def read(shared: Path, name: str) -> Any:
    """A file of golden joint_and_scoring README 2, such as ``expected_jerex``."""
    path = shared / "golden" / "joint_and_scoring" / "a_e2e" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def load(shared: Path, name: str) -> list[Document]:
    """The documents of ``gold`` or of a prediction (README 2.1), without the package's readers."""
    documents = []
    for item in read(shared, name if name == "gold" else f"pred_{name}"):
        words = [item["tokens"][start:end] for start, end in pairwise([*item["sent_starts"], len(item["tokens"])])]
        clusters = [(entity["type"], entity["mentions"]) for entity in item["entities"]]
        documents.append(build(clusters, item["relations"], item["title"], words))
    return documents
