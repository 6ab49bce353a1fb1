"""A schema from what is annotated, for a corpus that comes without one."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.schema import Schema


def derive_schema(documents: Iterable[Document]) -> Schema:
    """The types of all entities and relations, most frequent first, ties by id.

    A relation is called by its most frequent `Relation.label`, all other types by `readable_name`.
    """
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for document in documents:
        entities.update(entity.type for entity in document.entities)
        for relation in document.relations or ():
            relations[relation.type] += 1
            if relation.label is not None:
                labels[relation.type][relation.label] += 1
    if not entities:
        raise InputError("a schema cannot be derived: no document has an entity; annotate some, or give a schema")
    return Schema.from_names(
        {type: readable_name(type) for type in _by_frequency(entities)},
        {
            type: _by_frequency(labels[type])[0] if type in labels else readable_name(type)
            for type in _by_frequency(relations)
        },
    )


def readable_name(id: str) -> str:
    """What people read for an id without a name: ``type::head_of_state`` is ``head of state``."""
    return " ".join(id.rpartition("::")[2].replace("_", " ").split()) or id


def _by_frequency(counted: Counter[str]) -> list[str]:
    return sorted(counted, key=lambda name: (-counted[name], name))
