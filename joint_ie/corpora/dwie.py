"""DWIE (Zaporojets et al. 2021): news articles of Deutsche Welle, as published and in DocRED's layout.

The official annotation is a file for every article, ``{"id", "content", "tags", "mentions": [{"begin", "end", "text",
"concept"}], "concepts": [{"concept", "text", "tags"}], "relations": [{"s", "p", "o"}]}``: offsets are characters of
``content``, ``s`` and ``o`` concepts. The copies in DocRED's layout have each article as one sentence in which line
breaks are words; `read_dwie_docred` cuts these into sentences.
"""

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from joint_ie.corpora.derive import readable_name
from joint_ie.corpora.docred import DOCRED, read_docred
from joint_ie.corpora.files import field, load_json, visible_files
from joint_ie.corpora.offsets import Offsets
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs, unique_id
from joint_ie.document import Document, Entity, Mention, Relation, Span
from joint_ie.errors import InputError
from joint_ie.schema import Schema

_TYPES = ("location", "organization", "person", "misc", "event", "ethnicity", "time", "role", "money", "other")
_ENDING = frozenset({".", "!", "?", "…", "..."})
_CLOSING = frozenset({"”", "’", "''", ")", "]"})
_NOTHING = {"Na", "type::blank"}  # the two lists begin with the class of nothing


def dwie_schema(folder: Path | str | None = None) -> Schema:
    """The types in ``ner2id.json`` and ``rel2id.json`` of a folder, by number, or the ten types and 65 relations."""
    if folder is None:
        types = [f"type::{type}" for type in _TYPES]
        relations = json.loads(
            resources.files("joint_ie.corpora").joinpath("dwie_relations.json").read_text(encoding="utf-8")
        )
    else:
        types, relations = (_numbered(Path(folder) / name) for name in ("ner2id.json", "rel2id.json"))
    return Schema.from_names({id: readable_name(id) for id in types}, {id: readable_name(id) for id in relations})


def _numbered(path: Path) -> list[str]:
    ids = load_json(path)
    if not isinstance(ids, dict) or not all(isinstance(number, int) for number in ids.values()):
        raise InputError(f'{path}: should map ids to numbers, such as {{"citizen_of": 1}}; fetch it again')
    return [id for id in sorted(ids, key=ids.__getitem__) if id not in _NOTHING]


def read_dwie(path: Path | str, part: str | None = None, repairs: Repairs | None = None) -> Iterator[Document]:
    """The articles of a folder, by file name, or of one file; ``part`` (``train``, ``test``) is a tag of the article.

    Entities are the concepts (`Entity.id`) that have a mention. Of its several type tags a concept has the first that
    is one of the ten types of `dwie_schema`, else the first of all. `InputError` names file and field.
    """
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    files = visible_files(path, "*.json") if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: has no .json file; name the folder with the annotated articles")
    names = {label.id: label.name for label in dwie_schema().relation_types}
    used: set[str] = set()
    for file in files:
        record = load_json(file)
        tags = field(record, "tags", list, str(file)) if part else []
        if part is None or part in tags:
            id = unique_id(str(field(record, "id", (str, int), str(file))), used, str(file), repairs)
            yield _article(record, id, names, repairs, str(file))
    if not used:
        raise InputError(f'{path}: no article has the tag "{part}"; use train or test')


def _article(record: Any, id: str, names: dict[str, str], repairs: Repairs, where: str) -> Document:
    if "content" not in record:
        raise InputError(f"{where}: the article has no text; run the corpus's own download script, which adds it")
    text = field(record, "content", str, where)
    mentions = _mentions(record, text, id, repairs, where)
    try:
        offsets = Offsets(id, text, (span for spans in mentions.values() for span, _ in spans))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if offsets.removed_ends:
        repairs.note(id, "articles with sentence ends inside mentions removed", f"{where}: {offsets.removed_ends}")
    entities: list[Entity] = []
    position: dict[int, int | None] = {}
    for i, item in enumerate(field(record, "concepts", list, where)):
        place = f"{where}: concepts[{i}]"
        concept = field(item, "concept", int, place)
        if concept in position:
            raise InputError(f"{place}: concept {concept} is listed twice; correct it")
        position[concept] = len(entities) if concept in mentions else None
        if concept in mentions:
            own = tuple(
                offsets.document.mention(*offsets.span(*span), name=said) for span, said in mentions.pop(concept)
            )
            name = str(item.get("text") or own[0].text)
            entities.append(Entity(_type(item, id, repairs, place), name, own, id=str(concept)))
        else:
            repairs.note(id, "concepts without a mention left out", f"{place}: {item.get('text')!r}")
    if mentions:
        raise InputError(f"{where}: mentions name concept {next(iter(mentions))}, which is not listed; add it")
    return offsets.document.with_annotations(entities, _relations(record, id, position, names, repairs, where))


def _mentions(record: Any, text: str, id: str, repairs: Repairs, where: str) -> dict[int, list[tuple[Span, str]]]:
    """Characters and text of the mentions of every concept."""
    mentions: dict[int, list[tuple[Span, str]]] = {}
    for i, item in enumerate(field(record, "mentions", list, where)):
        place = f"{where}: mentions[{i}]"
        span = field(item, "begin", int, place), field(item, "end", int, place)
        said = field(item, "text", str, place)
        mentions.setdefault(field(item, "concept", int, place), []).append((span, said))
        found = text[span[0] : span[1]]
        if found.split() != said.split():
            message = f"{place}: {said!r} is {found!r} in the article"
            repairs.note(id, "mentions that are something else in the text kept by their offsets", message)
    return mentions


