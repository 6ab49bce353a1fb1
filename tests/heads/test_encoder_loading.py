import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

from joint_ie.encoding.windows import cut
from joint_ie.errors import InputError
from joint_ie.heads.attention_rows import attention_rows, encoder_layers
from joint_ie.heads.encoder import SharedEncoder, encoder_from_config, load_encoder

SIZES = {
    "vocab_size": 60,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 32,
}


def test_gte_small_with_eight_layers(shared):
    folder = shared / "encoders/gte-small"
    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    model = load_encoder(folder, layers=8).eval()
    assert (logging.is_progress_bar_enabled(), logging.get_verbosity()) == (bars, verbosity)
    assert len(encoder_layers(model)) == model.config.num_hidden_layers == 8
    assert model.dtype == torch.float32 and model.pooler is None
    assert model.config._attn_implementation == "blocked"
    stored = load_file(folder / "model.safetensors")
    name = "encoder.layer.7.attention.self.key.weight"
    assert torch.equal(model.get_parameter(name), stored[name].float())
    windows = cut([[101, *range(2000, 2040), 102], [101, *range(3000, 3010), 102]], 512, 64, [101], [102], 0)
    rows = torch.tensor([3, 41, 42, 50])
    eager = AutoModel.from_pretrained(
        folder, num_hidden_layers=8, attn_implementation="eager", dtype=torch.float32
    ).eval()
    with torch.no_grad():
        encoding = SharedEncoder(model)(windows)
        found = attention_rows(model, windows, encoding.inputs, rows)
        output = eager(input_ids=windows.input_ids, attention_mask=windows.attention_mask, output_attentions=True)
    heads = output.attentions[-1]
    expected = torch.stack([heads[0, :, 3], heads[0, :, 41], heads[1, :, 0], heads[1, :, 8]])
    torch.testing.assert_close(found.values, expected, atol=1e-6, rtol=0)

    fresh = load_encoder(folder, layers=8, reinitialise=2)
    for index, layer in enumerate(encoder_layers(fresh)):
        same = torch.equal(layer.output.dense.weight, encoder_layers(model)[index].output.dense.weight)
        assert same == (index < 6)
    assert encoder_layers(fresh)[7].output.dense.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert torch.equal(encoder_layers(fresh)[7].output.LayerNorm.weight, torch.ones(384))

    again = encoder_from_config(model.config.to_dict())
    again.load_state_dict(model.state_dict())
    assert again.config._attn_implementation == "blocked" and again.dtype == torch.float32
    with pytest.raises(InputError, match="the encoder has 12"):
        load_encoder(folder, layers=13)
    with pytest.raises(InputError, match="reinitialise = 9"):
        load_encoder(folder, layers=8, reinitialise=9)


def test_what_cannot_be_loaded_is_said(tmp_path):
    with pytest.raises(InputError, match="neither a model folder"):
        load_encoder(tmp_path)
    with pytest.raises(InputError, match="neither a model folder"):
        load_encoder(tmp_path / "missing")
    with pytest.raises(InputError, match='"nonsense" is unknown'):
        encoder_from_config({"model_type": "nonsense"})
    encoder_from_config({"model_type": "bert", **SIZES}).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 4}))
    with pytest.raises(InputError, match="16 weights of the encoder are missing"):
        load_encoder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="neither a model folder"):
        load_encoder(tmp_path)


def test_an_unknown_architecture_is_named():
    config = AutoConfig.for_model("deberta-v2", **{**SIZES, "relative_attention": True, "pos_att_type": ["c2p"]})
    with pytest.raises(InputError, match='"deberta-v2" are not supported; use one of bert, roberta'):
        encoder_layers(AutoModel.from_config(config))
