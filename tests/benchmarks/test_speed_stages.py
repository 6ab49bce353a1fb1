"""Has a stage become slow? Its CPU time, as a share of the bare encoder's in the same run, against the stored one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORED = ROOT / "benchmarks" / "results" / "speed-stages.json"
ALLOWED = 2.0
NOISE = 0.03  # of the bare encoder's time: small stages may double by chance


def slower(found: dict[str, dict[str, float]], stored: dict[str, dict[str, float]]) -> list[str]:
    """The stages that take more than `ALLOWED` times as long as stored."""
    return [name for name, row in found.items() if row["cpu"] > ALLOWED * stored.get(name, {"cpu": 0})["cpu"] + NOISE]


def test_a_slow_stage_is_noticed() -> None:
    stored = {"encode": {"cpu": 0.8}, "relations": {"cpu": 0.2}}
    assert slower(stored, stored) == []
    assert slower({"encode": {"cpu": 0.8}, "relations": {"cpu": 0.5}}, stored) == ["relations"]
    assert slower({**stored, "a new stage": {"cpu": 0.1}}, stored) == ["a new stage"]


@pytest.mark.slow
def test_no_stage_has_become_slow(tmp_path: Path) -> None:
    """After a wanted change, store it: the command with ``--json benchmarks/results/speed-stages.json``."""
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    command = [sys.executable, str(ROOT / "benchmarks" / "speed"), "stages", "--documents", "24", "--rounds", "3"]
    target = tmp_path / "stages.json"
    subprocess.run([*command, "--threads", "1", "--json", str(target)], check=True, capture_output=True)
    found = json.loads(target.read_text(encoding="utf-8"))
    if found["precision"] != stored["precision"]:
        pytest.skip(f"stored with precision {stored['precision']}, this machine has {found['precision']}")
    assert slower(found["stages"], stored["stages"]) == []
