"""Is a document possible at all? The checks behind `Document.validate`."""

from typing import TYPE_CHECKING

from joint_ie.errors import InputError
from joint_ie.schema import Schema

if TYPE_CHECKING:
    from joint_ie.document import Document


def check_validity(document: "Document", schema: Schema | None) -> None:
    """Raise `InputError` naming document and field; see `Document.validate` for what is checked."""
    where = f"document {document.id!r}"
    previous = 0
    for i, (start, end) in enumerate(document.tokens):
        if not previous <= start <= end <= len(document.text):
            raise InputError(
                f"{where}: tokens[{i}] = [{start}, {end}] is not in order inside a text of "
                f"{len(document.text)} characters"
            )
        previous = end
    previous = 0
    for i, (start, end) in enumerate(document.sentence_spans):
        if start != previous or end < start:
            raise InputError(f"{where}: sentences[{i}] = [{start}, {end}] should start at token {previous}")
        previous = end
    if previous != len(document.tokens):
        raise InputError(f"{where}: sentences end at token {previous} of {len(document.tokens)}, but should cover all")
    for i, entity in enumerate(document.entities):
        if not entity.mentions:
            raise InputError(f"{where}: entities[{i}].mentions is empty, but an entity needs at least one")
        _check_score(entity.score, f"{where}: entities[{i}].score")
        for j, mention in enumerate(entity.mentions):
            if not 0 <= mention.start < mention.end <= len(document.tokens):
                raise InputError(
                    f"{where}: entities[{i}].mentions[{j}] = [{mention.start}, {mention.end}] is empty or "
                    f"outside the document's {len(document.tokens)} tokens"
                )
        if schema:
            schema.check_entity_type(entity.type, f"{where}: entities[{i}].type")
    for i, relation in enumerate(document.relations or ()):
        for key, position in (("head", relation.head), ("tail", relation.tail)):
            if not 0 <= position < len(document.entities):
                raise InputError(
                    f"{where}: relations[{i}].{key} = {position} is outside the document's "
                    f"{len(document.entities)} entities"
                )
        for sentence in relation.evidence:
            if not 0 <= sentence < len(document.sentence_spans):
                raise InputError(
                    f"{where}: relations[{i}].evidence names sentence {sentence} of {len(document.sentence_spans)}"
                )
        _check_score(relation.score, f"{where}: relations[{i}].score")
        if schema:
            schema.check_relation_type(relation.type, f"{where}: relations[{i}].type")
    for i, (head, tail) in enumerate(document.candidates or ()):
        if not (0 <= head < len(document.entities) and 0 <= tail < len(document.entities)):
            raise InputError(
                f"{where}: candidates[{i}] = [{head}, {tail}] is outside the document's "
                f"{len(document.entities)} entities"
            )


def _check_score(score: float | None, where: str) -> None:
    if score is not None and not isinstance(score, int | float):
        raise InputError(f"{where} = {score!r} should be a number in [0, 1]")
    if score is not None and not 0.0 <= score <= 1.0:
        raise InputError(f"{where} = {score} is outside [0, 1]")
