"""Cells with their training configurations, and what happens to those of a study whose file has changed."""

import json
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joint_ie.errors import InputError
from joint_ie.schema import Schema
from joint_ie.study.cells import Cell, CellFolder
from joint_ie.study.configuration import read_study
from joint_ie.study.folder import StudyFolder, settings_that_differ
from joint_ie.study.plan import Plan, make_plan, with_parts
from joint_ie.training.configuration import Experiment

small = runpy.run_path(str(Path(__file__).with_name("small.py")))
PIPELINES = small["PIPELINES"]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Plan]:
    root = tmp_path_factory.mktemp("study")

    def make(threads: int | None = None, **changes: Any) -> Plan:
        return make_plan(read_study(small["write_study"](root, **changes)), "study.yaml", threads)

    return make


def test_cells_of_the_first_seed_come_first(plan: Callable[..., Plan]) -> None:
    made = plan()
    assert [cell.name for cell in made.cells] == [
        "logsumexp, seed 1",
        "mean, seed 1",
        "logsumexp, seed 2",
        "mean, seed 2",
    ]
    for cell in made.cells:
        experiment = Experiment.from_mapping(cell.config, "")
        assert experiment.training.seed == cell.seed
        assert experiment.training.epochs == 2
        assert experiment.model.relations.pooling == cell.variant
    assert settings_that_differ(made.cells) == {
        name: {"model.relations.pooling": name} for name in ("logsumexp", "mean")
    }


def test_protocols_of_modes(plan: Callable[..., Plan]) -> None:
    [cell, *_] = plan(protocols={"end-to-end": ["all"]}).cells
    assert cell.scoring.protocols["gold-entities"] == ("docred",)
    assert {"jerex", "rebel", "tag"} <= set(cell.scoring.protocols["end-to-end"])
    assert "tag-as-published" not in cell.scoring.protocols["end-to-end"]


def test_protocols_are_those_of_the_labels(plan: Callable[..., Plan], tmp_path: Path) -> None:
    """DocRED's groups of relations are not for own labels, and the plan knows it before anything is trained."""
    schema = tmp_path / "schema.json"
    Schema.from_names(["PER", "LOC"], {"P19": "place of birth", "captain_of": "captain of"}).save(schema)
    own = {"set": {"data": {"schema": str(schema)}, **other_settings()}}
    [cell, *_] = plan(protocols={"gold-entities": ["all"]}, **own).cells
    assert "docred" in cell.scoring.protocols["gold-entities"]
    assert "relation-groups" not in cell.scoring.protocols["gold-entities"]
    with pytest.raises(
        InputError, match=r'study\.yaml: protocols\.gold-entities: protocol "relation-groups" is unknown'
    ):
        plan(protocols={"gold-entities": ["relation-groups"]}, **own)


def test_threads(plan: Callable[..., Plan]) -> None:
    def threads(made: Plan) -> set[int]:
        return {cell.config["training"]["threads"] for cell in made.cells}

    assert threads(plan()) == {1}  # the world's own
    assert threads(plan(set={"training": {"threads": 2}})) == {2}
    assert threads(plan(set={"training": {"threads": None}})) == {1}
    assert threads(plan(threads=3)) == {3}


