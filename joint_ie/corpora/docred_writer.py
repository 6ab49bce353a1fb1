"""Documents in DocRED's JSON (see `joint_ie.corpora.docred`), for programs that read nothing else."""

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from joint_ie.corpora.docred import docred_schema
from joint_ie.corpora.files import writing
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.submission import file_positions
from joint_ie.document import Document, Entity
from joint_ie.errors import InputError

_log = logging.getLogger(__name__)


def write_docred(documents: Iterable[Document], path: Path | str, repairs: Repairs | None = None) -> int:
    """Write a file in DocRED's layout; returns how many documents.

    Entities are written at their file positions, where their ids are such positions, else as they stand. What the
    layout cannot hold is left out and added to ``repairs``, or counted in a warning: white space other than one space
    between words; names and types of entities other than the first mention's; other ids of entities; scores; how
    evidence was found; candidates; readable names of relations that are not DocRED's. A mention that crosses a
    sentence end is an `InputError`.
    """
    path = Path(path)
    made = Repairs() if repairs is None else repairs
    names = {label.id: label.name for label in docred_schema().relation_types}
    records = []
    for document in documents:
        records.append(_record(document))
        for kind, number in _losses(document, names).items():
            for _ in range(number):
                made.note(document.id, kind, "DocRED's layout has no room for it")
    text = "[" + ",\n".join(json.dumps(record, ensure_ascii=False) for record in records) + "]\n"
    with writing(path):
        # A lone surrogate, which UTF-8 cannot hold, becomes its JSON escape.
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    if repairs is None and made.found:
        _log.warning("%s: %s", path, made.summary())
    return len(records)


def _record(document: Document) -> dict[str, Any]:
    places = file_positions(document)
    listed = sorted(zip(places, document.entities, strict=True), key=lambda item: item[0])
    record: dict[str, Any] = {
        "title": document.id,
        "sents": [list(document.words[start:end]) for start, end in document.sentence_spans],
        "vertexSet": [_mentions(entity, document) for _, entity in listed],
    }
    if document.relations is not None:
        record["labels"] = [
            {"h": places[r.head], "t": places[r.tail], "r": r.type, "evidence": list(r.evidence)}
            for r in document.relations
        ]
    return record


def _mentions(entity: Entity, document: Document) -> list[dict[str, Any]]:
    listed = []
    for i, mention in enumerate(entity.mentions):
        sentence = document.token_sentence[mention.start]
        first, end = document.sentence_spans[sentence]
        if mention.end > end:
            raise InputError(
                f"document {document.id!r}: mention {mention.text!r}, tokens {mention.start} to {mention.end}, crosses "
                f"a sentence end, which DocRED's layout has no room for; write JSON Lines, or join the sentences"
            )
        listed.append(
            {
                "name": mention.name or " ".join(document.words[mention.start : mention.end]),
                "sent_id": sentence,
                "pos": [mention.start - first, mention.end - first],
                # An entity has the type of its first mention there.
                "type": entity.type if i == 0 or mention.type is None else mention.type,
            }
        )
    return listed


def _losses(document: Document, names: Mapping[str, str]) -> Mapping[str, int]:
    """How many of each kind of thing the layout does not hold; ``names`` are those of DocRED's relations."""
    places = file_positions(document)
    firsts = [(entity, entity.mentions[0]) for entity in document.entities]
    relations = document.relations or ()
    scores = [*(entity.score for entity in document.entities), *(relation.score for relation in relations)]
    ids = [entity.id for entity, place in zip(document.entities, places, strict=True) if entity.id != str(place)]
    return {
        "texts with other white space than single spaces normalised": document.text != " ".join(document.words),
        "names of entities replaced by the first mention's": sum(e.name != m.called for e, m in firsts),
        "types of first mentions replaced by the entity's": sum(m.type not in (None, e.type) for e, m in firsts),
        "ids of entities left out": sum(id is not None for id in ids),
        "scores left out": sum(score is not None for score in scores),
        "ways in which evidence was found left out": sum(r.evidence_kind is not None for r in relations),
        "readable names of relations left out": sum(r.label not in (None, names.get(r.type)) for r in relations),
        "lists of candidates left out": document.candidates is not None,
    }
