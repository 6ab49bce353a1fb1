"""What is read from the folder of a study: records, gaps and failures, and another baseline or measure."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from joint_ie.errors import InputError
from joint_ie.study.results import results
from joint_ie.study.study_records import StudyRecords, read_study_records


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "study"))


def shape(study: StudyRecords) -> list[tuple[object, ...]]:
    return [(v.name, [r.seed for r in v.records], v.missing, dict(v.failures)) for v in study.variants]


def test_a_folder_says_what_its_study_has_found(written: Path, small: SimpleNamespace) -> None:
    found, expected = read_study_records(written), small.study()
    assert (found.name, found.question, found.baseline) == ("losses", expected.question, "atlop")
    assert found.headline == expected.headline
    assert shape(found) == shape(expected) and found.others == ()
    assert list(found.records()) == list(expected.records())


def test_a_report_needs_nothing_else(written: Path, small: SimpleNamespace) -> None:
    """No corpus, no checkpoint, no prediction."""
    assert (
        results(read_study_records(written), 20).to_dict()["comparisons"]
        == (results(small.study(), 20).to_dict()["comparisons"])
    )


def test_another_baseline(written: Path) -> None:
    assert read_study_records(written, baseline="separate").baseline == "separate"
    assert read_study_records(written, baseline="loss=pemscl").baseline == "pemscl"
    assert read_study_records(written, baseline="pipeline=separate").baseline == "separate"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("relations_ign", ("gold-entities", "docred", "relations_ign")),
        ("distance/inter", ("gold-entities", "distance", "inter")),
        ("end-to-end/jerex/relations.recall", ("end-to-end", "jerex", "relations.recall")),
    ],
)
def test_another_measure(written: Path, text: str, parts: tuple[str, ...]) -> None:
    head = read_study_records(written, measure=text).headline
    assert (head.mode, head.protocol, head.measure) == parts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "pemsl"}, "--baseline 'pemsl': is no variant, and has no AXIS=VALUE; variants are atlop; pemscl"),
        ({"baseline": "los=atlop"}, 'los is not an axis (did you mean "loss"?)'),
        ({"baseline": "loss=atlo"}, 'is not a value of this axis (did you mean "atlop"?)'),
        ({"measure": "a/b/c/d"}, "should be MEASURE, PROTOCOL/MEASURE or MODE/PROTOCOL/MEASURE"),
        ({"measure": "docred/"}, "should be MEASURE"),
        ({"measure": "gold/docred/relations"}, "mode = 'gold' is not a choice"),
    ],
)
def test_what_is_not_there_is_said(written: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        read_study_records(written, **options)


def test_cells_that_the_study_does_not_ask_for_are_named(copied: Path) -> None:
    (copied / "cells" / "atlop" / "seed-1").rename(copied / "cells" / "atlop" / "seed-9")
    found = read_study_records(copied)
    assert found.others == ("atlop/seed-9",) and found.variants[0].missing == (1,)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "study.yaml").unlink(), "has no study.yaml; name the folder of a study that was run"),
        (
            lambda folder: (folder / "cells/atlop/seed-1/record.json.xz").write_text("{"),
            "seed-1/record.json.xz: is cut",
        ),
    ],
)
def test_broken_folders(copied: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(copied)
    with pytest.raises(InputError, match=re.escape(message)):
        read_study_records(copied)
