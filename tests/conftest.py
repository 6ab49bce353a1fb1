"""Where tests find the real corpora and reference numbers, which never enter the repository."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure. In CI examples are the same every time, so that a red run can be run again.
settings.register_profile(
    "joint_ie", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("joint_ie")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with `data/`, `golden/` and `encoders/`; `JOINT_IE_SHARED` names it if it is elsewhere."""
    folder = Path(os.environ.get("JOINT_IE_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "golden").is_dir():
        pytest.skip(f"reference numbers not found at {folder}; set JOINT_IE_SHARED")
    return folder


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """Tiny models and documents (`tests/toy.py`)."""
    return _module("toy")


@pytest.fixture(scope="session")
def published() -> ModuleType:
    """Golden numbers of published heads, and inputs for heads (`tests/published.py`)."""
    return _module("published")


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
