"""Markers around mentions that name the entity's type (DocuNet; golden README 1d)."""

from itertools import count

from joint_ie.errors import InputError
from joint_ie.schema import Schema

PUBLISHED = ("ORG", "LOC", "TIME", "PER", "MISC", "NUM")
"""DocRED's types in the order in which DocuNet numbers them."""
MOST_TYPES = 25  # the opening marker of another would be the closing one of the first


def marker_numbers(schema: Schema) -> tuple[int, ...]:
    """The number of every entity type of the schema in `typed_markers`.

    DocRED's types have the published numbers wherever they stand in the schema, all others follow in its order.
    """
    others = count(len(PUBLISHED))
    return tuple(PUBLISHED.index(label.id) if label.id in PUBLISHED else next(others) for label in schema.entity_types)


def typed_markers(number: int) -> tuple[str, str]:
    """What stands before and after a mention of the type with this number: BERT's pieces without a meaning."""
    if number >= MOST_TYPES:
        raise InputError(
            f"relations.input = typed-markers can tell {MOST_TYPES} entity types apart, and the schema has more; "
            f"use input = markers"
        )
    return f"[unused{2 * number + 1}]", f"[unused{2 * number + 51}]"
