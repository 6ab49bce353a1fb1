"""BioC JSON (Comeau et al. 2019) as BioRED is published in: documents of passages with annotations and relations.

Concepts stand in ``infons``: ``identifier`` and ``type`` of a mention, ``entity1``, ``entity2``, ``type`` and ``novel``
of a relation. The same as the PubTator form, document by document (`joint_ie.corpora.pubtator`).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from joint_ie.corpora.concepts import Annotation, Record, Statement, concept_documents
from joint_ie.corpora.files import field, load_json
from joint_ie.corpora.pubtator import BIORED_RELATIONS
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document
from joint_ie.errors import InputError


def read_bioc(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a file; `InputError` names file, document and field. Entities have their concept as ``id``.

    See `joint_ie.corpora.concepts` for mentions of several concepts or of none.
    """
    path = Path(path)
    listed = field(load_json(path), "documents", list, str(path))
    records = [_record(item, f"{path}: document {number}") for number, item in enumerate(listed, start=1)]
    made = Repairs() if repairs is None else repairs
    yield from concept_documents(records, BIORED_RELATIONS, BIORED_RELATIONS, made)


def _record(record: Mapping[str, Any], where: str) -> Record:
    id = str(field(record, "id", (str, int), where))
    where = f"{where} ({id!r})"
    text = ""
    breaks = []
    annotations = []
    relations = list(_list(record, "relations", where))
    for i, passage in enumerate(field(record, "passages", list, where)):
        at = f"{where}: passages[{i}]"
        offset = field(passage, "offset", int, at)
        if offset < len(text):
            raise InputError(f"{at} begins at character {offset}, before the end of the last ({len(text)}); correct it")
        text = text.ljust(offset) + field(passage, "text", str, at)
        breaks.append(offset)
        annotations += [
            _annotation(item, f"{at}.annotations[{j}]") for j, item in enumerate(_list(passage, "annotations", at))
        ]
        relations += _list(passage, "relations", at)
    statements = [_statement(item, f"{where}: relations[{i}]") for i, item in enumerate(relations)]
    return Record(id, text, tuple(breaks), annotations, statements, where)


def _annotation(item: Any, where: str) -> Annotation:
    text = field(item, "text", str, where)
    infons = field(item, "infons", dict, where)
    locations = field(item, "locations", list, where)
    spans = []
    for i, location in enumerate(locations):
        start = field(location, "offset", int, f"{where}.locations[{i}]")
        spans.append((start, start + field(location, "length", int, f"{where}.locations[{i}]")))
    if len(spans) != 1:
        raise InputError(
            f"{where} ({text!r}) is in {len(spans)} locations, but should be in one; join them or remove it"
        )
    type = field(infons, "type", str, f"{where}.infons")
    concepts = infons.get("identifier")
    return Annotation(*spans[0], text, type, "" if concepts is None else str(concepts), where)


def _statement(item: Any, where: str) -> Statement:
    infons = field(item, "infons", dict, where)
    type, head, tail = (field(infons, key, str, f"{where}.infons") for key in ("type", "entity1", "entity2"))
    novelty = infons.get("novel")
    return Statement(type, head, tail, where, None if novelty is None else str(novelty))


def _list(record: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """A list that may be missing."""
    return field(record, key, list, where) if record.get(key) is not None else []


BIOC = Reader(
    name="bioc",
    description="BioC JSON with concepts, as BioRED has it",
    read=read_bioc,
    recognises=lambda head: head.lstrip().startswith("{") and '"passages"' in head,
)
