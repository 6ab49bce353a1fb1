"""Cells that are scored from predictions instead of being trained: as if they had been."""

import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from joint_ie.cli.main import main
from joint_ie.errors import InputError
from joint_ie.study.cell import run_cell
from joint_ie.study.cells import CellFolder
from joint_ie.study.configuration import read_study
from joint_ie.study.folder import StudyFolder
from joint_ie.study.kept import with_kept_predictions
from joint_ie.study.plan import Plan, make_plan

small = runpy.run_path(str(Path(__file__).with_name("small.py")))
records, outcome, PIPELINES = small["records"], small["outcome"], small["PIPELINES"]

MORE = {"gold-entities": ["docred", "infer"], "end-to-end": ["coreference", "jerex"]}
ONE_SEED: dict[str, Any] = {"seeds": [1], "training_facts": None}

Planned = Callable[..., Plan]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world")


@pytest.fixture
def planned(world: Path) -> Planned:
    """The plan of the study with some changes."""

    def make(**changes: Any) -> Plan:
        return make_plan(read_study(small["write_study"](world, **{**ONE_SEED, **changes})), "study.yaml")

    return make


def run_all(plan: Plan, folder: StudyFolder) -> Plan:
    with folder.alone():
        folder.prepare(plan)
    for cell in plan.cells:
        if not folder.cell(cell).finished:
            run_cell(folder.cell(cell))
    return plan


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study, of which tests take copies."""
    path = tmp_path_factory.mktemp("trained") / "study"
    plan = make_plan(read_study(small["write_study"](world, **ONE_SEED)), "study.yaml")
    run_all(plan, StudyFolder(path))
    for cell in path.glob("cells/*/*"):
        CellFolder(cell).tidy(keep_checkpoint=False)
    return path


@pytest.fixture
def study(trained: Path, tmp_path: Path) -> StudyFolder:
    shutil.copytree(trained, tmp_path / "study")
    return StudyFolder(tmp_path / "study")


def predicted(plan: Plan) -> list[bool]:
    return [cell.predicted_by is not None for cell in plan.cells]


def test_other_protocols_need_no_other_training(study: StudyFolder, planned: Planned, tmp_path: Path) -> None:
    before = records(study.path)
    plan = planned(protocols=MORE)
    with pytest.raises(InputError, match=r"was run with protocols\.gold-entities"):
        study.prepare(plan)
    run_all(with_kept_predictions(plan, plan.cells, study, ()), study)
    found = records(study.path)
    run_all(planned(protocols=MORE), StudyFolder(tmp_path / "anew"))
    anew = records(tmp_path / "anew")
    for place, record in found.items():
        assert outcome(record) == outcome(anew[place])
        assert (record.versions, record.machine, record.predicted_by) == (*whence(before[place]), None)
        assert record.cost == before[place].cost
    assert not list(study.path.glob("cells/*/*/earlier*")) and not list(study.path.glob("cells/*/*/run/best"))
    again = planned(protocols=MORE)
    assert predicted(with_kept_predictions(again, again.cells, study, ())) == [False, False]
    study.prepare(again)  # nothing has changed any more


def whence(record: Any) -> tuple[Any, Any]:
    return record.versions, record.machine


def test_killed_between_two_records(study: StudyFolder, planned: Planned) -> None:
    want = records(study.path)
    for cell in study.path.glob("cells/*/*"):
        CellFolder(cell).score_anew()
    assert records(study.path) == {}
    plan = planned()
    run_all(with_kept_predictions(plan, plan.cells, study, ()), study)
    found = records(study.path)
    assert found.keys() == want.keys() and all(found[place] == want[place] for place in want)


def test_another_study_has_trained_it(study: StudyFolder, planned: Planned, tmp_path: Path) -> None:
    """The variant may have another name there; whatever it was not trained for is trained here."""
    axes = {
        "pool": {"average": {"set": {"model": {"relations": {"pooling": "mean"}}}}},
        "model.relations.dropout": [0.0, 0.1],
    }
    plan, own = planned(axes=axes, protocols=MORE), StudyFolder(tmp_path / "own")
    reused = with_kept_predictions(plan, plan.cells, own, [study.path])
    assert predicted(reused) == [True, False]
    cell = reused.cells[0]
    with own.alone():
        own.prepare(reused)
    run_cell(own.cell(cell))
    theirs, record = records(study.path)["mean/seed-1"], own.cell(cell).record
    assert (record.variant, record.levels, record.predicted_by) == (cell.variant, cell.levels, "study: mean")
    assert record.config == cell.config
    assert (record.cost, record.curve, record.best_epoch) == (theirs.cost, theirs.curve, theirs.best_epoch)
    both = record.results["end-to-end"].protocols["jerex"], theirs.results["end-to-end"].protocols["jerex"]
    assert both[0] == both[1] and "infer" in record.results["gold-entities"].protocols
    for mode in record.results:
        files = [folder.predictions / f"{mode}.jsonl" for folder in (own.cell(cell), study.cell(planned().cells[1]))]
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": [2]},
        {"set": {"training": {"epochs": 1}, "batches": {"documents": 4}, "model": {"mentions": {"threshold": 0.2}}}},
        {"modes": ["gold-entities", "end-to-end", "gold-mentions"]},
        {"corpus": "train.jsonl"},
    ],
    ids=["seed", "training", "mode", "corpus"],
)
def test_what_differs_is_not_taken(
    study: StudyFolder, planned: Planned, tmp_path: Path, changes: dict[str, Any], world: Path
) -> None:
    if "corpus" in changes:
        changes = {"corpus": str(world / "world" / changes["corpus"])}
    plan = planned(**changes)
    assert (
        predicted(with_kept_predictions(plan, plan.cells, StudyFolder(tmp_path / "own"), [study.path])) == [False] * 2
    )


def test_what_is_not_scored_is_trained(study: StudyFolder, planned: Planned, tmp_path: Path) -> None:
    plan = planned(modes_of=[{"match": {"pooling": "mean"}, "modes": []}])
    found = with_kept_predictions(plan, plan.cells, StudyFolder(tmp_path / "own"), [study.path])
    assert predicted(found) == [True, False]


def test_a_training_that_has_begun_goes_on(study: StudyFolder, planned: Planned, tmp_path: Path) -> None:
    plan, own = planned(), StudyFolder(tmp_path / "own")
    own.prepare(plan)
    own.cell(plan.cells[0]).run.mkdir()
    assert predicted(with_kept_predictions(plan, plan.cells, own, [study.path])) == [False, True]
    assert predicted(with_kept_predictions(plan, plan.cells[:1], own, [study.path])) == [False, False]  # not asked for


def test_checkpoints_cannot_be_taken(planned: Planned, tmp_path: Path) -> None:
    """Of a pipeline's parts the checkpoints are needed, unless it is taken itself."""
    plan = planned(**PIPELINES)
    other, own = StudyFolder(tmp_path / "other"), StudyFolder(tmp_path / "own")
    run_all(plan, other)
    assert predicted(with_kept_predictions(plan, plan.cells, own, [other.path])) == [False, False, True]
    pipeline = other.cell(plan.cells[2])
    (pipeline.predictions / "end-to-end.jsonl").unlink()
    assert predicted(with_kept_predictions(plan, plan.cells, own, [other.path])) == [False, False, False]


