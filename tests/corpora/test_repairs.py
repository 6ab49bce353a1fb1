import logging
from pathlib import Path

import pytest

from joint_ie.corpora import Repairs, load_corpus
from joint_ie.corpora.repairs import Finding

DOCUMENT = '{"title": "T", "sents": [["a"]], "vertexSet": []}'


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    path = tmp_path / "twice.json"
    path.write_text(f"[{DOCUMENT}, {DOCUMENT}, {DOCUMENT}]")
    return path


def test_kinds_are_counted() -> None:
    repairs = Repairs()
    assert repairs.summary() == ""
    repairs.note("d1", "mentions cut", "one")
    repairs.note("d2", "relations left out", "two")
    repairs.note("d2", "relations left out", "three")
    assert repairs.summary() == "2 relations left out, 1 mentions cut"
    assert repairs.found[0] == Finding("d1", "mentions cut", "one")


def test_what_was_repaired_is_said_at_the_end_of_reading(twice: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert [document.id for document in load_corpus(twice)] == ["T", "T#2", "T#3"]
    (message,) = caplog.messages
    assert message.startswith(f"{twice}: 2 ids of an earlier document") and "joint-ie data check" in message


def test_given_repairs_are_filled_in_silence(twice: Path, caplog: pytest.LogCaptureFixture) -> None:
    repairs = Repairs()
    load_corpus(twice, repairs=repairs)
    assert [repair.document for repair in repairs.found] == ["T#2", "T#3"]
    assert not caplog.messages