def test_pipelines_have_both_configurations_and_bring_their_parts(plan: Callable[..., Plan]) -> None:
    made = plan(**PIPELINES)
    [entities, relations, separate] = made.cells
    assert separate.config == {"entities": entities.config, "relations": relations.config}
    assert separate.parts == (entities.place, relations.place)
    assert with_parts([separate], made.cells) == made.cells
    assert with_parts([relations], made.cells) == (relations,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"set": {"model": {"relations": {"pool": 1}}}}, r"variant 'logsumexp': model\.relations\.pool = 1 is not a"),
        ({"axes": {"training.epoch": [1]}}, r"variant 'epoch=1': training\.epoch = 1 is not a setting \(did you mean"),
        ({"protocols": {"end-to-end": ["jerx"]}}, r'protocols\.end-to-end: protocol "jerx" is unknown \(did you mean'),
        ({"protocols": {"end_to_end": ["jerex"]}}, r"protocols\.end_to_end is for a mode that no variant has"),
        (
            {"modes": ["end-to-end"], "protocols": {}},
            r"measure: no variant is scored in mode gold-entities by protocol",
        ),
        (
            {"measure": {"mode": "end-to-end", "protocol": "jerex", "measure": "relation"}},
            r'measure: measure "relation" is unknown in protocol "jerex" \(did you mean',
        ),
        (
            {
                "measure": {"mode": "gold-entities", "protocol": "docred", "measure": "relations_ign"},
                "training_facts": None,
            },
            r'measure: measure "relations_ign" is unknown',
        ),
        (
            {"baseline": {"pooling": "mean"}, "modes_of": [{"match": {"pooling": "mean"}, "modes": []}]},
            r"baseline: 'mean' is not scored in mode gold-entities",
        ),
        ({"baseline": {}}, r"baseline = \{\} should name one variant, but names 2"),
    ],
)
def test_mistakes_show_before_anything_runs(plan: Callable[..., Plan], changes: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^study\\.yaml: {message}"):
        plan(**changes)


def finish(folder: CellFolder) -> None:
    folder.record_file.write_text("{}")


def begin(folder: CellFolder) -> None:
    folder.run.mkdir()


def test_a_changed_study(plan: Callable[..., Plan], tmp_path: Path) -> None:
    made = plan()
    study = StudyFolder(tmp_path)
    study.prepare(made)
    finished, interrupted, failed, waiting = map(study.cell, made.cells)
    finish(finished)
    begin(interrupted)
    begin(failed)
    failed.fail("diverged")
    states = [folder.state for folder in (finished, interrupted, failed, waiting)]
    assert states == ["done", "interrupted", "failed", "waiting"]
    before = contents(tmp_path)
    study.prepare(made)
    assert contents(tmp_path) == before

    # what changes no result is taken over by cells that have not begun, which insist on it
    same = plan(set={"training": {"epochs": 2, "log_every": 7}, **other_settings()}, threads=2, keep=["checkpoints"])
    study.prepare(same)
    for folder, log_every, threads in ((finished, 1, 1), (interrupted, 1, 1), (failed, 1, 1), (waiting, 7, 2)):
        config = folder.cell.config["training"]
        assert (config["log_every"], config["threads"]) == (log_every, threads)
    assert interrupted.cell.keep == ("checkpoints",)

    other = plan(set={"training": {"epochs": 3}, **other_settings()})
    with pytest.raises(InputError, match=r"logsumexp/seed-1: was run with training\.epochs = 2, now it is 3; .*--redo"):
        study.prepare(other)
    assert finished.cell.config["training"]["epochs"] == 2
    with pytest.raises(InputError, match=r"mean/seed-1: was begun with training\.epochs = 2, now it is 3"):
        study.prepare(other, redo=other.cells[:1])
    assert finished.finished
    with pytest.raises(InputError, match=r"mean/seed-1: .* choose another folder, or let --redo run it anew, too$"):
        study.prepare(other, redo=other.cells[:1])
    study.prepare(other, redo=other.cells)
    assert [folder.state for folder in (finished, interrupted, failed, waiting)] == ["waiting"] * 4
    assert {folder.cell.config["training"]["epochs"] for folder in (finished, interrupted, failed, waiting)} == {3}


def other_settings() -> dict[str, Any]:
    return {"batches": {"documents": 4}, "model": {"mentions": {"threshold": 0.2}}}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_failed_cells_begin_anew_with_other_settings(plan: Callable[..., Plan], tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    study.prepare(plan())
    [cell, *_] = plan().cells
    begin(study.cell(cell))
    study.cell(cell).fail("diverged")
    study.prepare(plan(set={"training": {"epochs": 1}, **other_settings()}))
    assert study.cell(cell).state == "waiting"


def test_why_a_cell_failed_is_forgotten_with_its_settings(plan: Callable[..., Plan], tmp_path: Path) -> None:
    """Also where it had not begun to train, such as without a file."""
    study = StudyFolder(tmp_path)
    study.prepare(plan())
    folder = study.cell(plan().cells[0])
    folder.fail("no such file")
    study.prepare(plan())
    assert folder.state == "failed"
    study.prepare(plan(corpus="redocred/dev"))
    assert folder.state == "waiting" and folder.failure is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocols": {"gold-entities": ["cdr"], "end-to-end": ["jerex", "rebel"]}}, "protocols.gold-entities"),
        ({"training_facts": None}, "training_facts"),
        ({"corpus": "redocred/dev"}, "corpus"),
    ],
)
def test_other_scores_are_other_cells(plan: Callable[..., Plan], tmp_path: Path, changes: Any, message: str) -> None:
    study = StudyFolder(tmp_path)
    study.prepare(plan())
    finish(study.cell(plan().cells[1]))
    measure = {"mode": "end-to-end", "protocol": "jerex", "measure": "relations"}
    with pytest.raises(InputError, match=f"mean/seed-1: was run with {message} = "):
        study.prepare(plan(measure=measure, **changes))


def test_how_a_cell_that_has_only_begun_is_scored_may_change(plan: Callable[..., Plan], tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    study.prepare(plan())
    begin(study.cell(plan().cells[1]))
    study.prepare(plan(corpus="redocred/dev"))
    assert study.cell(plan().cells[1]).cell.scoring.corpus == "redocred/dev"


def test_settings_that_are_younger_than_a_cell_had_their_default(plan: Callable[..., Plan], tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    study.prepare(plan())
    [cell, *_] = plan().cells
    config = {**cell.config, "model": {**cell.config["model"]}}
    del config["model"]["dropout"]
    study.cell(cell).write(replace(cell, config=config))
    finish(study.cell(cell))
    assert study.changed(cell) is None


def test_files_of_a_cell(tmp_path: Path) -> None:
    folder = CellFolder(tmp_path / "cell")
    with pytest.raises(InputError, match=r"cell\.json: no such file"):
        _ = folder.cell
    folder.path.mkdir()
    (folder.path / "cell.json").write_text(json.dumps({"format": 9}))
    with pytest.raises(InputError, match=r"cell\.json: is no cell of format 1; start the study"):
        _ = folder.cell
    folder.log.write_text("".join(f"line {i}\n" for i in range(100)))
    folder.fail("no reason")
    assert folder.failure is not None
    assert (folder.failure.message, folder.failure.log[-1], len(folder.failure.log)) == ("no reason", "line 99", 30)
    assert [folder.count_process() for _ in range(3)] == [1, 2, 3]
    folder.clear()
    assert folder.count_process() == 1
    assert folder.state == "waiting"


def test_cells_come_back(plan: Callable[..., Plan], tmp_path: Path) -> None:
    for cell in (*plan().cells, *plan(**PIPELINES).cells):
        folder = CellFolder(tmp_path / cell.place)
        folder.write(cell)
        assert folder.cell == cell
        assert isinstance(folder.cell, Cell)