def _type(concept: dict[str, Any], document: str, repairs: Repairs, where: str) -> str:
    listed = [] if concept.get("tags") is None else field(concept, "tags", list, where)
    if not all(isinstance(tag, str) for tag in listed):
        raise InputError(f'{where}: field "tags" should be a list of strings, such as ["type::person"]; correct it')
    tags = [tag for tag in listed if tag.startswith("type::")]
    coarse = [tag for tag in tags if tag.removeprefix("type::") in _TYPES]
    if not tags:
        repairs.note(document, "concepts without a type taken as type::other", f"{where}: {concept.get('text')!r}")
    return next(iter([*coarse, *tags]), "type::other")


def _relations(
    record: Any, id: str, position: dict[int, int | None], names: dict[str, str], repairs: Repairs, where: str
) -> list[Relation]:
    relations = []
    for i, item in enumerate(field(record, "relations", list, where)):
        place = f"{where}: relations[{i}]"
        type, ends = field(item, "p", str, place), [field(item, key, int, place) for key in ("s", "o")]
        for concept in ends:
            if concept not in position:
                raise InputError(f"{place}: names concept {concept}, which is not listed; correct it or remove it")
        head, tail = (position[concept] for concept in ends)
        if head is None or tail is None:
            repairs.note(id, "relations of concepts without a mention left out", f"{place}: {ends[0]} {type} {ends[1]}")
        else:
            relations.append(Relation(head, tail, type, names.get(type)))
    return relations


def read_dwie_docred(
    path: Path | str, schema: Schema | None = None, repairs: Repairs | None = None
) -> Iterator[Document]:
    """The articles of a file in DocRED's layout, in sentences and without line breaks; otherwise as `read_docred`.

    A sentence ends at a line break, and after . ! ? or … unless a lower-case word follows, but never inside a mention.
    Evidence always names the one sentence that the whole article is, and is left out. Relations get their label from
    ``schema``, by default from the lists beside the file, else from `dwie_schema`.
    """
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    if schema is None:
        listed = (path.parent / "ner2id.json").is_file() and (path.parent / "rel2id.json").is_file()
        schema = dwie_schema(path.parent if listed else None)
    for document in read_docred(path, schema, repairs):
        yield _in_sentences(document, repairs, str(path))


def _in_sentences(document: Document, repairs: Repairs, where: str) -> Document:
    mentions = [mention for entity in document.entities for mention in entity.mentions]
    inside = {i for mention in mentions for i in range(mention.start + 1, mention.end)}
    begins = set(_begins(document.words))
    if begins & inside:
        repairs.note(document.id, "articles with sentence ends inside mentions removed", f"{len(begins & inside)}")
    kept = [i for i, word in enumerate(document.words) if word.strip()]
    cuts = [i for i, old in enumerate(kept) if old in begins - inside]
    words = [document.words[i] for i in kept]
    bare = Document.from_words(document.id, [words[start:end] for start, end in pairwise([*cuts, len(words)])])

    def moved(mention: Mention) -> Mention:
        start, end = bisect_left(kept, mention.start), bisect_left(kept, mention.end)
        if start == end:
            raise InputError(
                f"{where}: document {document.id!r} has a mention at word {mention.start} of nothing but white space; "
                f"correct it or remove it"
            )
        return bare.mention(start, end, mention.name, mention.type)

    entities = [replace(entity, mentions=tuple(map(moved, entity.mentions))) for entity in document.entities]
    if any(relation.evidence for relation in document.relations or ()):
        repairs.note(document.id, "articles whose evidence is the whole article, which is left out", where)
    relations = document.relations and [replace(relation, evidence=()) for relation in document.relations]
    return bare.with_annotations(entities, relations)


def _begins(words: Sequence[str]) -> Iterator[int]:
    """The words with which sentences begin."""
    broken, ended, quoted = True, False, False  # after a line break; after an ending; between straight quotation marks
    for i, word in enumerate(words):
        if not word.strip():
            broken, quoted = True, False
            continue
        closes = not broken and ended and (word in _CLOSING or (word == '"' and quoted))
        if broken or (ended and not closes and not word[0].islower() and word[0] not in ",;:.!?…"):
            yield i
        ended = word in _ENDING or closes
        quoted ^= word == '"'
        broken = False


DWIE = Reader(
    name="dwie",
    description="DWIE as published, all its articles: a folder with a JSON file for each",
    read=lambda path, repairs: read_dwie(path, None, repairs),
    recognises=lambda head: head.lstrip().startswith("{") and '"mentions"' in head and '"concepts"' in head,
    folder=True,
)

# One folder has both parts, so that a part is a reader: it is named, not recognised.
DWIE_TRAIN = replace(
    DWIE,
    name="dwie-train",
    description="DWIE as published, the articles tagged train",
    read=lambda path, repairs: read_dwie(path, "train", repairs),
    recognises=lambda head: False,
)
DWIE_TEST = replace(
    DWIE_TRAIN,
    name="dwie-test",
    description="DWIE as published, the articles tagged test",
    read=lambda path, repairs: read_dwie(path, "test", repairs),
)

DWIE_DOCRED = Reader(
    name="dwie-docred",
    description="DWIE in DocRED's layout (LogiRE's copies), cut into sentences, without line breaks",
    read=lambda path, repairs: read_dwie_docred(path, repairs=repairs),
    recognises=lambda head: DOCRED.recognises(head) and '"type::' in head,
)
