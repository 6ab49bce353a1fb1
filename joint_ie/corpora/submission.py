"""DocRED's submission format: a JSON list of facts."""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from joint_ie.corpora.files import load_json, read_bytes, writing
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document, Relation
from joint_ie.errors import InputError

Fact = tuple[str, int, int, str]
"""Title, position of the head entity in the corpus file, position of the tail entity, relation id."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Submission:
    """Predicted documents, and what of the file has no place in them but counts as predicted.

    ``documents`` are the gold documents about which the file says something, with its relations in place of theirs.
    ``strays`` are facts about unknown documents or entities; ``stray_sentences`` counts, by document, evidence
    sentences of facts that lie outside of it (see `joint_ie.evaluation.gold_entities.stray_tallies`).
    """

    documents: tuple[Document, ...]
    strays: tuple[Fact, ...]
    stray_sentences: Mapping[str, int]


def read_submission(path: Path | str, gold: Iterable[Document], repairs: Repairs | None = None) -> Submission:
    """The facts of a submission as documents; ``gold`` are those of the corpus that it was made from.

    A fact that is listed again is left out, the first is kept with its evidence. That, facts with an unknown title or
    position and evidence outside of the document are added to ``repairs``, or else counted in a warning. Raises
    `InputError`, naming file, fact and field, for what is no submission.
    """
    path = Path(path)
    made = Repairs() if repairs is None else repairs
    records = load_json(path)
    if not isinstance(records, list):
        raise InputError(
            f'{path}: should be a list of facts such as {{"title": "...", "h_idx": 0, "t_idx": 1, "r": "P17"}}; '
            f"check the format"
        )
    listed: dict[Fact, tuple[int, ...]] = {}
    for number, record in enumerate(records, start=1):
        fact, evidence = _fact(record, f"{path}: fact {number}")
        if fact in listed:
            made.note(fact[0], "repeated facts left out", f"fact {number} ({_show(fact)}) is listed before")
        else:
            listed[fact] = evidence
    submission = _placed(listed, {document.id: document for document in gold}, made)
    if repairs is None and made.found:
        _log.warning("%s: %s", path, made.summary())
    return submission


def is_submission(path: Path | str) -> bool:
    """Whether a file looks like one: a JSON list whose first record has ``h_idx``."""
    path = Path(path)
    if not path.is_file():
        return False
    head = read_bytes(path, 4096).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    return head.startswith("[") and ('"h_idx"' in head or head.strip() == "[]")


def write_submission(documents: Iterable[Document], path: Path) -> int:
    """Write ``[{"title", "h_idx", "t_idx", "r", "evidence"}, ...]``; returns the number of facts.

    Titles are document ids, and indices the entities' positions in the corpus file, which a reader of DocRED's layout
    keeps as `Entity.id`; entities without such an id are counted as they stand.
    """
    facts = [
        {
            "title": document.id,
            "h_idx": places[relation.head],
            "t_idx": places[relation.tail],
            "r": relation.type,
            "evidence": list(relation.evidence),
        }
        for document in documents
        for places in (file_positions(document),)
        for relation in document.relations or ()
    ]
    with writing(path):
        # A lone surrogate, which UTF-8 cannot hold, becomes its JSON escape.
        path.write_text(json.dumps(facts, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace")
    return len(facts)


def file_positions(document: Document) -> tuple[int, ...]:
    """For every entity its position in the file that the document came from: the ids, where they are such positions."""
    ids = [entity.id or "" for entity in document.entities]
    if sorted(ids) == sorted(map(str, range(len(ids)))):
        return tuple(map(int, ids))
    return tuple(range(len(ids)))


def _placed(listed: Mapping[Fact, tuple[int, ...]], gold: Mapping[str, Document], made: Repairs) -> Submission:
    """Facts in the documents and between the entities that they name."""
    relations: dict[str, list[Relation]] = {}
    strays: list[Fact] = []
    outside: Counter[str] = Counter()
    places: dict[str, dict[int, int]] = {}
    for fact, evidence in listed.items():
        title, head, tail, relation = fact
        if title not in gold:
            made.note(title, "facts about unknown documents counted as wrong", f"{_show(fact)} has an unknown title")
            strays.append(fact)
            continue
        found = relations.setdefault(title, [])
        document = gold[title]
        if title not in places:
            places[title] = {place: entity for entity, place in enumerate(file_positions(document))}
        entities, sentences = places[title], range(len(document.sentence_spans))
        if head in entities and tail in entities:
            inside = tuple(i for i in evidence if i in sentences)
            found.append(Relation(entities[head], entities[tail], relation, evidence=inside))
            lost = len(set(evidence)) - len(set(inside))
            if lost:
                kind = "facts with evidence outside of the document, which counts as wrong"
                made.note(title, kind, f"{_show(fact)} has sentences {list(evidence)} of {len(sentences)}")
        else:
            message = f"{_show(fact)} is about an entity that is not among the {len(entities)}"
            made.note(title, "facts about unknown entities counted as wrong", message)
            strays.append(fact)
            lost = len(set(evidence))
        outside[title] += lost
    documents = tuple(replace(gold[title], relations=tuple(found)) for title, found in relations.items())
    return Submission(documents, tuple(strays), {title: number for title, number in outside.items() if number})


def _fact(record: Any, where: str) -> tuple[Fact, tuple[int, ...]]:
    if not isinstance(record, dict):
        raise InputError(f'{where} should be an object with "title", "h_idx", "t_idx" and "r"; correct it')
    for key in ("title", "h_idx", "t_idx", "r"):
        if key not in record:
            raise InputError(f'{where}: field "{key}" is missing; add it, or check the format')
    for key in ("h_idx", "t_idx"):
        if not _is_number(record[key]):
            raise InputError(f'{where}: field "{key}" should be a whole number, not {_json(record[key])}; correct it')
    if not isinstance(record["r"], str):
        raise InputError(
            f'{where}: field "r" should be a relation id such as "P17", not {_json(record["r"])}; correct it'
        )
    if not isinstance(record["title"], str) and not _is_number(record["title"]):
        raise InputError(f'{where}: field "title" should be a title, not {_json(record["title"])}; correct it')
    evidence = record.get("evidence")
    if not isinstance(evidence, list | None) or not all(map(_is_number, evidence or ())):
        raise InputError(
            f'{where}: field "evidence" should be a list of sentence numbers, not {_json(evidence)}; correct it'
        )
    return (str(record["title"]), record["h_idx"], record["t_idx"], record["r"]), tuple(evidence or ())


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _show(fact: Fact) -> str:
    title, head, tail, relation = fact
    return f"{relation} from entity {head} to {tail} of {title!r}"
