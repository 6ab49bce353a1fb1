"""Rooms import only from floors below their own, so that the drawing of the house cannot drift."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import joint_ie

ROOT = Path(joint_ie.__file__).parent
FLOORS = {
    0: {"document", "document_json", "validity", "schema", "errors", "settings", "html", "colours", "displacy"},
    0.5: {"text"},  # corpora with character offsets are tokenised by it
    1: {"corpora", "evaluation", "graph"},
    2: {"encoding", "losses"},
    # Between the drawing's floors 2 and 3: heads speak in the flat indices of `encoding` (mentions, pairs, windows).
    3: {"heads"},
    4: {"models", "annotating"},
    5: {"training", "extraction"},
    6: {"study", "integrations"},
    7: {"cli"},
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
HEAVY = {"torch", "transformers", "accelerate", "safetensors"}


def room(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def modules(*rooms: str) -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.py")) if room(path) in rooms]


def imports(path: Path) -> set[str]:
    """Everything that is imported, inside functions too, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(names: set[str]) -> set[str]:
    """The rooms among imported names."""
    return {parts[1] for name in names if (parts := name.split("."))[0] == "joint_ie" and len(parts) > 1}


def test_every_room_has_a_floor() -> None:
    rooms = {room(path) for path in ROOT.rglob("*.py")} - {"__init__", "bundled"}
    assert rooms <= set(FLOOR)


@pytest.mark.parametrize("name", sorted(FLOOR))
def test_rooms_import_from_below(name: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} (floor {FLOOR[name]}) imports {other} (floor {FLOOR[other]})"
        for path in modules(name)
        for other in sorted(own(imports(path)) & set(FLOOR))
        if other != name and FLOOR[other] >= FLOOR[name] and FLOOR[name] > 0
    ]
    assert not wrong


def test_the_ground_floor_stands_alone() -> None:
    for path in modules(*FLOORS[0]):
        assert own(imports(path)) <= FLOORS[0], path


@pytest.mark.parametrize(
    ("name", "unknown"),
    [("losses", "document"), ("heads", "document"), ("heads", "losses"), ("encoding", "heads"), ("models", "training")],
)
def test_what_a_room_must_not_know(name: str, unknown: str) -> None:
    for path in modules(name):
        assert unknown not in own(imports(path)), path


def test_floors_0_and_1_know_no_torch() -> None:
    for path in modules(*FLOORS[0], *FLOORS[1]):
        assert not {imported.split(".")[0] for imported in imports(path)} & HEAVY, path


def test_floors_0_and_1_load_no_torch() -> None:
    """Not even by way of a library; spaCy, which does, is loaded by `text` alone."""
    rooms = {room(path) for path in modules(*FLOORS[0], *FLOORS[1])} - {"text"}
    code = f"import sys, {', '.join(f'joint_ie.{name}' for name in sorted(rooms))}; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(output.split())
