"""The small study of `small_study.py`, and what it came to."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from joint_ie.study.results import Results, results


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("small_study.py"))))


@pytest.fixture(scope="session")
def found(small: SimpleNamespace) -> Results:
    return results(small.outcome(), resamples=500)
