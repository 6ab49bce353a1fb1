"""Limits against the models themselves: one subword more has no position."""

import pytest
import torch
from transformers import AutoConfig, AutoModel, T5Config

from joint_ie.heads.positions import FROM_BEHIND_PADDING, input_length, position_limit

SIZES = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 12,
}
OWN = {
    "distilbert": {"dim": 8, "hidden_dim": 8, "n_layers": 1, "n_heads": 2},
    "longformer": {"attention_window": 4},
    "luke": {"entity_vocab_size": 3, "entity_emb_size": 8},
    "xmod": {"default_language": "en_XX"},
}


@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("kind", [*FROM_BEHIND_PADDING, "bert", "distilbert", "electra"])
def test_the_limit_is_the_models(kind, pad):
    pad = 1 if kind == "mpnet" else pad  # which always counts from there
    config = AutoConfig.for_model(kind, **SIZES, **OWN.get(kind, {}), pad_token_id=pad)
    model = AutoModel.from_config(config).eval()
    limit = position_limit(config)
    assert limit == input_length(config) and 10 <= limit <= 12
    if kind == "longformer":  # its windows need whole multiples
        model.embeddings(input_ids=torch.full((1, limit), 7))
        with pytest.raises(IndexError):
            model.embeddings(input_ids=torch.full((1, limit + 1), 7))
        return
    model(input_ids=torch.full((1, limit), 7))
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, limit + 1), 7))


def test_relative_positions_have_no_limit():
    assert position_limit(T5Config()) is None and input_length(T5Config()) == 512
    assert input_length(T5Config(n_positions=1024)) == 1024
