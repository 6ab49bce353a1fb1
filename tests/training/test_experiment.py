import json
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from joint_ie.corpora import load_corpus, write_jsonl
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation import end_to_end, gold_entities, gold_mentions
from joint_ie.models.checkpoint import collator_for, load_checkpoint, new_model
from joint_ie.models.prediction import Predictor
from joint_ie.models.relabelling import relabelled_model
from joint_ie.schema import Schema
from joint_ie.settings import load_yaml
from joint_ie.training.configuration import Experiment
from joint_ie.training.data import TrainingCorpus
from joint_ie.training.experiment import run_experiment
from joint_ie.training.validation import validate

WORLD = str(Path(__file__).with_name("world.py"))
world = runpy.run_path(WORLD)
records, contents = world["records"], world["contents"]


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    return world["write_world"](tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def run(config, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    run_experiment(experiment(config), folder)
    return folder


def experiment(config: Path, *overrides: str) -> Experiment:
    return Experiment.from_mapping(load_yaml([config], overrides), "config")


def relation_weights(folder: Path) -> dict[str, torch.Tensor]:
    model, _ = load_checkpoint(folder)
    return {name: value for name, value in model.named_parameters() if name.startswith("relation_scorer")}


def test_the_loss_falls_and_something_is_learned(run):
    losses = [record["loss"] for record in records(run, "step")]
    assert sum(losses[-6:]) < 0.4 * sum(losses[:6])
    best = max(record["metrics"]["relations_strict"] for record in records(run, "validation"))
    assert best > 0.1


@pytest.mark.parametrize("detector", ["crf", "semi-markov"])
def test_every_mention_detector_learns(detector, config, tmp_path):
    overrides = (f"model.mentions.detector={detector}", "model.mentions.threshold=0")
    run_experiment(experiment(config, *overrides), tmp_path / "run")
    best = max(record["metrics"]["mentions"] for record in records(tmp_path / "run", "validation"))
    assert best > 0.9
    model, _ = load_checkpoint(tmp_path / "run" / "best")
    assert model.settings.mentions.detector == detector


def test_files_of_a_run(run, config):
    assert sorted(path.name for path in run.iterdir()) == ["best", "last", "log.jsonl", "state"]
    assert {"README.md", "training.yaml", "config.json", "schema.json", "model.safetensors"} <= {
        path.name for path in (run / "best").iterdir()
    }
    stored = yaml.safe_load((run / "best" / "training.yaml").read_text())
    assert Experiment.from_mapping(stored, "training.yaml") == experiment(config)


def test_the_best_checkpoint_has_the_logged_scores(run, config):
    """Thresholds apart, which are set afterwards."""
    model, tokenizer = load_checkpoint(run / "best")
    best = [record for record in records(run, "validation") if record["best"]][-1]["metrics"]
    model.settings = experiment(config).model
    predictor = Predictor(model, collator_for(model, tokenizer))
    dev = load_corpus(experiment(config).data.dev)
    scores = end_to_end(dev, predictor.end_to_end(dev))
    for task in ("mentions", "clusters", "entities", "relations", "relations_strict"):
        assert scores[task].f1 == pytest.approx(best[task], abs=1e-9)
    assert gold_entities(dev, predictor.gold_entities(dev))["relations"].f1 == pytest.approx(best["gold_entities"])


def test_what_is_monitored_may_have_its_mentions_given(config, tmp_path):
    overrides = (
        "validation=[gold-mentions]",
        "training.monitor=gold_mentions_entities",
        "training.epochs=3",
        "tune=false",
    )
    run_experiment(experiment(config, *overrides), tmp_path / "run")
    *_, record = records(tmp_path / "run", "validation")
    model, tokenizer = load_checkpoint(tmp_path / "run" / "last")
    dev = load_corpus(experiment(config).data.dev)
    scores = gold_mentions(dev, Predictor(model, collator_for(model, tokenizer)).gold_mentions(dev))
    tasks = ("clusters", "entities", "relations", "relations_strict")
    assert record["metrics"] == {f"gold_mentions_{task}": pytest.approx(scores[task].f1) for task in tasks}
    assert scores["clusters"].f1 > 0


def test_the_thresholds_of_the_best_checkpoint_are_tuned(run, config):
    tuned, last = (load_checkpoint(run / name)[0].settings for name in ("best", "last"))
    assert last == experiment(config).model
    assert tuned.mentions.threshold != last.mentions.threshold
    assert replace(tuned, mentions=last.mentions, coreference=last.coreference, relations=last.relations) == last


def test_one_seed_one_result(config, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run_experiment(experiment(config, *world["SHORT"], f"training.seed={seed}"), tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert records(tmp_path / "a") == records(tmp_path / "b")
    weights = "last/model.safetensors"
    assert contents(tmp_path / "a")[weights] != contents(tmp_path / "c")[weights]


WHOLE = ["log:99", "steps=log:99"]
CHAINS = ["log:1", "log:4", "log:6", "log:8", "tune", "write", "card", "log:2,log:6,write"]
INSIDE = ["steps=log:3", "steps=log:7", "steps=log:3,log:3,tune"]


@pytest.mark.parametrize(
    ("whole", "chains"),
    [
        (WHOLE, [*CHAINS, *INSIDE]),
        (["crf=log:99"], ["crf=log:3"]),
        (["semi-markov=log:99"], ["semi-markov=log:3,tune"]),
    ],
    ids=["span", "crf", "semi-markov"],
)
def test_killed_runs_resume_to_the_same_bits(whole, chains, tmp_path):
    command = [sys.executable, WORLD, str(tmp_path), *whole, *chains]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    statuses = {words[1]: words[2:] for line in done.stdout.splitlines() if (words := line.split())[0] == "ended"}
    for chain in whole:
        # the second time everything was finished
        assert statuses[chain] == ["0", "0"], done.stderr
        assert len(records(tmp_path / chain)) == 8
    for chain in chains:
        assert statuses[chain] == ["-9"] * (chain.count(",") + 1) + ["0"], chain
        kind, equals, _ = chain.rpartition("=")
        unbroken = tmp_path / f"{kind}{equals}log:99"
        assert records(tmp_path / chain) == records(unbroken), chain
        left, right = contents(tmp_path / chain), contents(unbroken)
        assert left.keys() == right.keys(), chain
        assert [name for name in left if left[name] != right[name]] == [], chain
    # where states are saved changes nothing
    assert len({contents(tmp_path / chain)["last/model.safetensors"] for chain in whole}) == 1


def test_resuming_a_finished_run_changes_nothing(config, tmp_path):
    first = run_experiment(experiment(config, *world["SHORT"]), tmp_path / "run")
    before, log = contents(tmp_path / "run"), records(tmp_path / "run")
    assert run_experiment(experiment(config, *world["SHORT"]), tmp_path / "run", resume=True) == first
    assert contents(tmp_path / "run") == before
    assert records(tmp_path / "run") == log


@pytest.mark.parametrize(("name", "meant"), [("train", "training documents"), ("dev", "validation documents")])
def test_documents_that_were_replaced_are_noticed(name, meant, tmp_path):
    """As many batches as before, so that nothing else tells."""
    config = world["write_world"](tmp_path)
    made = experiment(config, *world["SHORT"], "training.epochs=1", "tune=false")
    run_experiment(made, tmp_path / "run")
    path = config.with_name(f"{name}.jsonl")
    documents = load_corpus(path)
    write_jsonl([world["document"](500), *documents[1:]], path)
    with pytest.raises(InputError, match=f"run: was started with other {meant} than now"):
        run_experiment(made, tmp_path / "run", resume=True)
    write_jsonl(documents, path)
    run_experiment(made, tmp_path / "run", resume=True)


def test_mention_ranking_is_interrupted_tuned_and_given_other_labels(config, tmp_path, monkeypatch):
    ranked = experiment(config, "model.coreference.method=antecedent", "training.epochs=12")
    run_experiment(ranked, tmp_path / "whole")
    validations = iter(range(100))

    def interrupted(*arguments):
        if next(validations) == 5:
            raise KeyboardInterrupt
        return validate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("joint_ie.training.experiment.validate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_experiment(ranked, tmp_path / "run")
    with pytest.raises(InputError, match=r"model\.coreference\.method = 'antecedent', now it is 'pairwise'"):
        run_experiment(experiment(config, "training.epochs=12"), tmp_path / "run", resume=True)
    run_experiment(ranked, tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    losses = [record["losses"]["coreference"] for record in records(tmp_path / "run", "step")]
    assert sum(losses[-6:]) < 0.4 * sum(losses[:6])
    scores = [record["metrics"]["clusters"] for record in records(tmp_path / "run", "validation")]
    assert scores[-1] > 0.3

    best, _ = load_checkpoint(tmp_path / "run" / "best")
    schema = Schema.from_names(["LOC", "SHIP"], ["P1"])
    other, _ = relabelled_model(best.settings, schema, tmp_path / "run" / "best")
    for name, tensor in best.coreference_scorer.state_dict().items():
        assert torch.equal(other.coreference_scorer.state_dict()[name], tensor), name


def test_without_relation_annotation_the_relation_head_stays(config, tmp_path):
    for name, corpus in (("unannotated", None), ("put aside", {"relations": False})):
        source = {"corpus": str(config.with_name("train.jsonl")), **(corpus or {})}
        if corpus is None:
            documents = [replace(d, relations=None) for d in load_corpus(source["corpus"])]
            source["corpus"] = str(tmp_path / "bare.jsonl")
            write_jsonl(documents, source["corpus"])
        made = experiment(config, *world["SHORT"], "tune=false", f"data.train=[{json.dumps(source)}]")
        run_experiment(made, tmp_path / name)
        torch.manual_seed(made.training.seed)
        model, _ = new_model(made.model, world["SCHEMA"])
        trained = relation_weights(tmp_path / name / "last")
        for weight, value in model.named_parameters():
            if weight in trained:
                assert torch.equal(value, trained[weight]), weight
        assert {record["losses"]["relations"] for record in records(tmp_path / name, "step")} == {0.0}
    assert (
        contents(tmp_path / "unannotated")["last/model.safetensors"]
        == (contents(tmp_path / "put aside")["last/model.safetensors"])
    )


def test_markers_and_relations_alone(config, tmp_path):
    weights = {"mentions": 0, "coreference": 0, "entity_types": 0, "relations": 1}
    made = experiment(
        config,
        *world["SHORT"],
        "model.relations.input=markers",
        f"model.task_weights={json.dumps(weights)}",
        "validation=[gold-entities]",
        "training.monitor=gold_entities",
        "tune=false",
    )
    result = run_experiment(made, tmp_path / "run")
    assert result.best_score is not None
    assert {tuple(record["losses"]) for record in records(tmp_path / "run", "step")} == {("relations",)}
    assert {tuple(record["metrics"]) for record in records(tmp_path / "run", "validation")} == {("gold_entities",)}


def test_limits_and_shares(config, tmp_path):
    train = config.with_name("train.jsonl")
    source = [{"corpus": str(train), "limit": 4}, {"corpus": str(train), "share": 0.5}]
    made = experiment(config, *world["SHORT"], "training.epochs=6", f"data.train={json.dumps(source)}", "tune=false")
    result = run_experiment(made, tmp_path / "run")
    assert 6 < result.steps < 6 * 4
    with pytest.raises(InputError, match=r"share = 1\.5 should be above 0"):
        TrainingCorpus("x", share=1.5)


def test_documents_without_entities_are_left_out_aloud(config, tmp_path, caplog):
    path = tmp_path / "some.jsonl"
    write_jsonl([*load_corpus(config.with_name("train.jsonl")), Document.from_words("bare", [["a", "b"]])], path)
    run_experiment(
        experiment(config, *world["SHORT"], f"data.train=[{{corpus: {path}}}]", "tune=false"), tmp_path / "run"
    )
    assert f"{path}: 1 documents without entities are left out" in caplog.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.monitor=gold_entitie"], r"'gold_entitie' is not measured \(did you mean \"gold_entities\"\?\)"),
        (["validation=[end-to-end]", "training.monitor=gold_entities"], r"is not measured.*gives mentions, clusters"),
        (["validation=[]"], "gives nothing"),
        (["validation=[gold-mentions]"], "gives gold_mentions_clusters, "),
        (["validation=[gold-entites]"], r"validation\[0\] = 'gold-entites'.*did you mean \"gold-entities\""),
        (["model.relations.los=atlop"], r"model\.relations\.los = 'atlop' is not a setting \(did you mean \"loss\""),
        (["data.dve=x"], r"data\.dve = 'x' is not a setting \(did you mean \"dev\""),
        (["data.train=[]"], "data: train is empty; name at least one corpus"),
        (["data.dev_limit=0"], r"data: dev_limit = 0 should be at least 1"),
        (["data.train=[{corpus: x, limit: -1}]"], r"data\.train\[0\]: limit = -1 should be at least 1"),
        (["training.epochs=0"], r"training: epochs = 0 should be at least 1"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_read(config, overrides, message):
    with pytest.raises(InputError, match=message):
        experiment(config, *overrides)


def damaged(path: Path, change) -> str:
    documents = [document.to_dict() for document in load_corpus(path)]
    change(documents)
    target = path.with_name("damaged.jsonl")
    target.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    return str(target)


def test_wrong_data_are_named_before_training(config, tmp_path):
    def refused(match: str, *overrides: str) -> None:
        with pytest.raises(InputError, match=match):
            run_experiment(experiment(config, *overrides), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    dev, train = config.with_name("dev.jsonl"), config.with_name("train.jsonl")
    path = damaged(train, lambda documents: documents[2]["entities"][0].update(type="PRE"))
    refused(rf"{path}: document 'doc-2': entities\[0\]\.type: .*'PRE' is not in the schema", f"data.dev={path}")
    path = damaged(train, lambda documents: documents[2]["relations"][1].update(type="P21"))
    refused(r"document 'doc-2': relations\[1\]\.type: .*'P21'", f"data.train=[{{corpus: {path}}}]")
    path = damaged(dev, lambda documents: documents.append(documents[0]))
    refused("'doc-100' is listed twice", f"data.dev={path}")
    refused("redocred/trian.*did you mean", "data.train=[{corpus: redocred/trian}]")
    refused("no such file", f"data.schema={tmp_path / 'gone.json'}")
    refused("neither a model folder nor a model that the hub gives", f"model.encoder.name={tmp_path / 'gone'}")
    refused(r"layers = 9, but the encoder has 2", "model.encoder.layers=9")


def test_training_on_nothing_is_refused(config, tmp_path):
    path = tmp_path / "bare.jsonl"
    write_jsonl([Document.from_words("bare", [["a", "b"]])], path)
    with pytest.raises(InputError, match="epoch 0 has no batches; give training documents"):
        run_experiment(experiment(config, f"data.train=[{{corpus: {path}}}]"), tmp_path / "run")


def test_training_goes_on_from_a_checkpoint(config, run, tmp_path):
    """The first loss is where the other run ended, not where it began; thresholds are those of the configuration."""
    run_experiment(
        experiment(config, f"start={run / 'last'}", "training.epochs=1", "joining.share=0.5"), tmp_path / "on"
    )
    before, after = records(run, "step"), records(tmp_path / "on", "step")
    assert after[0]["loss"] < 0.5 * before[0]["loss"]
    with pytest.raises(InputError, match=r"last: has other parts than the model settings describe \(.*relation_scorer"):
        other = experiment(config, f"start={run / 'last'}", "model.relations.representation=multi-instance")
        run_experiment(other, tmp_path / "other")
    with pytest.raises(InputError, match="nowhere: no such folder"):
        run_experiment(experiment(config, "start=./nowhere"), tmp_path / "none")
    schema = tmp_path / "schema.json"
    labels = json.loads((config.parent / "schema.json").read_text())
    labels["relation_types"].append({**labels["relation_types"][0], "id": "P21"})
    schema.write_text(json.dumps(labels))
    with pytest.raises(InputError, match="knows other labels"):
        run_experiment(experiment(config, f"start={run / 'last'}", f"data.schema={schema}"), tmp_path / "labels")
