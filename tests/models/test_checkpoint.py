import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from joint_ie.errors import InputError
from joint_ie.models.checkpoint import (
    collator_for,
    load_checkpoint,
    load_tokenizer,
    new_model,
    parameters,
    save_checkpoint,
)
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor
from joint_ie.models.settings import ModelSettings
from joint_ie.settings import from_mapping


@pytest.fixture
def folder(toy, tmp_path: Path) -> Path:
    model = toy.model(encoder={"casing": True}, mentions={"threshold": 0.5})
    torch.nn.init.normal_(model.encoder.casing.weight)
    save_checkpoint(model, toy.tokenizer(), tmp_path)
    return tmp_path


def tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Buffers too: those that are not saved must be made again."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def test_the_same_predictions_after_loading(toy, tmp_path: Path) -> None:
    documents = [toy.document(1), toy.document(2)]
    for representation in toy.REPRESENTATIONS:
        model = toy.model(relations={"representation": representation}, mentions={"threshold": 0.6})
        folder = tmp_path / representation
        save_checkpoint(model, toy.tokenizer(), folder)
        before = Predictor(model, toy.collator(model))
        loaded, tokenizer = load_checkpoint(folder)
        after = Predictor(loaded, collator_for(loaded, tokenizer))
        assert not loaded.training
        assert before.end_to_end(documents) == after.end_to_end(documents)
        assert before.gold_entities(documents) == after.gold_entities(documents)
        assert any(document.relations for document in after.gold_entities(documents))


def test_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "schema.json"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)


def test_transformers_loads_the_same_weights(folder: Path) -> None:
    ours, _ = load_checkpoint(folder)
    theirs = tensors(JointModel.from_pretrained(folder))
    assert set(theirs) == set(tensors(ours))
    for name, tensor in tensors(ours).items():
        assert torch.equal(theirs[name], tensor), name


def test_loading_says_nothing(folder: Path, capfd: pytest.CaptureFixture) -> None:
    load_checkpoint(folder)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def broken_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def other_weights(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    data["model"]["relations"]["embedding_size"] = 24
    (folder / "config.json").write_text(json.dumps(data))


def other_model(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert", "hidden_size": 16}')


def other_settings(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    data["model"]["mentions"]["widht"] = 3
    (folder / "config.json").write_text(json.dumps(data))


def no_encoder(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    data["encoder_config"] = {}
    (folder / "config.json").write_text(json.dumps(data))


def wrong_encoder(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    data["encoder_config"]["hidden_size"] = 15
    (folder / "config.json").write_text(json.dumps(data))


def no_labels(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    data["labels"] = {"entity_types": ["PER"]}
    (folder / "config.json").write_text(json.dumps(data))


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def no_vocabulary(folder: Path) -> None:
    """Transformers makes a tokenizer of the special tokens alone."""
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version"')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "has no model.safetensors"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: not valid JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "holds a model of type None"),
        (broken_weights, "model.safetensors: does not hold this model's weights"),
        (empty_weights, "model.safetensors: does not hold this model's weights"),
        (other_weights, "model.safetensors: does not hold this model's weights"),
        (other_model, "holds a model of type 'bert', not a joint-ie model"),
        (other_settings, "config.json: model: mentions.widht = 3 is not a setting"),
        (no_encoder, 'config.json: encoder: model_type "None" is unknown'),
        (wrong_encoder, "config.json: does not describe a model"),
        (no_labels, 'config.json: labels: needs "entity_types"'),
        (no_tokenizer, "has no tokenizer that can be loaded"),
        (no_vocabulary, "has no tokenizer.json"),
        (broken_tokenizer, "has no tokenizer that can be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "has no tokenizer that can be loaded"),
    ],
)
def test_damaged_folders(folder: Path, damage, message: str) -> None:
    damage(folder)
    with pytest.raises(InputError) as error:
        load_checkpoint(folder)
    assert message in str(error.value) and str(error.value).startswith(str(folder))
    assert "\n" not in str(error.value)


def test_a_vocabulary_without_tokenizer_json_will_do(tmp_path: Path) -> None:
    """Encoders may have one, as older versions of Transformers saved it."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "marie", "was", "born"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    assert load_tokenizer(tmp_path, BertConfig()).tokenize("Marie was born") == ["marie", "was", "born"]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no config\.json"):
        load_checkpoint(tmp_path / "nothing")


def test_new_models_keep_the_pretrained_encoder(toy, tmp_path: Path) -> None:
    torch.manual_seed(7)
    pretrained = BertModel(toy.encoder_config(), add_pooling_layer=False)
    pretrained.save_pretrained(tmp_path)
    toy.tokenizer().save_pretrained(tmp_path)
    settings = from_mapping(ModelSettings, {"encoder": {"name": str(tmp_path), "casing": True}}, "test")
    model, _ = new_model(settings, toy.SCHEMA)
    found = tensors(model.encoder.model)
    for name, tensor in tensors(pretrained).items():
        assert torch.equal(found[name], tensor), name
    assert not model.encoder.casing.weight.any()
    for name, parameter in model.named_parameters():
        if not name.startswith("encoder."):
            assert parameter.any(), name

    shorter, _ = new_model(replace(settings, encoder=replace(settings.encoder, layers=1, reinitialise=1)), toy.SCHEMA)
    assert len(shorter.encoder.model.encoder.layer) == 1 and shorter.config.encoder_config["num_hidden_layers"] == 1
    fresh = shorter.encoder.model.encoder.layer[0].output.dense.weight
    assert not torch.equal(fresh, pretrained.encoder.layer[0].output.dense.weight)
    assert parameters(shorter) < parameters(model)


def test_windows_are_no_longer_than_the_encoder_allows(toy) -> None:
    assert toy.collator(toy.model()).max_length == 200
    assert toy.collator(toy.model(encoder={"max_length": 50})).max_length == 50
    assert toy.collator(toy.model(encoder={"max_length": 5000})).max_length == 200
