"""A cell in this process: what it leaves, twice the same, and what goes wrong."""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joint_ie.errors import InputError
from joint_ie.study.cell import main, run_cell
from joint_ie.study.cells import BUSY, CellFolder
from joint_ie.study.configuration import read_study
from joint_ie.study.locks import file_lock, is_locked
from joint_ie.study.measuring import machine, peak_memory, versions
from joint_ie.study.plan import make_plan

small = runpy.run_path(str(Path(__file__).with_name("small.py")))
outcome = small["outcome"]

Made = Callable[..., CellFolder]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("world")


@pytest.fixture
def made(world: Path, tmp_path: Path) -> Made:
    """The first cell of a study with some changes, ready to be run."""

    def make(name: str = "cell", **changes: Any) -> CellFolder:
        [cell, *_] = make_plan(read_study(small["write_study"](world, **changes)), "study.yaml").cells
        folder = CellFolder(tmp_path / name)
        folder.write(cell)
        return folder

    return make


def test_two_runs_of_a_cell_give_the_same(made: Made) -> None:
    one, other = made("one"), made("other", keep=[])
    for folder in (one, other):
        run_cell(folder)
    assert outcome(one.record) == outcome(other.record)
    assert one.predictions.is_dir() and not other.predictions.exists()
    assert one.best.is_dir()  # whoever started it knows whether it is needed
    one.tidy(keep_checkpoint=True)
    assert sorted(path.name for path in one.run.iterdir()) == ["best", "log.jsonl"]


def test_a_checkpoint_is_made_again_and_the_record_stays(made: Made) -> None:
    folder = made()
    run_cell(folder)
    record, weights = folder.record_file.read_bytes(), (folder.best / "model.safetensors").read_bytes()
    folder.tidy(keep_checkpoint=False)
    assert not folder.best.exists()
    run_cell(folder)
    assert folder.record_file.read_bytes() == record
    assert (folder.best / "model.safetensors").read_bytes() == weights


def test_what_is_decided_after_training_shares_one(world: Path, tmp_path: Path) -> None:
    """As if it had been trained for itself; its trainer may be tuned or not."""
    values = {
        "as-learned": {"set": {"tune": False}},
        "one": {"set": {"tune": True}},
        "each": {"set": {"tune": True, "model": {"relations": {"thresholds": "per-class"}}}},
        "wider": {"set": {"tune": True, "model": {"relations": {"embedding_size": 16}}}},
    }

    def cells(*names: str) -> list[CellFolder]:
        axes = {"thresholds": {name: values[name] for name in names}}
        plan = make_plan(read_study(small["write_study"](world, axes=axes, seeds=[1])), "study.yaml")
        folders = [CellFolder(tmp_path / "-".join(names) / cell.place) for cell in plan.cells]
        for folder, cell in zip(folders, plan.cells, strict=True):
            folder.write(cell)
        return folders

    assert [folder.cell.trained_by for folder in cells(*values)] == [None, "as-learned", "as-learned", None]
    shared = [*cells("as-learned", "each"), *cells("one", "as-learned")]
    for folder in shared:
        run_cell(folder)
    assert [folder.cell.trains for folder in shared] == [True, False, True, False]
    for name, folder in zip(("each", "as-learned"), (shared[1], shared[3]), strict=True):
        (alone,) = cells(name)
        run_cell(alone)
        assert outcome(folder.record) == outcome(alone.record)
        best = [(made.best / "model.safetensors").read_bytes() for made in (folder, alone)]
        assert best[0] == best[1]
        assert not (folder.run / "log.jsonl").exists()
    record = shared[1].record_file.read_bytes()
    shared[1].tidy(keep_checkpoint=False)
    run_cell(shared[1])
    assert shared[1].record_file.read_bytes() == record
    assert (shared[1].best / "model.safetensors").is_file()


def test_a_cell_without_modes_is_trained_only(made: Made) -> None:
    modes_of = [{"match": {"pooling": "logsumexp"}, "modes": []}]
    folder = made(modes_of=modes_of)
    run_cell(folder)
    assert folder.record.results == {}
    assert folder.record.cost.evaluation_seconds == {}


def test_another_corpus_in_the_order_of_its_file(made: Made, world: Path, tmp_path: Path) -> None:
    """Training labels are asked for elsewhere; documents without relations are in end-to-end scores alone."""
    folder = made(corpus=str(world / "world" / "train.jsonl"))
    run_cell(folder)
    record = folder.record
    assert record.corpus.documents == 12
    documents = {mode: len(result.documents) for mode, result in record.results.items()}
    assert documents == {"gold-entities": 11, "end-to-end": 12}
    assert record.results["end-to-end"].protocols["jerex"].scores["without_relations"] == 1


def test_mistakes_show_before_the_training(made: Made) -> None:
    folder = made(corpus="gone.jsonl")
    with pytest.raises(InputError, match=r"gone\.jsonl: no such file"):
        run_cell(folder)
    assert not folder.run.exists()
    folder = made("other", training_facts="redocred/trian")
    with pytest.raises(InputError, match=r'redocred/trian.*did you mean "redocred/train"'):
        run_cell(folder)


def test_a_cell_that_fails_says_why(made: Made) -> None:
    folder = made()
    cell = folder.cell
    folder.write(replace(cell, config={**cell.config, "training": {**cell.config["training"], "epochs": 0}}))
    assert main([str(folder.path)]) == 1
    assert folder.failure is not None
    assert "training: epochs = 0 should be at least 1" in folder.failure.message


def test_a_locked_cell_is_left_alone(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joint_ie.study.cell.LOCK_SECONDS", 0.0)
    folder = made()
    assert not is_locked(folder.lock)
    with file_lock(folder.lock):
        assert is_locked(folder.lock)
        assert folder.state == "running"
        assert main([str(folder.path)]) == BUSY
    assert folder.state == "waiting"
    assert folder.failure is None


def test_what_is_known_of_the_machine() -> None:
    assert {"joint_ie", "torch", "transformers", "python", "revision"} == versions().keys()
    assert machine("no").precision == "no"
    assert machine("auto").processor
    assert peak_memory() > 10**8
