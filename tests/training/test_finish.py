import json
import runpy
from pathlib import Path

import pytest
import yaml

from joint_ie.corpora import load_corpus
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation import end_to_end, gold_entities
from joint_ie.extraction import load
from joint_ie.models.checkpoint import collator_for, load_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor
from joint_ie.settings import load_yaml
from joint_ie.training.configuration import Experiment
from joint_ie.training.experiment import run_experiment
from joint_ie.training.finish import add_card, pack_checkpoint, tune_checkpoint

world = runpy.run_path(str(Path(__file__).with_name("world.py")))
SCORES = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "true_positives": 1, "predicted": 2, "gold": 4}


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    return world["write_world"](tmp_path_factory.mktemp("world"), hidden=64)


@pytest.fixture(scope="module")
def checkpoint(config) -> Path:
    learning = ["batches.documents=1", "training.epochs=20", "training.encoder_learning_rate=2e-3"]
    overrides = ["tune=false", *learning]
    run_experiment(Experiment.from_mapping(load_yaml([config], overrides), "config"), config.parent / "run")
    return config.parent / "run" / "best"


@pytest.fixture
def copy(checkpoint, tmp_path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in checkpoint.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="module")
def dev(config) -> list[Document]:
    return load_corpus(config.with_name("dev.jsonl"))


def predictor(folder: Path) -> Predictor:
    model, tokenizer = load_checkpoint(folder)
    return Predictor(model, collator_for(model, tokenizer))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_tuned_thresholds_are_in_the_config_and_keep_their_promise(copy, dev):
    before = contents(copy)
    tuned = tune_checkpoint(copy, dev)
    after = contents(copy)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == ["config.json"]
    old, new = json.loads(before["config.json"]), json.loads(after["config.json"])
    assert {key for key in old | new if old.get(key) != new.get(key)} == {"model"}
    model = load(copy)  # in the precision that thresholds are tuned with
    assert model.model.settings == tuned.settings
    scores = end_to_end(dev, model.pipe(dev))
    assert (scores["mentions"].f1, scores["clusters"].f1) == pytest.approx((tuned.mentions, tuned.clusters))
    assert scores["relations_strict"].f1 == pytest.approx(tuned.relations_strict)
    facts = gold_entities(dev, model.gold_entities(dev))["relations"]
    assert facts.f1 == pytest.approx(tuned.gold_entities)
    assert min(tuned.relations_strict, tuned.gold_entities) > 0.1, "the toy should have learned something"
    tune_checkpoint(copy, dev)
    assert contents(copy) == after


def test_thresholds_of_every_relation(copy, dev):
    config = json.loads((copy / "config.json").read_text())
    config["model"]["relations"]["thresholds"] = "per-class"
    (copy / "config.json").write_text(json.dumps(config))
    tuned = tune_checkpoint(copy, dev)
    model = load(copy)
    assert model.model.settings == tuned.settings
    assert len(tuned.settings.relations.gold_shift) == len(model.model.schema.relation_types)
    assert end_to_end(dev, model.pipe(dev))["relations_strict"].f1 == pytest.approx(tuned.relations_strict)
    assert gold_entities(dev, model.gold_entities(dev))["relations"].f1 == pytest.approx(tuned.gold_entities)


def test_packed_is_a_quarter_and_says_nearly_the_same(checkpoint, dev, tmp_path):
    packed = tmp_path / "new" / "packed"
    pack_checkpoint(checkpoint, packed)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (packed, checkpoint)]
    assert 0.2 < sizes[0] / sizes[1] < 0.35
    assert {path.name for path in packed.iterdir()} == {path.name for path in checkpoint.iterdir()}
    whole, small = predictor(checkpoint), predictor(packed)
    assert small.model.settings == whole.model.settings
    scores = end_to_end(whole.end_to_end(dev), small.end_to_end(dev))
    assert scores["entities"].f1 > 0.9
    left, right = (
        {(d.id, r.head, r.tail, r.type): r.score for d in model.gold_entities(dev) for r in d.relations}
        for model in (whole, small)
    )
    assert len(left.keys() & right.keys()) > 0.8 * len(left.keys() | right.keys()) > 0
    for fact in left.keys() & right.keys():
        assert left[fact] == pytest.approx(right[fact], abs=0.1)


