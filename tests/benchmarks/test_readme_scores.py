"""The README has the scores of the bundled model's own file; the script that writes them changes nothing else."""

import json
from collections.abc import Callable
from importlib.resources import files
from types import ModuleType

import pytest


def test_the_readme_has_the_bundled_models_scores(script: Callable[[str], ModuleType]) -> None:
    tables = script("readme_scores")
    scores = json.loads(files("joint_ie").joinpath("bundled", "model", "scores.json").read_text(encoding="utf-8"))
    page = tables.README.read_text(encoding="utf-8")
    assert tables.task_table(scores["jerex"], scores["docred"]) + "\n" in page


def test_a_table_takes_the_place_of_the_one_with_its_head(script: Callable[[str], ModuleType]) -> None:
    replaced = script("readme_scores").replaced
    page = "before\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nafter\n\n| c |\n|---|\n"
    assert replaced(page, "| a | b |\n|---|---|\n| 5 | 6 |") == page.replace("| 1 | 2 |\n| 3 | 4 |", "| 5 | 6 |")
    with pytest.raises(ValueError, match="no table"):
        replaced(page, "| d |\n|---|")
