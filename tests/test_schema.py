from pathlib import Path

import pytest

from joint_ie.errors import InputError
from joint_ie.schema import Label, Schema

SCHEMA = Schema.from_names(["PER", "LOC"], {"P19": "place of birth", "P20": "place of death"})


def test_file_round_trip_keeps_the_order(tmp_path: Path) -> None:
    SCHEMA.save(tmp_path / "schema.json")
    again = Schema.load(tmp_path / "schema.json")
    assert again == SCHEMA
    assert list(again.relation_index) == ["P19", "P20"] and again.entity_index == {"PER": 0, "LOC": 1}


def test_names() -> None:
    assert SCHEMA.entity_types == (Label("PER", "PER"), Label("LOC", "LOC"))
    assert SCHEMA.relation_types[1] == Label("P20", "place of death")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", 'needs "entity_types"'),
        ('{"entity_types": ["PER"], "relation_types": []}', 'needs "entity_types"'),
        ('{"entity_types": []}', 'needs "relation_types"'),
        ('{"entity_types": [{"id": "A"}, {"id": "A"}], "relation_types": []}', "'A' is listed twice"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Schema.load(path)
    with pytest.raises(InputError, match="no such file"):
        Schema.load(tmp_path / "other.json")
