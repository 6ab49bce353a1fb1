"""Documents in columns with BIO tags (see `joint_ie.corpora.bio`)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from joint_ie.corpora.files import writing
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.tags import TAG
from joint_ie.document import Document
from joint_ie.errors import InputError

DOCSTART = "-DOCSTART-"  # CoNLL-2003

_log = logging.getLogger(__name__)


def write_bio(documents: Iterable[Document], path: Path | str, repairs: Repairs | None = None) -> int:
    """Write documents in columns; returns how many. Nothing is written if there is one that cannot be.

    `InputError` where mentions or candidates would be lost: mentions that overlap, repeat or cross the end of a
    sentence, candidate pairs. What else the columns cannot hold is left out and added to ``repairs``, or counted in a
    warning: white space other than one space between words; names; readable names of relations; scores; how evidence
    was found; ids that cannot stand there. Entities and their mentions come back in text order, numbered where not all
    have an `Entity.id`.
    """
    made = Repairs() if repairs is None else repairs
    texts = []
    for document in documents:
        texts.append(_text(document))
        for kind, number in _losses(document).items():
            for _ in range(number):
                made.note(document.id, kind, "BIO columns have no room for it")
    with writing(Path(path)):
        Path(path).write_bytes("\n".join(texts).encode())
    if repairs is None and made.found:
        _log.warning("%s: %s", path, made.summary())
    return len(texts)


def _losses(document: Document) -> Mapping[str, int]:
    """How many of each kind of thing the columns do not hold."""
    firsts = [(entity, min(entity.mentions, key=lambda mention: mention.span)) for entity in document.entities]
    relations = document.relations or ()
    scores = [*(entity.score for entity in document.entities), *(relation.score for relation in relations)]
    written = zip(document.entities, _ids(document), strict=True)
    return {
        "texts with other white space than single spaces normalised": document.text != " ".join(document.words),
        "names of entities replaced by the text of the first mention": sum(e.name != m.text for e, m in firsts),
        "names of mentions left out": sum(m.name is not None for e in document.entities for m in e.mentions),
        "ids of entities replaced by numbers": sum(entity.id not in (None, id) for entity, id in written),
        "scores left out": sum(score is not None for score in scores),
        "ways in which evidence was found left out": sum(r.evidence_kind is not None for r in relations),
        "readable names of relations left out": sum(r.label is not None for r in relations),
    }


def _text(document: Document) -> str:
    where = f"document {document.id!r}"
    if document.candidates is not None:
        raise InputError(f"{where}: has candidate pairs, which BIO columns cannot hold; write JSON Lines")
    ids = _ids(document)
    cells = _cells(document, ids, where)
    relations = document.relations or ()
    for label in (document.id, *(relation.type for relation in relations)):
        if not _plain(label):
            raise InputError(f"{where}: {label!r} cannot stand in BIO columns; write JSON Lines")
    lines = [f"# newdoc id = {document.id}"]
    for id, entity in zip(ids, document.entities, strict=True):
        if cells[min(mention.start for mention in entity.mentions)][0] != f"B-{entity.type}":
            lines.append(f"# entity = {id}\t{entity.type}")
    if not relations:
        lines.append(f"# relations = {'unknown' if document.relations is None else 'none'}")
    for relation in relations:
        evidence = [",".join(str(i + 1) for i in relation.evidence)] if relation.evidence else []
        lines.append("# relation = " + "\t".join([ids[relation.head], relation.type, ids[relation.tail], *evidence]))
    for i, (start, end) in enumerate(document.sentence_spans, start=1):
        words = zip(document.words[start:end], cells[start:end], strict=True)
        lines += [f"# sent_id = {i}", *("\t".join([word, *cell]) for word, cell in words), ""]
    text = "\n".join(lines) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: has {text[error.start]!r}, which is no text; decode it with its encoding") from None
    return text


def _ids(document: Document) -> list[str]:
    """What the columns call each entity: its id, or, where these will not do, its number."""
    ids = [entity.id or "" for entity in document.entities]
    if len(set(ids)) == len(ids) and all(_plain(id) and id != "_" and not TAG.fullmatch(id) for id in ids):
        return ids
    return [str(i) for i, _ in enumerate(ids, start=1)]


def _cells(document: Document, ids: Sequence[str], where: str) -> list[tuple[str, str]]:
    """Tag and entity of every word."""
    for word in document.words:
        if "\t" in word or "\n" in word or word.startswith(("# ", DOCSTART)):
            raise InputError(f"{where}: the word {word!r} cannot stand in BIO columns; write JSON Lines")
    cells = [("O", "_")] * len(document.tokens)
    for id, entity in zip(ids, document.entities, strict=True):
        for mention in entity.mentions:
            type = mention.type or entity.type
            if not (_plain(type) and _plain(entity.type)):
                raise InputError(f"{where}: the type {type!r} cannot stand in BIO columns; write JSON Lines")
            span = range(mention.start, mention.end)
            if any(cells[i][0] != "O" for i in span):
                raise InputError(
                    f"{where}: {mention.text!r} overlaps another mention, which BIO tags cannot hold; write JSON Lines"
                )
            if len({document.token_sentence[i] for i in span}) > 1:
                raise InputError(
                    f"{where}: {mention.text!r} crosses the end of a sentence, which BIO tags cannot hold; "
                    f"write JSON Lines"
                )
            for i in span:
                cells[i] = ("B-" if i == mention.start else "I-") + type, id
    return cells


def _plain(text: str) -> bool:
    """Whether a text survives between tabs in a line."""
    return bool(text) and text == text.strip() and "\t" not in text and "\n" not in text
