"""Where tests find the real corpora and reference numbers, which never enter the repository."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with `data/`, `golden/` and `encoders/`; `JOINT_IE_SHARED` names it if it is elsewhere."""
    folder = Path(os.environ.get("JOINT_IE_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "golden").is_dir():
        pytest.skip(f"reference numbers not found at {folder}; set JOINT_IE_SHARED")
    return folder
