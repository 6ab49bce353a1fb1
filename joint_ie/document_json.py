"""Documents as JSON objects, and back: the format that every command writes and reads (see the README).

What is read was often written by hand or by other programs: nothing is converted, and errors say what to correct.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from joint_ie.document import Document, Entity, Relation, Span
from joint_ie.errors import InputError


def document_to_dict(document: Document) -> dict[str, Any]:
    """See `Document.to_dict`."""
    data: dict[str, Any] = {
        "id": document.id,
        "text": document.text,
        "tokens": [list(span) for span in document.tokens],
        "sentences": [list(span) for span in document.sentence_spans],
        "entities": [_entity_to_dict(entity) for entity in document.entities],
    }
    if document.relations is not None:
        data["relations"] = [_relation_to_dict(relation) for relation in document.relations]
    if document.candidates is not None:
        data["candidates"] = [list(pair) for pair in document.candidates]
    return data


def _entity_to_dict(entity: Entity) -> dict[str, Any]:
    data: dict[str, Any] = {
        "type": entity.type,
        "name": entity.name,
        "mentions": [list(mention.span) for mention in entity.mentions],
    }
    if any(mention.name is not None for mention in entity.mentions):
        data["mention_names"] = [mention.name for mention in entity.mentions]
    if any(mention.type is not None for mention in entity.mentions):
        data["mention_types"] = [mention.type for mention in entity.mentions]
    if entity.score is not None:
        data["score"] = entity.score
    if entity.id is not None:
        data["id"] = entity.id
    return data


def _relation_to_dict(relation: Relation) -> dict[str, Any]:
    data: dict[str, Any] = {"head": relation.head, "tail": relation.tail, "type": relation.type}
    if relation.label is not None:
        data["label"] = relation.label
    if relation.score is not None:
        data["score"] = relation.score
    data["evidence"] = list(relation.evidence)
    if relation.evidence_kind is not None:
        data["evidence_kind"] = relation.evidence_kind
    return data


def document_from_dict(data: Any, where: str) -> Document:
    """See `Document.from_dict`."""
    if not isinstance(data, Mapping):
        raise InputError(
            f'{where}: should be an object such as {{"id": ..., "text": ..., "tokens": ...}}, but is {kind_of(data)}; '
            f"correct it or check the format"
        )
    for key in ("id", "text", "tokens", "sentences"):
        if key not in data:
            raise InputError(f'{where}: field "{key}" is missing; add it or check the format')
    id = text_or_number(data["id"], f"{where}: id")
    at = f"{where}: document {id!r}"
    text = _text(data["text"], f"{at}: text")
    bare = Document(id, text, _spans(data["tokens"], f"{at}: tokens"), _spans(data["sentences"], f"{at}: sentences"))
    _check(bare, where)  # before mentions are looked up in it
    listed = _list(data.get("entities"), f"{at}: entities")
    entities = tuple(_entity(item, bare, f"{at}: entities[{i}]") for i, item in enumerate(listed))
    relations = candidates = None
    if data.get("relations") is not None:
        listed = _list(data["relations"], f"{at}: relations")
        relations = tuple(_relation(item, f"{at}: relations[{i}]") for i, item in enumerate(listed))
    if data.get("candidates") is not None:
        candidates = _spans(data["candidates"], f"{at}: candidates")
    document = replace(bare, entities=entities, relations=relations, candidates=candidates)
    _check(document, where)
    return document


def _check(document: Document, where: str) -> None:
    try:
        document.validate()
    except InputError as error:
        raise InputError(f"{where}: {error}; correct it or remove it") from None


def _entity(item: Any, document: Document, where: str) -> Entity:
    type = _text(_required(item, "type", where), f"{where}.type")
    spans = _spans(_required(item, "mentions", where), f"{where}.mentions")
    names = _for_each(item, "mention_names", len(spans), where)
    types = _for_each(item, "mention_types", len(spans), where)
    for i, (start, end) in enumerate(spans):
        if not 0 <= start < end <= len(document.tokens):
            raise InputError(
                f"{where}.mentions[{i}] = [{start}, {end}] is empty or outside the document's {len(document.tokens)} "
                f"tokens; correct it or remove it"
            )
    mentions = tuple(document.mention(*span, name, type) for span, name, type in zip(spans, names, types, strict=True))
    name = _optional_text(item, "name", where) or (mentions[0].text if mentions else "")
    id = item.get("id")
    id = None if id is None else text_or_number(id, f"{where}.id")
    return Entity(type, name, mentions, _score(item, where), id)


def _relation(item: Any, where: str) -> Relation:
    head, tail = (_whole(_required(item, key, where), f"{where}.{key}") for key in ("head", "tail"))
    type = _text(_required(item, "type", where), f"{where}.type")
    evidence = _list(item.get("evidence"), f"{where}.evidence")
    return Relation(
        head,
        tail,
        type,
        _optional_text(item, "label", where),
        _score(item, where),
        tuple(_whole(sentence, f"{where}.evidence[{i}]") for i, sentence in enumerate(evidence)),
        _optional_text(item, "evidence_kind", where),
    )


def _required(item: Any, key: str, where: str) -> Any:
    if not isinstance(item, Mapping):
        raise _should(where, "an object", item)
    if key not in item:
        raise InputError(f"{where}.{key} is missing; add it")
    return item[key]


def _list(value: Any, where: str) -> Sequence[Any]:
    """A list that may be missing."""
    if not isinstance(value, list | tuple | None):
        raise _should(where, "a list", value)
    return value or ()


def _spans(value: Any, where: str) -> tuple[Span, ...]:
    if not isinstance(value, list | tuple):
        raise _should(where, "a list", value)
    for i, pair in enumerate(value):
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not type(pair[0]) is type(pair[1]) is int:
            raise InputError(f"{where}[{i}] should be two whole numbers, such as [0, 1]; correct it")
    return tuple((start, end) for start, end in value)


def _for_each(item: Mapping[str, Any], key: str, mentions: int, where: str) -> Sequence[str | None]:
    """A text or null for every mention; nulls if the field is missing."""
    listed = _list(item.get(key), f"{where}.{key}")
    if len(listed) not in (0, mentions) or not all(isinstance(text, str | None) for text in listed):
        raise InputError(
            f"{where}.{key} should be a list of a string or null for each mention ({mentions}); correct it"
        )
    return listed or (None,) * mentions


def _optional_text(item: Mapping[str, Any], key: str, where: str) -> str | None:
    return None if item.get(key) is None else _text(item[key], f"{where}.{key}")


def _score(item: Mapping[str, Any], where: str) -> float | None:
    score = item.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float | None):
        raise _should(f"{where}.score", "a number in [0, 1]", score)
    return score


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _should(where, "a string", value)
    return value


def text_or_number(value: Any, where: str) -> str:
    """An id: a string, or a whole number, as other programs count."""
    if isinstance(value, str) or type(value) is int:
        return str(value)
    raise _should(where, "a string or a whole number", value)


def _whole(value: Any, where: str) -> int:
    if type(value) is not int:
        raise InputError(f"{where} should be a whole number; correct it")
    return value


def _should(where: str, what: str, value: Any) -> InputError:
    return InputError(f"{where} should be {what}, but is {kind_of(value)}; correct it")


def kind_of(value: Any) -> str:
    """What a JSON value is, in words for an error."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
