"""Hugging Face encoder-decoders: pretrained ones, and those that are warm-started from an encoder."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    EncoderDecoderModel,
    PretrainedConfig,
    PreTrainedModel,
)

from joint_ie.errors import InputError
from joint_ie.heads.encoder import config_from_mapping, encoder_from_config, from_pretrained, load_encoder, quiet
from joint_ie.heads.positions import position_offset
from joint_ie.models.seq2seq_config import Seq2SeqSettings, WarmStart, set_dropout


def pretrained_network(source: str, settings: Seq2SeqSettings, vocabulary: int) -> PreTrainedModel:
    """The network behind ``settings`` with at least ``vocabulary`` rows of embeddings; new weights are drawn at random
    (from torch's global generator).
    """
    with from_pretrained(source):
        config = AutoConfig.from_pretrained(source)
    whole = type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING
    if settings.warm_start is not None:
        if whole:
            raise InputError(f"{source}: has a decoder of its own; leave generation.warm_start out (null)")
        return _warm_started(load_encoder(source), settings, settings.warm_start, vocabulary)
    if not whole:
        raise InputError(f"{source}: is an encoder; make it an encoder-decoder by generation.warm_start={{}}")
    if settings.dropout is not None:
        set_dropout(config, settings.dropout)
    with from_pretrained(source):
        network = AutoModelForSeq2SeqLM.from_pretrained(source, config=config, dtype=torch.float32)
    _grow(network, vocabulary)
    return network


def network_from_config(described: Mapping[str, Any]) -> PreTrainedModel:
    """A network with random weights, as a checkpoint describes it (``network.config.to_dict()``)."""
    config = config_from_mapping(described, "network")
    with quiet():
        if config.model_type == "encoder-decoder":
            return _joined(encoder_from_config(config.encoder.to_dict()), config.decoder)
        return AutoModelForSeq2SeqLM.from_config(config, dtype=torch.float32)


def sides(config: PretrainedConfig) -> tuple[PretrainedConfig, PretrainedConfig]:
    """What describes the encoder, and what the decoder; the same where one network is both."""
    return (config.encoder, config.decoder) if config.model_type == "encoder-decoder" else (config, config)


def _warm_started(
    encoder: PreTrainedModel, settings: Seq2SeqSettings, start: WarmStart, vocabulary: int
) -> PreTrainedModel:
    if settings.dropout is not None:
        # the modules took theirs from the configuration when they were made
        described = copy.deepcopy(encoder.config)
        set_dropout(described, settings.dropout)
        weights = encoder.state_dict()
        encoder = encoder_from_config(described.to_dict())
        encoder.load_state_dict(weights)
    _grow(encoder, vocabulary)
    config = copy.deepcopy(encoder.config)
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise InputError(f"{settings.name}: a {config.model_type} cannot decode; warm-start from a BERT-like encoder")
    there = config.num_hidden_layers
    kept = start.decoder_layers or there
    if start.decoder_weights == "encoder" and kept > there:
        raise InputError(
            f"generation.warm_start: decoder_layers = {kept}, but the encoder has {there}; take so many, or set "
            f"decoder_weights: random"
        )
    config.is_decoder = config.add_cross_attention = True
    config.num_hidden_layers = kept
    config.max_position_embeddings = settings.max_target + position_offset(config)
    with quiet():
        network = _joined(encoder, config)
    own = network.decoder.base_model.state_dict()
    for name, weight in encoder.state_dict().items():
        wanted = start.decoder_weights == "encoder" or name.startswith("embeddings.")
        if wanted and name in own and own[name].shape[1:] == weight.shape[1:]:
            rows = min(len(own[name]), len(weight))  # of positions the decoder may have more, or fewer
            own[name][:rows].copy_(weight[:rows])
    return network


def _joined(encoder: PreTrainedModel, decoder_config: PretrainedConfig) -> PreTrainedModel:
    """An encoder and a new decoder over the same word embeddings."""
    decoder = AutoModelForCausalLM.from_config(decoder_config, dtype=torch.float32)
    network = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    embeddings = network.encoder.get_input_embeddings()
    network.decoder.set_input_embeddings(embeddings)
    network.decoder.get_output_embeddings().weight = embeddings.weight
    return network


def _grow(model: PreTrainedModel, vocabulary: int) -> None:
    if vocabulary > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(vocabulary, mean_resizing=False)
