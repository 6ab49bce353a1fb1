"""DocRED's JSON, which Re-DocRED, the JEREX split and several other corpora share.

A list of ``{"title", "sents", "vertexSet", "labels"}`` (Yao et al. 2019, https://github.com/thunlp/DocRED).
Benchmark submissions name entities by their position in the file, which is kept as `Entity.id`; repeated and
overlapping mentions stay as they are listed, because some scoring protocols count them (golden README 2.1).
"""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from joint_ie.corpora.files import field, load_json, parse_json, read_bytes
from joint_ie.corpora.lines import numbered_lines
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs, unique_id
from joint_ie.document import Document, Entity, Mention, Relation
from joint_ie.document_json import kind_of
from joint_ie.errors import InputError
from joint_ie.schema import Schema

_Build = Callable[[str, Sequence[Sequence[str]]], Document]  # id and the words of the sentences

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


def read_docred(path: Path | str, schema: Schema | None = None, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a file in DocRED's layout, as they stand; `InputError` names file, document and field.

    Relations get their readable label from ``schema`` (DocRED's by default) where it knows them. An entity's ``id`` is
    its position in the file. A document without ``labels`` has ``relations=None``; a title that comes again gets
    ``#2`` and so on.
    """
    return _read(path, schema or docred_schema(), repairs, Document.from_words)


def read_hacred(path: Path | str, schema: Schema | None = None, repairs: Repairs | None = None) -> Iterator[Document]:
    """HacRED (Cheng et al. 2021): DocRED's layout for Chinese, whose tokens are joined without spaces.

    One document a line, of which the fields that count characters are read (``sents_char``, ``vertex_char``,
    ``labels_char``; https://github.com/qiaojiim/HacRED), or a list of documents with DocRED's own fields. Relations
    get a readable label only where a ``schema`` gives one.
    """
    path = Path(path)
    records = (_with_docred_fields(parse_json(line, where)) for where, line in numbered_lines(path) if line.strip())
    listed = read_bytes(path, 64).lstrip(codecs.BOM_UTF8 + b" \t\r\n").startswith(b"[")
    return _read(path, schema or Schema((), ()), repairs, _unspaced, None if listed else records)


def _with_docred_fields(record: Any) -> Any:
    """A line of HacRED under DocRED's names."""
    if not isinstance(record, dict):
        return record
    names = {"sents_char": "sents", "vertex_char": "vertexSet", "labels_char": "labels", "id": "title"}
    return {names[name]: value for name, value in record.items() if name in names} | record


def _read(
    path: Path | str, schema: Schema, repairs: Repairs | None, build: _Build, lines: Iterable[Any] | None = None
) -> Iterator[Document]:
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    labels = {label.id: label.name for label in schema.relation_types}
    records = load_json(path) if lines is None else lines
    if lines is None and not isinstance(records, list):
        raise InputError(f"{path}: should be a list of documents, but is {kind_of(records)}; check the format")
    used: set[str] = set()
    for number, record in enumerate(records, start=1):
        where = f"{path}: document {number}"
        title = str(field(record, "title", (str, int), where))
        id = unique_id(title, used, where, repairs)
        yield _document(record, id, labels, build, f"{where} ({title!r})")


def _unspaced(id: str, sentences: Sequence[Sequence[str]]) -> Document:
    """Like `Document.from_words`, for a script that puts no spaces between words."""
    words = [word for sentence in sentences for word in sentence]
    tokens = pairwise(accumulate(map(len, words), initial=0))
    spans = pairwise(accumulate(map(len, sentences), initial=0))
    document = Document(id, "".join(words), tuple(tokens), tuple(spans))
    document.validate()
    return document


def _document(record: Mapping[str, Any], id: str, labels: Mapping[str, str], build: _Build, where: str) -> Document:
    sentences = field(record, "sents", list, where)
    for i, sentence in enumerate(sentences):
        if not isinstance(sentence, list) or not all(isinstance(word, str) for word in sentence):
            raise InputError(f"{where}: sents[{i}] should be a list of words; correct it")
    bare = build(id, sentences)
    entities = [
        _entity(listed, bare, str(i), f"{where}: vertexSet[{i}]")
        for i, listed in enumerate(field(record, "vertexSet", list, where))
    ]
    relations = None
    if record.get("labels") is not None:
        relations = [
            _relation(label, labels, f"{where}: labels[{i}]")
            for i, label in enumerate(field(record, "labels", list, where))
        ]
    try:
        return bare.with_annotations(entities, relations)
    except InputError as error:
        raise InputError(f"{where}: {error}; correct it or remove it") from None


def _entity(listed: Any, document: Document, id: str, where: str) -> Entity:
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{where} should be a list of one or more mentions; correct it")
    types = [field(item, "type", str, f"{where}[{j}]") for j, item in enumerate(listed)]
    mentions = tuple(
        _mention(item, document, None if type == types[0] else type, f"{where}[{j}]")
        for j, (item, type) in enumerate(zip(listed, types, strict=True))
    )
    return Entity(types[0], mentions[0].name or mentions[0].text, mentions, id=id)


def _mention(item: Mapping[str, Any], document: Document, type: str | None, where: str) -> Mention:
    name = item.get("name") or None
    sentence = field(item, "sent_id", int, where)
    position = field(item, "pos", list, where)
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
    type = field(item, "r", str, where)
    return Relation(
        field(item, "h", int, where),
        field(item, "t", int, where),
        type,
        labels.get(type),
        evidence=tuple(evidence or ()),
    )


DOCRED = Reader(
    name="docred",
    description="DocRED, Re-DocRED, the JEREX split and other corpora in the same JSON layout",
    read=lambda path, repairs: read_docred(path, repairs=repairs),
    recognises=lambda head: head.lstrip().startswith("[") and ('"vertexSet"' in head or '"sents"' in head),
)

HACRED = Reader(
    name="hacred",
    description="HacRED: DocRED's layout in Chinese, tokens joined without spaces",
    read=lambda path, repairs: read_hacred(path, repairs=repairs),
    # a list with DocRED's own fields cannot be told from DocRED: it is named
    recognises=lambda head: head.lstrip().startswith("{") and '"sents_char"' in head,
)
