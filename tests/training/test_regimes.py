import json
import logging
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from joint_ie.cli.main import main
from joint_ie.corpora import docred_schema, load_corpus, training_facts, write_jsonl
from joint_ie.corpora.label_regimes import hide_relations
from joint_ie.errors import InputError
from joint_ie.schema import Schema
from joint_ie.settings import load_yaml
from joint_ie.training.configuration import Experiment
from joint_ie.training.data import (
    DataSettings,
    TrainingCorpus,
    dev_documents,
    known_facts,
    schema_for,
    training_documents,
)
from joint_ie.training.experiment import run_experiment

CONFIGS = Path(__file__).parents[2] / "configs"
world = runpy.run_path(str(Path(__file__).with_name("world.py")))
SCHEMA, records = world["SCHEMA"], world["records"]


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    path = world["write_world"](tmp_path_factory.mktemp("world"))
    # document 3 is a training document too
    write_jsonl([world["document"](i) for i in (300, 301, 302, 3)], path.with_name("test.jsonl"))
    return path


def experiment(config: Path, *overrides: str) -> Experiment:
    return Experiment.from_mapping(load_yaml([config], [*world["SHORT"], *overrides]), "config")


def test_hidden_labels(config) -> None:
    path = config.with_name("train.jsonl")
    whole = load_corpus(path)
    documents, shares = training_documents([TrainingCorpus(str(path), hide=0.5, share=0.25)], SCHEMA)
    assert documents == [hide_relations(document, 0.5, 1) for document in whole]
    assert shares == [0.25] * len(whole)
    assert documents[0].relations is None
    others, _ = training_documents([TrainingCorpus(str(path), hide=0.5, hide_seed=2)], SCHEMA)
    kept, total = (sum(len(d.relations or ()) for d in listed) for listed in (documents, whole))
    assert total == 44 and 8 <= kept <= 36
    assert others != documents


def test_a_pair_that_loses_all_its_relations_is_a_pair_without(config, tmp_path) -> None:
    """Hiding every label trains as documents do in which nothing was found."""
    train = config.with_name("train.jsonl")
    write_jsonl([replace(d, relations=()) for d in load_corpus(train) if d.relations], tmp_path / "empty.jsonl")
    write_jsonl([d for d in load_corpus(train) if d.relations], tmp_path / "full.jsonl")
    for name, source in (("hidden", {"corpus": "full.jsonl", "hide": 1.0}), ("empty", {"corpus": "empty.jsonl"})):
        source["corpus"] = str(tmp_path / source["corpus"])
        run_experiment(experiment(config, f"data.train=[{json.dumps(source)}]", "tune=false"), tmp_path / name)
    hidden, empty = ((tmp_path / name / "last" / "model.safetensors").read_bytes() for name in ("hidden", "empty"))
    assert hidden == empty
    assert all(record["losses"]["relations"] > 0 for record in records(tmp_path / "hidden", "step"))


def test_only_known_facts(config, tmp_path) -> None:
    train = config.with_name("train.jsonl")
    facts = sorted(training_facts(load_corpus(train)))
    (tmp_path / "some.fact").write_text(json.dumps(facts[::2]))
    source = TrainingCorpus(str(train), facts=str(tmp_path / "some.fact"))
    documents, _ = training_documents([source], SCHEMA)
    assert training_facts(documents) == frozenset(facts[::2])
    assert documents[0].relations is None


def test_facts_below_the_data_folder(config, tmp_path, monkeypatch) -> None:
    (tmp_path / "docred").mkdir()
    (tmp_path / "docred" / "some.fact").write_text("[]")
    monkeypatch.setenv("JOINT_IE_DATA", str(tmp_path))
    train = str(config.with_name("train.jsonl"))
    documents, _ = training_documents([TrainingCorpus(train, facts="docred/some.fact")], SCHEMA)
    assert {document.relations for document in documents} == {None, ()}
    with pytest.raises(InputError, match=r"other\.fact: no such file"):
        training_documents([TrainingCorpus(train, facts="other.fact")], SCHEMA)


