"""The labels that a corpus or a model knows, each with a readable name."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from joint_ie.errors import InputError, UnknownLabel, nearest


@dataclass(frozen=True)
class Label:
    """One entity or relation type: a stable ``id`` (``P19``) and what people read (``place of birth``)."""

    id: str
    name: str


@dataclass(frozen=True)
class Schema:
    """Entity and relation types in a fixed order; the order is the order of a model's outputs."""

    entity_types: tuple[Label, ...]
    relation_types: tuple[Label, ...]

    def __post_init__(self) -> None:
        for kind, labels in (("entity", self.entity_types), ("relation", self.relation_types)):
            ids = [label.id for label in labels]
            repeated = sorted({i for i in ids if ids.count(i) > 1})
            if repeated:
                raise InputError(f"schema: {kind} type {repeated[0]!r} is listed twice; keep it once")

    @cached_property
    def entity_index(self) -> Mapping[str, int]:
        """Entity type id to its position."""
        return {label.id: i for i, label in enumerate(self.entity_types)}

    @cached_property
    def relation_index(self) -> Mapping[str, int]:
        """Relation type id to its position."""
        return {label.id: i for i, label in enumerate(self.relation_types)}

    @property
    def relation_names(self) -> dict[str, str]:
        """What people call the relations, where they have other names than their ids."""
        return {label.id: label.name for label in self.relation_types if label.name != label.id}

    def check_entity_type(self, entity_type: str, where: str) -> None:
        """Raise `UnknownLabel` unless ``entity_type`` is known; ``where`` names document and field."""
        if entity_type not in self.entity_index:
            raise UnknownLabel(_unknown(where, "entity type", entity_type, self.entity_index))

    def check_relation_type(self, relation: str, where: str) -> None:
        """Raise `UnknownLabel` unless ``relation`` is known; ``where`` names document and field."""
        if relation not in self.relation_index:
            raise UnknownLabel(_unknown(where, "relation type", relation, self.relation_index))

    def to_dict(self) -> dict[str, Any]:
        """The content of ``schema.json``."""
        return {
            "entity_types": [{"id": label.id, "name": label.name} for label in self.entity_types],
            "relation_types": [{"id": label.id, "name": label.name} for label in self.relation_types],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "schema") -> "Schema":
        """The reverse of `to_dict`; ``where`` names the file in errors."""

        def labels(key: str) -> tuple[Label, ...]:
            try:
                return tuple(Label(str(item["id"]), str(item.get("name", item["id"]))) for item in data[key])
            except (KeyError, TypeError, AttributeError):
                raise InputError(
                    f'{where}: needs "{key}", a list such as [{{"id": "P19", "name": "place of birth"}}]'
                ) from None

        return cls(labels("entity_types"), labels("relation_types"))

    @classmethod
    def from_names(
        cls, entity_types: Mapping[str, str] | Iterable[str], relation_types: Mapping[str, str] | Iterable[str]
    ) -> "Schema":
        """From ids alone, or from mappings of id to readable name; order is kept."""

        def labels(types: Mapping[str, str] | Iterable[str]) -> tuple[Label, ...]:
            named = types if isinstance(types, Mapping) else {name: name for name in types}
            return tuple(Label(i, name) for i, name in named.items())

        return cls(labels(entity_types), labels(relation_types))

    def save(self, path: Path) -> None:
        """Write ``schema.json``."""
        path.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Schema":
        """Read ``schema.json``; raises `InputError` naming the file."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; a schema is saved beside every checkpoint") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not valid JSON ({error})") from None
        return cls.from_dict(data, where=str(path))


def _unknown(where: str, what: str, label: str, allowed: Mapping[str, int]) -> str:
    known = ", ".join(list(allowed)[:8]) + (", ..." if len(allowed) > 8 else "")
    return f"{where}: {what} {label!r} is not in the schema{nearest(label, allowed)}; it knows {known}"