def test_a_packed_checkpoint_can_be_tuned(checkpoint, dev, tmp_path):
    pack_checkpoint(checkpoint, tmp_path / "packed")
    weights = (tmp_path / "packed" / "model.safetensors").read_bytes()
    tuned = tune_checkpoint(tmp_path / "packed", dev)
    assert predictor(tmp_path / "packed").model.settings == tuned.settings
    assert (tmp_path / "packed" / "model.safetensors").read_bytes() == weights


def test_packed_weights_are_not_loaded_as_they_are(checkpoint: Path, tmp_path: Path) -> None:
    pack_checkpoint(checkpoint, tmp_path / "packed")
    with pytest.raises(InputError, match="packed weights"):
        JointModel.from_pretrained(tmp_path / "packed")
    loaded, _ = load_checkpoint(tmp_path / "packed")
    loaded.save_pretrained(tmp_path / "whole")
    for folder in (tmp_path / "whole", checkpoint):
        assert not JointModel.from_pretrained(folder).config.packed


def test_the_card_names_data_base_licence_and_scores(checkpoint, tmp_path):
    end, given = tmp_path / "end.json", tmp_path / "given.json"
    end.write_text(json.dumps({"protocol": "jerex", "documents": 5, "relations_strict": SCORES, "per_label": {"P": 1}}))
    given.write_text(json.dumps({"protocol": "docred", "documents": 5, "relations": SCORES, "relations_ign": SCORES}))
    (tmp_path / "notes.md").write_text("## Limits\n\nMany.")
    pack_checkpoint(checkpoint, tmp_path / "packed", [end, given], "apache-2.0", tmp_path / "notes.md")
    card = (tmp_path / "packed" / "README.md").read_text()
    training = yaml.safe_load((checkpoint / "training.yaml").read_text())
    for text in (training["data"]["train"][0]["corpus"], training["data"]["dev"], training["model"]["encoder"]["name"]):
        assert text in card
    for text in (
        "license: apache-2.0",
        "| 50.00 | 25.00 | 33.33 |",
        "strict",
        "Ign",
        "`PER`",
        "20 epochs, seed 1",
        "Many.",
    ):
        assert text in card
    stored = json.loads((tmp_path / "packed" / "scores.json").read_text())
    assert stored["docred"]["relations"] == SCORES
    assert "per_label" not in stored["jerex"]
    mentions = tmp_path / "mentions.json"
    mentions.write_text(json.dumps({"protocol": "jerex", "mode": "gold-mentions", "documents": 5, "entities": SCORES}))
    pack_checkpoint(checkpoint, tmp_path / "both", [end, mentions])
    stored = json.loads((tmp_path / "both" / "scores.json").read_text())
    assert set(stored) == {"jerex", "jerex (gold mentions)"}
    assert "| jerex (gold mentions) | entities" in (tmp_path / "both" / "README.md").read_text()


def test_packing_is_refused_before_anything_is_written(checkpoint, copy, tmp_path):
    def refused(match: str, folder: Path, output: Path, scores: tuple[Path, ...] = ()) -> None:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputError, match=match):
            pack_checkpoint(folder, output, scores)
        assert sorted(tmp_path.rglob("*")) == before

    other = tmp_path / "other.json"
    other.write_text("[1]")
    refused("copy: exists already; name a new folder", checkpoint, copy)
    refused(r"other\.json: holds no scores; .*evaluate --json", checkpoint, tmp_path / "p", (other,))
    refused("no such file", checkpoint, tmp_path / "p", (tmp_path / "gone.json",))
    refused("cannot be made", checkpoint, other / "packed")
    refused(r"has no config\.json; name a folder that `joint-ie train` wrote", tmp_path, tmp_path / "p")
    (copy / "model.safetensors").write_bytes(b"0" * 20)
    refused(r"model\.safetensors: does not hold this model's weights", copy, tmp_path / "p")


def test_a_card_can_be_written_again(copy):
    before = (copy / "README.md").read_text()
    add_card(copy)
    assert (copy / "README.md").read_text() == before
