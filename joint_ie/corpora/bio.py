"""Tokens in columns with BIO tags, with entities and relations: a text format to write by hand.

There is no standard for relations in such files; this is ours, with columns separated by tabs::

    # newdoc id = Lena Brandt
    # relation = 1<TAB>founded<TAB>2<TAB>1,2
    # sent_id = 1
    Lena<TAB>B-PER<TAB>1
    Brandt<TAB>I-PER<TAB>1
    sings<TAB>O<TAB>_

    # sent_id = 2
    She<TAB>B-PER<TAB>1
    founded<TAB>O<TAB>_
    Nordlicht<TAB>B-ORG<TAB>2

Columns are the word, its tag and, if there is coreference, the id of its entity (``_``: of no entity that has one; a
mention without id is an entity of its own). Around these there may be others, as in CoNLL-U and CoNLL-2003: the tag is
the last column that holds one on every line, and a first column that counts the words of every sentence is skipped.
Without tabs a line is cut at white space. A blank line ends a sentence.

Comments start with ``# ``. ``newdoc`` (or a ``-DOCSTART-`` line) starts a document; a file without is one document.
``relation`` has head, type, tail and, if wanted, the numbers of its evidence sentences, counted from 1; a mention
without id is called by its number in the document, ``T1``, ``T2`` and so on. ``relations = none`` says that there are
none, ``relations = unknown``, that nobody looked; a document that says nothing is not annotated with relations.
``entity = ID<TAB>TYPE`` gives the type of an entity where it is not that of its first mention. ``sent_id`` starts a
sentence, which may be empty; its value is not kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from joint_ie.corpora.bio_writer import DOCSTART, write_bio
from joint_ie.corpora.files import decode, read_bytes
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs, unique_id
from joint_ie.corpora.tags import TAG, tagged_spans
from joint_ie.document import Document, Entity, Mention, Relation
from joint_ie.errors import InputError

_COMMENTS = {"relation", "relations", "sent_id", "text", "newpar"}  # the last two are CoNLL-U's: nothing to keep


@dataclass
class _Record:
    """A document as its lines say it."""

    id: str | None
    line: int
    sentences: list[list[tuple[int, list[str]]]] = field(default_factory=list)  # (line number, columns) of every word
    comments: list[tuple[int, str, str]] = field(default_factory=list)  # line number, key, value


def read_bio(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a file (see the module for its lines); `InputError` names file and line.

    A document without an id gets the name of the file, with a number if there are several.
    """
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    records = _records(decode(read_bytes(path), str(path)))
    if not records:
        raise InputError(f"{path}: is empty, expected lines of words and tags; fetch or write it again")
    form, tag = _columns(records, str(path))
    told = [any(key in ("relation", "relations") for _, key, _ in record.comments) for record in records]
    used: set[str] = set()
    for number, record in enumerate(records, start=1):
        name = record.id or (path.stem if len(records) == 1 else f"{path.stem}-{number}")
        id = unique_id(name, used, f"{path}: line {record.line}", repairs)
        yield _document(record, id, form, tag, repairs, str(path))
        if any(told) and not told[number - 1]:
            message = f'line {record.line}: write "# relations = none" if there are none'
            repairs.note(id, "documents without a word on relations taken as not annotated", message)


def _records(text: str) -> list[_Record]:
    records: list[_Record] = []
    sentence: list[tuple[int, list[str]]] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        comment = line == "#" or line.startswith("# ")
        key, _, value = (part.strip(" ") for part in line[2:].partition("=")) if comment else ("", "", "")
        if (comment and key.split(" ")[0] == "newdoc") or line.startswith(DOCSTART):
            records.append(_Record(value or None, number))
            sentence = None
        elif comment or line.strip():
            if not records:
                records.append(_Record(None, number))
            if key == "sent_id" or (not comment and sentence is None):
                sentence = []
                records[-1].sentences.append(sentence)
            if comment:
                records[-1].comments.append((number, key, value))
            elif sentence is not None:
                sentence.append((number, line.split("\t") if "\t" in line else line.split()))
        elif sentence:
            sentence = None
    if len(records) > 1 and not records[0].sentences and records[0].id is None:
        head = records.pop(0)  # comments on the file
        records[0].comments[:0] = head.comments
    return records


