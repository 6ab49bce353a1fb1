"""The small study of `small_study.py`, and what it came to."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from joint_ie.study.results import Results, results


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("small_study.py"))))


@pytest.fixture(scope="session")
def found(small: SimpleNamespace) -> Results:
    return results(small.outcome(), resamples=500)


@pytest.fixture(scope="session")
def drawn(found: Results) -> Any:
    """The plots of `found`, by name, which take seconds."""
    pytest.importorskip("matplotlib", reason="matplotlib is missing (pip install joint-ie[study])")
    from joint_ie.study.report.plots import draw

    return draw(found)
