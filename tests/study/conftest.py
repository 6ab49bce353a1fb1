"""The small study of `small_study.py`, and what it came to."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from joint_ie.study.grid import folder_name
from joint_ie.study.records import write_record
from joint_ie.study.results import Results, results


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("small_study.py"))))


@pytest.fixture(scope="session")
def found(small: SimpleNamespace) -> Results:
    return results(small.study(), resamples=500)


@pytest.fixture(scope="session")
def drawn(found: Results) -> Any:
    """The plots of `found`, by name, which take seconds."""
    pytest.importorskip("matplotlib", reason="matplotlib is missing (pip install joint-ie[study])")
    from joint_ie.study.report.plots import draw

    return draw(found)


@pytest.fixture(scope="session")
def written(small: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small study on disk: study.yaml, records and a failure, and nothing else."""
    folder, study = tmp_path_factory.mktemp("study"), small.study()
    trained = [variant for variant in study.variants if variant.name != "separate"]
    settings = {
        "name": "losses",
        "question": study.question,
        "axes": {"loss": {variant.name: {} for variant in trained}},
        "seeds": [1, 2, 3],
        "seeds_of": [
            {"match": {"loss": "ncrl"}, "seeds": [1]},
            {"match": {"pipeline": "separate"}, "seeds": [1, 2]},
        ],
        "pipelines": {"separate": {"entities": {"loss": "atlop"}, "relations": {"loss": "pemscl"}}},
        "measure": {"mode": "gold-entities", "protocol": "docred", "measure": "relations"},
        "baseline": {"loss": "atlop"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
    for variant in study.variants:
        for record in variant.records:
            place = folder / "cells" / folder_name(variant.name) / f"seed-{record.seed}"
            place.mkdir(parents=True)
            write_record(record, place)
        for seed, message in variant.failures.items():
            place = folder / "cells" / folder_name(variant.name) / f"seed-{seed}"
            place.mkdir(parents=True)
            (place / "failure.json").write_text(json.dumps({"message": message, "log": []}), encoding="utf-8")
    return folder