def _columns(records: Sequence[_Record], path: str) -> tuple[int, int]:
    """The columns of word and tag."""
    sentences = [sentence for record in records for sentence in record.sentences]
    tagged: set[int] | None = None
    for number, columns in chain.from_iterable(sentences):
        here = {i for i, cell in enumerate(columns) if i and TAG.fullmatch(cell)}
        before = ", as one does on the lines before" if tagged else ""
        tagged = here if tagged is None else tagged & here
        if not tagged:
            raise InputError(
                f"{path}: line {number}: no column after the word holds a tag (O, B-TYPE, I-TYPE){before}; correct it"
            )
    tag = max(tagged or {1})
    counted = all(row[1][0] == str(i) for sentence in sentences for i, row in enumerate(sentence, start=1))
    return int(counted and tag > 1), tag


def _document(record: _Record, id: str, form: int, tag: int, repairs: Repairs, path: str) -> Document:
    bare = Document.from_words(id, [[columns[form] for _, columns in sentence] for sentence in record.sentences])
    groups: dict[str | int, list[Mention]] = {}  # by the entity's id, or by the mention's number where there is none
    total = 0
    for sentence, (first, _) in zip(record.sentences, bare.sentence_spans, strict=True):
        where = f"{path}: line {sentence[0][0]}" if sentence else path
        for start, end, type in tagged_spans([columns[tag] for _, columns in sentence], id, repairs, where):
            total += 1
            named = sentence[start][1][tag + 1 : tag + 2]
            key = total if named in ([], [""], ["_"]) else named[0]
            groups.setdefault(key, []).append(bare.mention(first + start, first + end, type=type))
    types = {key: mentions[0].type or "" for key, mentions in groups.items()}
    for number, key, value in record.comments:
        if key == "entity":
            name, _, type = value.partition("\t") if "\t" in value else value.partition(" ")
            if name not in groups or not type:
                raise InputError(
                    f"{path}: line {number}: should be the id of an entity and its type, but is {value!r}; correct it"
                )
            types[name] = type
        elif key not in _COMMENTS:
            repairs.note(id, "comments that are not understood left out", f"{path}: line {number}: {key or value!r}")
    entities = [
        _entity(key if isinstance(key, str) else None, types[key], mentions, bare) for key, mentions in groups.items()
    ]
    return bare.with_annotations(entities, _relations(record, list(groups), len(bare.sentence_spans), path))


def _entity(id: str | None, type: str, mentions: Sequence[Mention], document: Document) -> Entity:
    own = tuple(document.mention(m.start, m.end, type=None if m.type == type else m.type) for m in mentions)
    return Entity(type, own[0].text, own, id=id)


def _relations(record: _Record, entities: Sequence[str | int], sentences: int, path: str) -> list[Relation] | None:
    position = {f"T{key}": i for i, key in enumerate(entities) if isinstance(key, int)}
    position |= {key: i for i, key in enumerate(entities) if isinstance(key, str)}
    relations: list[Relation] = []
    looked = False
    for number, key, value in record.comments:
        where = f"{path}: line {number}"
        if key == "relation":
            relations.append(_relation(value, position, sentences, where))
        elif key == "relations" and value not in ("none", "unknown"):
            raise InputError(f'{where}: relations should be "none" or "unknown", not {value!r}; correct it')
        looked = looked or key == "relation" or (key, value) == ("relations", "none")
    return relations if looked else None


def _relation(value: str, position: dict[str, int], sentences: int, where: str) -> Relation:
    parts = value.split("\t") if "\t" in value else value.split()
    if len(parts) not in (3, 4):
        raise InputError(f"{where}: a relation should be head, type and tail, but is {value!r}; correct it")
    head, type, tail = parts[:3]
    for end in (head, tail):
        if end not in position:
            raise InputError(f"{where}: no mention has the entity id {end!r}; correct it or remove the relation")
    numbers = parts[3].split(",") if len(parts) == 4 else []
    if not all(number.isdecimal() and 1 <= int(number) <= sentences for number in numbers):
        raise InputError(f"{where}: evidence {parts[3]!r} should be numbers from 1 to {sentences}; correct it")
    return Relation(position[head], position[tail], type, evidence=tuple(int(number) - 1 for number in numbers))


def _is_bio(head: str) -> bool:
    lines = [line for line in head.split("\n")[:200] if line.strip() and not line.startswith("# ")][:9]
    rows = [line.split("\t") if "\t" in line else line.split() for line in lines if not line.startswith(DOCSTART)]
    return bool(rows) and all(any(TAG.fullmatch(cell.rstrip("\r")) for cell in row[1:]) for row in rows)


BIO = Reader(
    name="bio",
    description="tokens in columns with BIO tags, with comments for relations (CoNLL-U-like)",
    read=lambda path, repairs: read_bio(path, repairs),
    write=write_bio,
    recognises=_is_bio,
    extensions=(".bio", ".conll"),
)
