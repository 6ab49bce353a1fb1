"""DocRED's JSON, which Re-DocRED, the JEREX split and several other corpora share.

A list of ``{"title", "sents", "vertexSet", "labels"}`` (Yao et al. 2019, https://github.com/thunlp/DocRED).
Entities keep their order, because benchmark submissions name them by position; repeated and overlapping
mentions stay as they are listed, because some scoring protocols count them (golden README 2.1).
"""

import json
import logging
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from joint_ie.corpora.files import load_json
from joint_ie.corpora.reader import Reader
from joint_ie.document import Document, Entity, Mention, Relation
from joint_ie.errors import InputError
from joint_ie.schema import Schema

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_ENTITY_TYPES = {
    "PER": "person",
    "ORG": "organization",
    "LOC": "location",
    "TIME": "time",
    "NUM": "number",
    "MISC": "miscellaneous",
}


def docred_schema(folder: Path | str | None = None) -> Schema:
    """The six entity types and the relations of ``folder/rel_info.json``, or DocRED's own 96 relations."""
    if folder is None:
        packaged = resources.files("joint_ie.corpora").joinpath("docred_relations.json")
        return Schema.from_names(_ENTITY_TYPES, json.loads(packaged.read_text(encoding="utf-8")))
    path = Path(folder) / "rel_info.json"
    relations = load_json(path)
    if not isinstance(relations, dict) or not all(isinstance(name, str) for name in relations.values()):
        raise InputError(f'{path}: should map relation ids to names, such as {{"P17": "country"}}')
    return Schema.from_names(_ENTITY_TYPES, relations)


def read_docred(path: Path | str, schema: Schema | None = None) -> Iterator[Document]:
    """The documents of a file in DocRED's layout; `InputError` names file, document and field.

    Relations get their readable label from ``schema`` (DocRED's by default) where it knows them. A document
    without ``labels`` has ``relations=None``; a title that comes again gets ``#2`` and so on.
    """
    path = Path(path)
    schema = schema or docred_schema()
    labels = {label.id: label.name for label in schema.relation_types}
    records = load_json(path)
    if not isinstance(records, list):
        raise InputError(f"{path}: should be a list of documents, but is {_kind(records)}; check the format")
    used: set[str] = set()
    for number, record in enumerate(records, start=1):
        where = f"{path}: document {number}"
        title = str(_get(record, "title", (str, int), where))
        id = next(name for name in _numbered(title) if name not in used)
        used.add(id)
        if id != title:
            _log.warning("%s has the title %r of an earlier document; its id is %r", where, title, id)
        yield _document(record, id, labels, f"{where} ({title!r})")


def _numbered(title: str) -> Iterator[str]:
    yield title
    yield from (f"{title}#{i}" for i in count(2))


def _document(record: Mapping[str, Any], id: str, labels: Mapping[str, str], where: str) -> Document:
    sentences = _get(record, "sents", list, where)
    for i, sentence in enumerate(sentences):
        if not isinstance(sentence, list) or not all(isinstance(word, str) for word in sentence):
            raise InputError(f"{where}: sents[{i}] should be a list of words; correct it")
    bare = Document.from_words(id, sentences)
    entities = [
        _entity(listed, bare, f"{where}: vertexSet[{i}]")
        for i, listed in enumerate(_get(record, "vertexSet", list, where))
    ]
    relations = None
    if record.get("labels") is not None:
        relations = [
            _relation(label, labels, f"{where}: labels[{i}]")
            for i, label in enumerate(_get(record, "labels", list, where))
        ]
    try:
        return bare.with_annotations(entities, relations)
    except InputError as error:
        raise InputError(f"{where}: {error}; correct it or remove it") from None


def _entity(listed: Any, document: Document, where: str) -> Entity:
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{where} should be a list of one or more mentions; correct it")
    types = [_get(item, "type", str, f"{where}[{j}]") for j, item in enumerate(listed)]
    mentions = tuple(
        _mention(item, document, None if type == types[0] else type, f"{where}[{j}]")
        for j, (item, type) in enumerate(zip(listed, types, strict=True))
    )
    return Entity(types[0], mentions[0].name or mentions[0].text, mentions)


def _mention(item: Mapping[str, Any], document: Document, type: str | None, where: str) -> Mention:
    name = item.get("name") or None
    sentence = _get(item, "sent_id", int, where)
    position = _get(item, "pos", list, where)
    if len(position) != 2 or not all(isinstance(i, int) for i in position):
        raise InputError(f"{where}.pos should be [first word, last word + 1] of the sentence; correct it")
    if not 0 <= sentence < len(document.sentence_spans):
        raise InputError(
            f"{where} ({name!r}) is in sentence {sentence}, but the document has "
            f"{len(document.sentence_spans)} sentences; correct it or remove it"
        )
    first, end = document.sentence_spans[sentence]
    if not 0 <= position[0] < position[1] <= end - first:
        raise InputError(
            f"{where} ({name!r}) is at words {position} of sentence {sentence}, which has {end - first} words; "
            f"correct it or remove it"
        )
    return document.mention(first + position[0], first + position[1], name, type)


def _relation(item: Any, labels: Mapping[str, str], where: str) -> Relation:
    evidence = item.get("evidence") if isinstance(item, dict) else None
    if not isinstance(evidence, list | None) or not all(isinstance(i, int) for i in evidence or ()):
        raise InputError(f"{where}.evidence should be a list of sentence numbers; correct it")
    type = _get(item, "r", str, where)
    return Relation(
        _get(item, "h", int, where),
        _get(item, "t", int, where),
        type,
        labels.get(type),
        evidence=tuple(evidence or ()),
    )


def _get(record: Any, key: str, kind: type[_T] | tuple[type[_T], ...], where: str) -> _T:
    """``record[key]``, which must be of this kind."""
    if not isinstance(record, dict):
        raise InputError(f"{where} should be an object, but is {_kind(record)}; correct it")
    if key not in record:
        raise InputError(f'{where}: field "{key}" is missing; add it, or check the format')
    value = record[key]
    if not isinstance(value, kind):
        raise InputError(f'{where}: field "{key}" should not be {_kind(value)}; correct it')
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


DOCRED = Reader(
    name="docred",
    description="DocRED, Re-DocRED, the JEREX split and other corpora in the same JSON layout",
    read=read_docred,
    recognises=lambda head: head.lstrip().startswith("[") and ('"vertexSet"' in head or '"sents"' in head),
)
