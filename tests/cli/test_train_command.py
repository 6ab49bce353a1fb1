"""`joint-ie train`, `tune` and `pack`, as they are typed."""

import json
import re
import runpy
from pathlib import Path

import pytest

from joint_ie.cli.main import main
from joint_ie.models.checkpoint import load_checkpoint

world = runpy.run_path(str(Path(__file__).parents[1] / "training" / "world.py"))
SHORT = world["SHORT"]


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    return world["write_world"](tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def run(config) -> Path:
    folder = config.with_name("run")
    assert main(["-q", "train", str(config), *SHORT, "tune=false", "-o", str(folder)]) == 0
    return folder


def refused(capsys, *words: str) -> str:
    """The one line on standard error."""
    assert main(["-q", *map(str, words)]) == 1
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("joint-ie: ") and error.count("\n") == 1, error
    return error


def test_training_says_where_the_model_is(config, tmp_path, capsys):
    second = tmp_path / "more.yaml"
    second.write_text("training: {epochs: 9, seed: 4}\ntune: false\n")
    words = ["-q", "train", str(config), str(second), *SHORT, "--output", str(tmp_path / "run")]
    assert main(words) == 0
    output = capsys.readouterr().out
    assert re.search(r"best relations_strict \d+\.\d\d after [12] epochs\n", output)
    assert f"checkpoint: {tmp_path / 'run' / 'best'}" in output
    stored = (tmp_path / "run" / "best" / "training.yaml").read_text()
    # later files win, and overrides win over files
    assert "seed: 4\n" in stored and "epochs: 2\n" in stored
    assert main([*words, "--resume"]) == 0
    assert capsys.readouterr().out == output


def test_an_existing_run_is_not_overwritten(run, config, tmp_path, capsys):
    assert "already holds a run" in refused(capsys, "train", config, "-o", run)
    assert "training.seed = 1, now it is 5" in refused(
        capsys, "train", config, *SHORT, "tune=false", "training.seed=5", "-o", run, "--resume"
    )
    assert "no such run folder to resume" in refused(capsys, "train", config, "-o", tmp_path / "gone", "--resume")
    assert "is a file; name a folder" in refused(capsys, "train", config, "-o", config)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.yaml"], r"gone\.yaml: cannot be read \(No such file"),
        (["CONFIG", "training.epoch=3"], r"training\.epoch = 3 is not a setting \(did you mean \"epochs\"\?\)"),
        (["CONFIG", "training.epoch=3"], r"joint-ie: command line: training"),
        (["CONFIG", "data.train=a.jsonl"], r"data\.train = 'a\.jsonl' should be a list such as \[{corpus: a\.jsonl}\]"),
        (
            ["CONFIG", "data.train=[a.jsonl]"],
            r"data\.train\[0\] = 'a\.jsonl' should be a mapping of settings such as {corpus: a\.jsonl}",
        ),
        (["CONFIG", "training.epochs=many"], r"training\.epochs = 'many' should be a whole number"),
        (
            ["CONFIG", "model.relations.loss=adaptive"],
            r"model\.relations: loss = 'adaptive' is not a loss.*did you mean.*allowed:",
        ),
        (["CONFIG", "model.relations.block_size=7"], r"model\.relations: embedding_size = 32 should be a multiple"),
        (["CONFIG", "data.dev=redocred/deev"], r"redocred/deev.*did you mean \"redocred/dev\""),
        (["CONFIG", "data.dev=gone.json"], r"gone\.json: no such file"),
        (["CONFIG", "model.encoder.name=no_such_package:model"], r"package no_such_package is not installed; pip"),
        (["training.epochs=3"], r"config: data is missing; set it"),
    ],
)
def test_wrong_configurations_are_one_sentence(config, tmp_path, capsys, words, message):
    words = [str(config) if word == "CONFIG" else word for word in words]
    assert re.search(message, refused(capsys, "train", *words, "-o", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_windows_that_cannot_be(config, tmp_path, capsys):
    assert "overlap of 500" in refused(capsys, "train", config, "model.encoder.overlap=500", "-o", tmp_path / "run")


def test_a_registered_corpus_that_is_not_there(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("JOINT_IE_DATA", str(tmp_path))
    message = refused(capsys, "train", config, "data.dev=redocred/dev", "-o", tmp_path / "run")
    assert "redocred/dev" in message and "JOINT_IE_DATA" in message


def test_broken_yaml(tmp_path, capsys):
    path = tmp_path / "broken.yaml"
    path.write_text("training:\n  epochs: [3\nmodel: {}\n")
    assert re.search(r"broken\.yaml line \d+: is not valid YAML", refused(capsys, "train", path, "-o", tmp_path / "r"))


def test_tune_and_pack(run, config, tmp_path, capsys):
    dev = str(config.with_name("dev.jsonl"))
    before = load_checkpoint(run / "last")[0].settings
    assert main(["tune", str(run / "last"), dev, "--threads", "1"]) == 0
    output = capsys.readouterr().out
    after = load_checkpoint(run / "last")[0].settings
    assert after.mentions.threshold != before.mentions.threshold
    assert f"{after.mentions.threshold:.3f}" in output and f"{after.relations.gold_shift:+.3f}" in output
    assert main(["evaluate", str(run / "last"), dev, "--json", str(tmp_path / "end.json")]) == 0
    scores = json.loads((tmp_path / "end.json").read_text())
    assert re.search(rf"mentions .* F1 {100 * scores['mentions']['f1']:.2f}\n", output)

    capsys.readouterr()
    assert main(["pack", str(run / "last"), str(tmp_path / "small"), "--scores", str(tmp_path / "end.json")]) == 0
    assert re.fullmatch(rf"{tmp_path / 'small'}: \d+\.\d MB\n", capsys.readouterr().out)
    assert load_checkpoint(tmp_path / "small")[0].settings == after
    assert f"{100 * scores['mentions']['f1']:.2f}" in (tmp_path / "small" / "README.md").read_text()
    assert "exists already" in refused(capsys, "pack", run / "last", tmp_path / "small")


def test_tune_and_pack_name_what_is_missing(config, tmp_path, capsys):
    dev = config.with_name("dev.jsonl")
    assert "has no config.json; name a folder" in refused(capsys, "tune", tmp_path / "gone", dev)
    assert "has no config.json; name a folder" in refused(capsys, "pack", tmp_path, tmp_path / "small")
    assert "not a joint-ie model" in refused(capsys, "tune", config.with_name("encoder"), dev)
    assert "no such file" in refused(capsys, "tune", tmp_path, tmp_path / "gone.jsonl")
