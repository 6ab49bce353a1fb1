"""SpERT's JSON (Eberts and Ulges 2020), in which CoNLL04, ADE and other sentence-level corpora are published.

A list of ``{"tokens", "entities": [{"type", "start", "end"}], "relations": [{"type", "head", "tail"}], "orig_id"}``;
``end`` is exclusive, ``head`` and ``tail`` are positions in ``entities``. Some copies have BILOU ``tags`` in the place
of ``entities``, whose entities are counted from left to right. There is no coreference: every mention is an entity.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from joint_ie.corpora.files import field, load_json
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs, unique_id
from joint_ie.corpora.tags import tagged_spans
from joint_ie.document import Document, Entity, Relation
from joint_ie.document_json import kind_of
from joint_ie.errors import InputError
from joint_ie.schema import Schema


def conll04_schema() -> Schema:
    """The four entity types and five relations of CoNLL04 (Roth and Yih 2004)."""
    return Schema.from_names(
        {"Loc": "location", "Org": "organization", "Peop": "person", "Other": "other"},
        {
            "Work_For": "work for",
            "Kill": "kill",
            "OrgBased_In": "organization based in",
            "Live_In": "live in",
            "Located_In": "located in",
        },
    )


def read_spert(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """One document of one sentence for every record; `InputError` names file, record and field.

    A record's id is its ``orig_id``, else the name of the file with its number; an entity's is its position. Relations
    of CoNLL04 get their readable label.
    """
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    records = load_json(path)
    if not isinstance(records, list):
        raise InputError(f"{path}: should be a list of sentences, but is {kind_of(records)}; check the format")
    labels = {label.id: label.name for label in conll04_schema().relation_types}
    used: set[str] = set()
    for number, record in enumerate(records, start=1):
        where = f"{path}: document {number}"
        words = field(record, "tokens", list, where)
        if not all(isinstance(word, str) for word in words):
            raise InputError(f'{where}: field "tokens" should be a list of words; correct it')
        given = record.get("orig_id")
        title = f"{path.stem}-{number}" if given is None else str(field(record, "orig_id", (str, int), where))
        id = unique_id(title, used, where, repairs)
        yield _document(record, Document.from_words(id, [words]), labels, repairs, where)


def _document(
    record: Mapping[str, Any], bare: Document, labels: Mapping[str, str], repairs: Repairs, where: str
) -> Document:
    if "entities" in record or "tags" not in record:
        entities = [
            _entity(item, bare, i, f"{where}: entities[{i}]")
            for i, item in enumerate(field(record, "entities", list, where))
        ]
    else:
        entities = _tagged(record, bare, repairs, where)
    relations = None
    if record.get("relations") is not None:
        relations = [
            _relation(item, len(entities), labels, f"{where}: relations[{i}]")
            for i, item in enumerate(field(record, "relations", list, where))
        ]
    return bare.with_annotations(entities, relations)


def _entity(item: Any, document: Document, position: int, where: str) -> Entity:
    start, end = field(item, "start", int, where), field(item, "end", int, where)
    if not 0 <= start < end <= len(document.tokens):
        raise InputError(
            f"{where} is at words [{start}, {end}] of a sentence of {len(document.tokens)}; correct it or remove it"
        )
    mention = document.mention(start, end)
    return Entity(field(item, "type", str, where), mention.text, (mention,), id=str(position))


def _tagged(record: Mapping[str, Any], document: Document, repairs: Repairs, where: str) -> list[Entity]:
    tags = field(record, "tags", list, where)
    if len(tags) != len(document.tokens) or not all(isinstance(tag, str) for tag in tags):
        raise InputError(
            f'{where}: field "tags" should have a tag for each of {len(document.tokens)} words; correct it'
        )
    spans = tagged_spans(tags, document.id, repairs, where)
    mentions = [(type, document.mention(start, end)) for start, end, type in spans]
    return [Entity(type, mention.text, (mention,), id=str(i)) for i, (type, mention) in enumerate(mentions)]


def _relation(item: Any, count: int, labels: Mapping[str, str], where: str) -> Relation:
    head, tail = field(item, "head", int, where), field(item, "tail", int, where)
    for key, position in (("head", head), ("tail", tail)):
        if not 0 <= position < count:
            raise InputError(f"{where}.{key} = {position} is none of {count} entities; correct it or remove it")
    type = field(item, "type", str, where)
    return Relation(head, tail, type, labels.get(type))


_FIELDS = re.compile(r'"(entities|tags)"\s*:\s*\[')

SPERT = Reader(
    name="spert",
    description="SpERT's JSON, one sentence a document (CoNLL04, ADE)",
    read=lambda path, repairs: read_spert(path, repairs),
    recognises=lambda head: head.lstrip().startswith("[") and '"tokens"' in head and bool(_FIELDS.search(head)),
)
