"""Schemas from annotations."""

from pathlib import Path

import pytest

from joint_ie.corpora.derive import derive_schema, readable_name
from joint_ie.corpora.docred import docred_schema, read_docred
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.schema import Label


def document(types: list[str], relations: list[tuple[str, str | None]] | None) -> Document:
    bare = Document.from_words("d", [["w"] * len(types)])
    entities = [Entity(type, "w", (bare.mention(i, i + 1),)) for i, type in enumerate(types)]
    return bare.with_annotations(
        entities, None if relations is None else [Relation(0, 0, type, label) for type, label in relations]
    )


def test_most_frequent_first_and_ties_by_id() -> None:
    schema = derive_schema(
        [
            document(["b", "type::role_of", "a"], [("r2", None), ("r1", "one"), ("r1", "two")]),
            document(["type::role_of"], [("r1", "two"), ("r2", None), ("r2", None), ("a_b", None)]),
            document(["c"], None),
        ]
    )
    assert schema.entity_types == (
        Label("type::role_of", "role of"),
        Label("a", "a"),
        Label("b", "b"),
        Label("c", "c"),
    )
    assert schema.relation_types == (Label("r1", "two"), Label("r2", "r2"), Label("a_b", "a b"))


@pytest.mark.parametrize(
    ("id", "name"),
    [("P17", "P17"), ("type::head_of_state", "head of state"), ("__", "__"), ("x::", "x::"), ("USED-FOR", "USED-FOR")],
)
def test_readable_names(id: str, name: str) -> None:
    assert readable_name(id) == name


def test_a_document_without_relations_is_enough_one_without_entities_is_not() -> None:
    assert derive_schema([document(["a"], None)]).relation_types == ()
    for documents in ([], [document([], [])]):
        with pytest.raises(InputError, match="no document has an entity; annotate some"):
            derive_schema(documents)


def test_docred_comes_out_with_its_own_names(shared: Path) -> None:
    documents = list(read_docred(shared / "data/docred/train_annotated_extra.json"))
    derived, published = derive_schema(documents), docred_schema()
    assert {label.id for label in derived.entity_types} == set(published.entity_index)
    assert set(derived.relation_types) <= set(published.relation_types) and len(derived.relation_types) > 80
    for document in documents:
        document.validate(derived)
