"""REBEL through the commands, on a little world that it learns in seconds."""

import json
import logging
import re
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import joint_ie
from joint_ie.cli.main import main
from joint_ie.corpora import load_corpus
from joint_ie.errors import InputError
from joint_ie.evaluation import end_to_end, gold_entities
from joint_ie.models.loading import load_model, predictor_for
from joint_ie.models.pipeline import Pipeline
from joint_ie.models.seq2seq_checkpoint import load_generator
from joint_ie.models.seq2seq_prediction import Seq2SeqPredictor
from joint_ie.schema import Schema
from joint_ie.settings import load_yaml
from joint_ie.training import generation
from joint_ie.training.configuration import Experiment

world = runpy.run_path(str(Path(__file__).with_name("world.py")))


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    """The training documents are the dev documents, too: what is learned by heart can be checked."""
    path = world["write_world"](tmp_path_factory.mktemp("world"))
    settings = yaml.safe_load(path.read_text())
    del settings["model"]
    # the world's words for its relations
    Schema.from_names(["PER", "LOC"], {"P19": "born in", "P20": "died in"}).save(path.with_name("schema.json"))
    settings["data"]["dev"] = settings["data"]["train"][0]["corpus"]
    settings["generation"] = {
        "name": str(path.with_name("encoder")),
        "warm_start": {"decoder_layers": 1},
        "dropout": 0.0,
        "max_target": 80,
        "beams": 1,
        "constrained": True,
    }
    settings["training"] |= {
        "epochs": 70,
        "validate_from": 69,
        "encoder_learning_rate": 2e-3,
        "head_learning_rate": 3e-3,
        "monitor": "gold_entities",
    }
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="module")
def run(config) -> Path:
    folder = config.with_name("run")
    assert main(["-q", "train", str(config), "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def corpus(config) -> list:
    return load_corpus(str(config.with_name("train.jsonl")))


def test_the_toy_documents_are_reproduced(run, corpus):
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert records[-1]["metrics"]["gold_entities"] == 1.0
    extract = joint_ie.load(run / "best")
    predicted = list(extract.gold_entities(corpus))
    assert gold_entities(corpus, predicted)["relations"].f1 == 1.0
    assert [d.entities for d in predicted] == [d.entities for d in corpus]
    found = list(extract.pipe(corpus))
    scores = end_to_end(corpus, found)
    assert scores["relations_strict"].f1 > 0.95 and scores["mentions"].f1 > 0.95
    assert all(0.5 < r.score <= 1 and r.evidence for d in found[1:] for r in d.relations)


def test_an_interrupted_run_ends_with_the_same_weights(config, tmp_path, monkeypatch, caplog):
    test = f"data.test={config.with_name('train.jsonl')}"
    short = [
        "-q",
        "train",
        str(config),
        "training.epochs=3",
        "training.validate_from=1",
        "generation.dropout=0.1",
        test,
    ]
    assert main([*short, "-o", str(tmp_path / "whole")]) == 0
    assert caplog.text.count("of its 12 documents are trained on") == 1
    assert set(json.loads((tmp_path / "whole" / "test.json").read_text())["gold-entities"]) >= {"relations"}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generation, "measure", interrupted)
        assert main([*short, "-o", str(tmp_path / "broken")]) == 130
    assert main([*short, "-o", str(tmp_path / "broken"), "--resume"]) == 0
    whole, broken = ((tmp_path / name / "last" / "model.safetensors").read_bytes() for name in ("whole", "broken"))
    assert whole == broken


def test_checkpoints_are_complete(run):
    names = {path.name for path in (run / "best").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "schema.json", "training.yaml", "README.md"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)
    assert "constrained greedy search" in (run / "best" / "README.md").read_text()
    assert yaml.safe_load((run / "best" / "training.yaml").read_text())["generation"]["max_target"] == 80


def test_commands(run, config, tmp_path, capsys, corpus):
    best, data = str(run / "best"), str(config.with_name("train.jsonl"))
    for mode in ("gold-entities", "end-to-end"):
        scores = tmp_path / f"{mode}.json"
        assert main(["evaluate", best, data, "--mode", mode, "--json", str(scores), "--threads", "1"]) == 0
        assert json.loads(scores.read_text())["relations"]["f1"] > 0.95
    assert main(["predict", best, data, "-o", str(tmp_path / "submission.json")]) == 0
    submission = json.loads((tmp_path / "submission.json").read_text())
    gold = {(d.id, r.head, r.tail, r.type) for d in corpus for r in d.relations or ()}
    assert gold <= {(s["title"], s["h_idx"], s["t_idx"], s["r"]) for s in submission}
    capsys.readouterr()
    assert main(["-q", "extract", corpus[1].text, "--model", best, "--format", "jsonl"]) == 0
    assert [r["type"] for r in json.loads(capsys.readouterr().out)["relations"]] == ["P19", "P20", "P19", "P20"]
    assert main(["info", best]) == 0
    output = capsys.readouterr().out
    assert "encoder-decoder" in output and "(warm-started)" in output and "constrained, 1 beams" in output
    for command in (["tune", best, data], ["pack", best, str(tmp_path / "small")]):
        assert main(["-q", *command]) == 1
        assert "writes facts, which has no thresholds" in capsys.readouterr().err


def test_what_is_left_out_is_reported(run, corpus, caplog):
    caplog.set_level(logging.WARNING)
    extract = joint_ie.load(run / "best")
    assert list(extract.gold_entities(corpus[1:]))
    assert not caplog.records
    fewer = [d.with_annotations(d.entities[:1], None) for d in corpus]
    assert not any(d.relations for d in extract.gold_entities(fewer))
    assert re.search(r"\d+ generated facts have an end that is none of the entities", caplog.text)
    # a document without words or entities never reaches the model
    assert extract.model.training is False
    assert next(extract.gold_entities([corpus[0].with_annotations([], None)])).relations == ()
    assert extract("   ").relations == ()


@pytest.fixture(scope="module")
def joint(config) -> Path:
    """A joint model that has hardly learned anything."""
    path = world["write_world"](config.parent / "joint")
    shutil.copy(config.with_name("schema.json"), path.with_name("schema.json"))
    eager = ["model.relations.shift=5.0", "model.relations.gold_shift=5.0"]
    words = [*eager, "training.epochs=3", "tune=false", "-o", str(path.with_name("run"))]
    assert main(["-q", "train", str(path), *words]) == 0
    return path.with_name("run") / "best"


def test_with_a_joint_model_in_a_pipeline(run, joint, corpus):
    generator, scorer = joint_ie.load(run / "best"), joint_ie.load(joint)
    first = joint_ie.load(run / "best", relations=joint)
    found = [replace(document, relations=None) for document in generator.pipe(corpus)]
    expected = list(scorer.gold_entities(found))  # both shifts are the same
    assert list(first.pipe(corpus)) == expected and any(document.relations for document in expected)
    second = joint_ie.load(joint, relations=run / "best")
    found = [replace(document, relations=None) for document in scorer.pipe(corpus)]
    assert list(second.pipe(corpus)) == list(generator.gold_entities(found))
    given = list(second.gold_mentions(corpus))
    assert any(document.relations for document in given)
    assert [d.entities for d in given] == [d.entities for d in scorer.gold_mentions(corpus)]


def test_what_generating_models_cannot_do_is_one_sentence(run, joint, config, capsys):
    best, data = str(run / "best"), str(config.with_name("train.jsonl"))
    for words, told in (
        ((best, "--mode", "gold-mentions"), "cannot take given mentions; use the mode end-to-end or gold-entities"),
        ((best, "--mode", "gold-mentions", "--relations-from", str(joint)), "cannot take given mentions"),
        ((best, "--relations-from", best), "both models write facts (REBEL)"),
    ):
        assert main(["-q", "evaluate", words[0], data, *words[1:]]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("joint-ie: ") and told in line
    model, tokenizer = load_generator(run / "best")
    untyped = Seq2SeqPredictor(model, tokenizer)
    model.config.generation |= {"typed": False}
    with pytest.raises(InputError, match="does not know the entity types ENTITY of the one that finds entities"):
        Pipeline(untyped, predictor_for(*load_model(joint)))


def test_min_score(run, corpus):
    extract = joint_ie.load(run / "best")
    assert next(extract.pipe(corpus[1:2], min_score=1.0)).relations == ()


def test_plain_beam_search(run, corpus):
    model, tokenizer = load_generator(run / "best")
    model.config.generation |= {"constrained": False, "beams": 3}
    assert model.settings.beams == 3
    predicted = Seq2SeqPredictor(model, tokenizer).gold_entities(corpus)
    assert gold_entities(corpus, predicted)["relations"].f1 > 0.95


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.dropout=0.2"], "generation and model are for different models"),
        (["joining.share=0.5"], "generation and joining are for different models"),
        (["start=default"], "generation and start are for different models"),
        (["generation.beam=2"], r"generation\.beam = 2 is not a setting \(did you mean \"beams\"\?\)"),
        (["validation=[gold-mentions]", "training.monitor=gold_mentions_entities"], "cannot take given mentions"),
        (["generation.max_target=0"], "max_target = 0 should be at least 1"),
    ],
)
def test_wrong_configurations(config, overrides, message):
    with pytest.raises(InputError, match=message):
        Experiment.from_mapping(load_yaml([config], overrides), "config")