def test_dev_documents_of_another_corpus(config, tmp_path) -> None:
    dev = str(config.with_name("dev.jsonl"))
    whole = load_corpus(dev)
    within = tmp_path / "within.jsonl"
    write_jsonl([replace(document, relations=()) for document in (whole[3], whole[1])], within)
    data = DataSettings((TrainingCorpus("x"),), dev, dev_within=str(within))
    assert dev_documents(data, SCHEMA) == [whole[1], whole[3]]  # with dev's own labels
    assert dev_documents(data, SCHEMA, limit=1) == [whole[1]]
    assert dev_documents(replace(data, dev_within=None), SCHEMA, limit=3) == whole[:3]
    with pytest.raises(InputError, match=r"dev\.jsonl: no document is in .*train\.jsonl, by id"):
        dev_documents(replace(data, dev_within=str(config.with_name("train.jsonl"))), SCHEMA)


def test_the_test_corpus_is_scored_at_the_end(config, tmp_path, caplog) -> None:
    test, train, run = config.with_name("test.jsonl"), config.with_name("train.jsonl"), tmp_path / "run"
    source = f"data.train=[{{corpus: {train}, hide: 0.4}}]"
    made = experiment(config, f"data.test={test}", source, "training.epochs=4")
    with caplog.at_level(logging.INFO, logger="joint_ie"):
        run_experiment(made, run)
    scores = json.loads((run / "test.json").read_text())
    assert scores.pop("corpus") == str(test)
    assert f"{test}: 1 of its 4 texts are in the training or dev documents, too" in caplog.text
    for mode, options in (("end-to-end", []), ("gold-entities", ["--training-facts", str(train)])):
        out = tmp_path / f"{mode}.json"
        command = ["-q", "evaluate", str(run / "best"), str(test), "--mode", mode, *options, "--json", str(out)]
        assert main(command) == 0
        assert json.loads(out.read_text()) == scores[mode]
    (record,) = records(run, "test")
    assert records(run)[-1] == record
    assert record["metrics"]["gold-entities: relations"] == scores["gold-entities"]["relations"]["f1"]
    assert record["metrics"]["gold-entities: relations_ign"] == scores["gold-entities"]["relations_ign"]["f1"]
    assert record["metrics"]["end-to-end: mentions"] == scores["end-to-end"]["mentions"]["f1"]
    # once: a resumed run keeps what was measured, and its log says the same
    before, log = (run / "test.json").read_bytes(), records(run)
    run_experiment(made, run, resume=True)
    assert (run / "test.json").read_bytes() == before
    assert records(run) == log


def test_dev_documents_that_are_learned_from_are_counted_once(config, tmp_path, caplog) -> None:
    """Nothing is said where they choose nothing, as in `joint-ie adapt`."""
    train, dev = config.with_name("train.jsonl"), tmp_path / "dev.jsonl"
    write_jsonl([*load_corpus(train)[:3], world["document"](400)], dev)
    run_experiment(experiment(config, f"data.dev={dev}", "tune=false"), tmp_path / "run")
    assert caplog.text.count("are trained on") == 1
    assert f"{dev}: 3 of its 4 documents are trained on, so that scores on it" in caplog.text
    caplog.clear()
    once = ("training.validate_from=10", "tune=false")
    run_experiment(experiment(config, f"data.dev={dev}", *once), tmp_path / "once")
    run_experiment(experiment(config, "tune=false"), tmp_path / "apart")
    assert "are trained on" not in caplog.text


def test_ign_facts_do_not_depend_on_what_is_hidden(config) -> None:
    train = str(config.with_name("train.jsonl"))
    found = [known_facts(DataSettings((TrainingCorpus(train, hide=hide),), "x"), SCHEMA) for hide in (0.0, 0.7)]
    assert found[0] == found[1] == training_facts(load_corpus(train))
    assert not known_facts(DataSettings((TrainingCorpus(train, relations=False),), "x"), SCHEMA)


def test_a_wrong_test_corpus_is_named_before_training(config, tmp_path) -> None:
    twice = tmp_path / "twice.jsonl"
    write_jsonl([world["document"](1), world["document"](1)], twice)
    for path, message in ((twice, "'doc-1' is listed twice"), (tmp_path / "gone.jsonl", "no such file")):
        with pytest.raises(InputError, match=message):
            run_experiment(experiment(config, f"data.test={path}"), tmp_path / "run")
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{corpus: x, hide: 1.5}", r"data\.train\[0\]: hide = 1\.5 should be at least 0 and at most 1"),
        ("{corpus: x, hide: 0.5, relations: false}", r"hide and facts have no effect with relations = false"),
        ("{corpus: x, facts: y, relations: false}", r"hide and facts have no effect with relations = false"),
    ],
)
def test_wrong_settings_are_refused(config, source, message) -> None:
    with pytest.raises(InputError, match=message):
        experiment(config, f"data.train=[{source}]")


