"""A run that is killed anywhere and resumed ends like one that never stopped."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from joint_ie.errors import InputError
from joint_ie.training.settings import TrainingSettings

SETTINGS = {"epochs": 2, "save_every_steps": 2, "accumulation": 2, "log_every": 1}


def records(folder):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if key not in ("seconds", "cpu_seconds")}
        for line in lines
    ]


def assert_equal_runs(tiny, left, right):
    for checkpoint in ("best", "last"):
        assert tiny.weights(left / checkpoint) == tiny.weights(right / checkpoint)
    assert records(left) == records(right)
    assert sorted(path.name for path in left.iterdir()) == ["best", "last", "log.jsonl", "state"]
    assert len(list((left / "state").iterdir())) == 1


@pytest.fixture(scope="module")
def unbroken(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    tiny.run(folder, **SETTINGS)
    return folder


def kill_and_resume(tiny, root, chains):
    command = [sys.executable, tiny.__file__, str(root), json.dumps(SETTINGS), *chains]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: [int(status) for status in line.split()[1:]] for line in done.stdout.splitlines()}


def test_a_run_killed_at_any_batch_resumes_to_the_same_bits(tiny, unbroken, tmp_path):
    chains = [f"batch:{count}" for count in range(5 + 4)]
    statuses = kill_and_resume(tiny, tmp_path, chains)
    for chain in chains:
        assert statuses[chain] == [-9, 0], chain
        assert_equal_runs(tiny, tmp_path / chain, unbroken)


def test_a_run_killed_at_every_second_file_operation_resumes_to_the_same_bits(tiny, unbroken, tmp_path):
    chains = [f"file:{count}" for count in range(0, 78, 2)]
    statuses = kill_and_resume(tiny, tmp_path, chains)
    killed = [chain for chain in chains if statuses[chain] == [-9, 0]]
    assert 30 < len(killed) < len(chains), "the last chains should outlive the run, so that none was missed"
    assert all(statuses[chain] == [0, 0] for chain in chains[len(killed) :])
    for chain in killed:
        assert_equal_runs(tiny, tmp_path / chain, unbroken)


def test_a_run_killed_again_and_again_resumes_to_the_same_bits(tiny, unbroken, tmp_path):
    chain = "batch:3,file:9,batch:2,file:5,file:20"
    assert kill_and_resume(tiny, tmp_path, [chain]) == {chain: [-9] * 5 + [0]}
    assert_equal_runs(tiny, tmp_path / chain, unbroken)


def test_time_goes_on_where_it_was(tiny, tmp_path):
    run = tmp_path / "run"
    validations = iter([{"relations_strict": 0.1}])
    with pytest.raises(StopIteration):
        tiny.run(run, epochs=2, evaluate=lambda _: next(validations))
    (file,) = run.glob("state/*/state.json")
    state = json.loads(file.read_text())
    state["progress"].update(seconds=1000.0, cpu_seconds=700.0)
    file.write_text(json.dumps(state))
    tiny.run(run, resume=True, epochs=2)
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert 1000 < last["seconds"] < 1100
    assert 700 < last["cpu_seconds"] < 800


def test_a_finished_run_returns_its_result(tiny, tmp_path):
    first = tiny.run(tmp_path / "run", epochs=2)
    before = tiny.weights(tmp_path / "run" / "last")
    assert tiny.run(tmp_path / "run", resume=True, epochs=2) == first
    assert tiny.weights(tmp_path / "run" / "last") == before


def test_nothing_is_pickled(unbroken):
    files = {path.suffix for path in unbroken.rglob("*") if path.is_file()}
    assert files == {".safetensors", ".json", ".jsonl"}


def test_a_folder_with_a_run_is_not_overwritten(tiny, tmp_path):
    tiny.run(tmp_path / "run", epochs=1)
    with pytest.raises(InputError, match=r"already holds a run .*--resume"):
        tiny.run(tmp_path / "run", epochs=1)


def test_there_must_be_something_to_resume(tiny, tmp_path):
    with pytest.raises(InputError, match="no such run folder"):
        tiny.run(tmp_path / "misspelt", resume=True)


def test_a_changed_setting_is_refused_by_name(tiny, tmp_path):
    tiny.run(tmp_path / "run", epochs=1)
    with pytest.raises(InputError, match=r"training\.encoder_learning_rate = 0\.01, now it is 0\.02"):
        tiny.run(tmp_path / "run", resume=True, epochs=1, encoder_learning_rate=0.02)
    with pytest.raises(InputError, match=r"training\.epochs = 1, now it is 2"):
        tiny.run(tmp_path / "run", resume=True, epochs=2)
    tiny.run(tmp_path / "run", resume=True, epochs=1, save_every_steps=3)


@dataclass(frozen=True)
class Model:
    layers: int
    widths: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Config:
    model: Model
    training: TrainingSettings | None = None
    corpora: tuple[Model, ...] = ()


def run_configured(tiny, folder, resume=False, fingerprints=None, **config):
    settings = TrainingSettings(epochs=1, precision="no", threads=1)
    return tiny.train(
        tiny.TinyModel(),
        tiny.TinyBatches(),
        tiny.evaluate,
        tiny.save,
        settings,
        folder,
        resume,
        config=Config(**config),
        fingerprints=fingerprints,
    )


def test_a_changed_configuration_is_refused(tiny, tmp_path):
    run_configured(tiny, tmp_path / "run", model=Model(6))
    with pytest.raises(InputError, match=r"model\.layers = 6, now it is 12"):
        run_configured(tiny, tmp_path / "run", True, model=Model(12))
    assert run_configured(tiny, tmp_path / "run", True, model=Model(6)).steps == 5


def test_settings_that_are_newer_than_a_run_had_their_default(tiny, tmp_path):
    """Also those of a mapping in a list, and of the loop itself."""
    run_configured(tiny, tmp_path / "run", model=Model(6), corpora=(Model(1),))
    (path,) = tmp_path.glob("run/state/*/state.json")
    state = json.loads(path.read_text())
    for settings, name in (
        (state["config"]["model"], "widths"),
        (state["config"]["corpora"][0], "widths"),
        (state["config"]["training"], "accumulation"),
    ):
        del settings[name]
    path.write_text(json.dumps(state))
    assert run_configured(tiny, tmp_path / "run", True, model=Model(6), corpora=(Model(1),)).steps == 5
    with pytest.raises(InputError, match=r"was started with model\.widths = \[1, 2\], now it is \[3\]"):
        run_configured(tiny, tmp_path / "run", True, model=Model(6, (3,)), corpora=(Model(1),))
    state["config"]["model"]["depth"] = 3
    path.write_text(json.dumps(state))
    with pytest.raises(InputError, match=r"run/state: model\.depth = 3 is not a setting"):
        run_configured(tiny, tmp_path / "run", True, model=Model(6), corpora=(Model(1),))


def test_changed_data_are_refused(tiny, tmp_path):
    tiny.run(tmp_path / "run", epochs=2)
    with pytest.raises(InputError, match="was started with 4 batches in epoch 1, now there are 3"):
        tiny.run(tmp_path / "run", resume=True, epochs=2, batches=tiny.TinyBatches(lengths=(5, 3)))


def test_other_data_of_the_same_length_are_refused(tiny, tmp_path):
    """States of older versions have no fingerprints, and go on."""
    run, before = tmp_path / "run", {"training documents": "a", "labels": "b"}
    first = run_configured(tiny, run, fingerprints=before, model=Model(6))
    assert run_configured(tiny, run, True, before, model=Model(6)) == first
    now = before | {"training documents": "c"}
    with pytest.raises(InputError, match="run: was started with other training documents than now; set them back or"):
        run_configured(tiny, run, True, now, model=Model(6))
    (path,) = run.glob("state/*/state.json")
    state = json.loads(path.read_text())
    del state["fingerprints"]
    path.write_text(json.dumps(state))
    assert run_configured(tiny, run, True, now, model=Model(6)) == first


def test_another_model_is_refused(tiny, tmp_path):
    tiny.run(tmp_path / "run", epochs=1)
    model = tiny.TinyModel()
    model.head = tiny.nn.Linear(16, 3)
    with pytest.raises(InputError, match=r"parameter head\.weight does not fit"):
        tiny.run(tmp_path / "run", resume=True, epochs=1, model=model)


def test_a_damaged_state_is_named(tiny, tmp_path):
    tiny.run(tmp_path / "run", epochs=1)
    (path,) = tmp_path.glob("run/state/*/model.safetensors")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=r"model\.safetensors: cannot be read"):
        tiny.run(tmp_path / "run", resume=True, epochs=1)