def test_predictions_of_other_documents(study: StudyFolder, planned: Planned, tmp_path: Path) -> None:
    plan, own = planned(), StudyFolder(tmp_path / "own")
    reused = with_kept_predictions(plan, plan.cells, own, [study.path])
    own.prepare(reused)
    dev = Path(plan.cells[0].config["data"]["dev"])
    text = dev.read_text()
    try:
        dev.write_text(text.replace("bob", "rob"))
        with pytest.raises(InputError, match=r"predictions are of no use; start without --reuse to train"):
            run_cell(own.cell(plan.cells[0]))
    finally:
        dev.write_text(text)
    file = study.cell(plan.cells[0]).predictions / "end-to-end.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(InputError, match=r"end-to-end\.jsonl: has other documents than"):
        run_cell(own.cell(plan.cells[0]))
    with pytest.raises(InputError, match=r"nowhere: is no folder of a study"):
        with_kept_predictions(plan, plan.cells, own, [tmp_path / "nowhere"])


@pytest.mark.slow
def test_as_it_is_typed(study: StudyFolder, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    axes = {"pool": {"average": {"set": {"model": {"relations": {"pooling": "mean"}}}}}}
    file = small["write_study"](world, **ONE_SEED, axes=axes, protocols=MORE)
    command = ["study", str(file), "-o", str(tmp_path / "own"), "--reuse", str(study.path)]
    assert main([*command, "--dry-run"]) == 0
    assert "1 from predictions" in capsys.readouterr().out
    assert main(command) == 0
    assert "1 of 1 cells are done" in capsys.readouterr().out
    assert main(["study", "report", str(tmp_path / "own"), "--formats", "md"]) == 0
    assert "average, from study: mean" in (tmp_path / "own" / "report.md").read_text()
    assert json.loads((tmp_path / "own" / "report.json").read_text())["cells"][0]["finished_seeds"] == [1]