def test_every_data_file_replaces_all_of_another() -> None:
    files = sorted((CONFIGS / "data").glob("*.yaml"))
    assert {frozenset(load_yaml([file])["data"]) for file in files} == {
        frozenset({"train", "dev", "dev_within", "test"})
    }


def test_the_published_regimes() -> None:
    """Sources of training, dev and test labels (PEMSCL, section 4.2)."""
    labels = {"docred/train": "O", "docred/dev": "O", "redocred/train": "G", "redocred/dev": "G", "redocred/test": "G"}
    for name in ("oog", "ogg"):
        data = Experiment.from_mapping(load_yaml([CONFIGS / "data" / f"{name}.yaml"]), name).data
        assert "".join(labels[part] for part in (data.train[0].corpus, data.dev, data.test)).lower() == name


def test_the_regime_that_the_facts_make(shared, monkeypatch) -> None:
    monkeypatch.setenv("JOINT_IE_DATA", str(shared / "data"))
    data = Experiment.from_mapping(load_yaml([CONFIGS / "data" / "ogg-by-facts.yaml"]), "ogg-by-facts").data
    # the first 60 of 992 documents
    few = [replace(source, limit=60) for source in data.train]
    kept, whole = (
        sum(len(document.relations) for document in training_documents(sources, schema_for(data))[0])
        for sources in (few, [replace(source, facts=None) for source in few])
    )
    assert 0.3 < kept / whole < 0.65


@pytest.mark.parametrize("first", ["train", "dev"])
def test_own_labels_without_a_schema_are_told_how_to_get_one(config, tmp_path, first) -> None:
    """Where a schema was named, the model's labels are meant."""
    files = {name: tmp_path / f"{name}.jsonl" for name in ("train", "dev")}
    for name, path in files.items():
        document = world["document"](1)
        entities = [replace(entity, type="GOODS") for entity in document.entities]
        known = replace(document, relations=())  # persons and places are labels of DocRED
        write_jsonl([document.with_annotations(entities, []) if name == first else known], path)
    options = (f"data.train=[{{corpus: {files['train']}}}]", f"data.dev={files['dev']}")
    asked = rf"joint-ie data schema {files['train']} {files['dev']} -o schema\.json"
    message = (
        rf"{first}\.jsonl: document 'doc-1': .*'GOODS' is not .* DocRED's, because data\.schema is not given: .*{asked}"
    )
    with pytest.raises(InputError, match=message):
        run_experiment(experiment(config, *options, "data.schema=null"), tmp_path / "run")
    with pytest.raises(InputError, match=r"it knows PER, LOC$"):
        run_experiment(experiment(config, *options), tmp_path / "run")
    own = tmp_path / "schema.json"
    assert main(["data", "schema", *map(str, files.values()), "-o", str(own)]) == 0
    assert schema_for(experiment(config, *options, f"data.schema={own}").data).entity_index.keys() >= {"GOODS", "PER"}


def test_labels_are_those_of_the_corpus_unless_named(tmp_path) -> None:
    def data(corpus: str, schema: str | None = None) -> DataSettings:
        return DataSettings((TrainingCorpus(corpus),), "x", schema=schema)

    assert list(schema_for(data("cdr/train")).relation_index) == ["CID"]
    assert schema_for(data("mine.json")) == schema_for(data("redocred/train")) == docred_schema()
    assert schema_for(data("mine.json", "biored/dev")) == schema_for(data("biored/train")) != docred_schema()
    own = Schema.from_names(["A"], ["r"])
    own.save(tmp_path / "schema.json")
    assert schema_for(data("cdr/train", str(tmp_path / "schema.json"))) == own
    with pytest.raises(InputError, match="'hacred/train' has no labels of its own"):
        schema_for(data("mine.json", "hacred/train"))
