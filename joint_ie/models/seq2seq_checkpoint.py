"""Checkpoint folders of generating models: the same files as those of joint models (see `checkpoint`)."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from joint_ie.encoding.linearisation import Syntax
from joint_ie.encoding.source_target import TextTokeniser, add_markers, end_token
from joint_ie.errors import InputError
from joint_ie.heads.encoder import quiet
from joint_ie.heads.positions import input_length, position_limit
from joint_ie.models.checkpoint import WEIGHTS, config_of, load_tokenizer, read_config
from joint_ie.models.networks import network_from_config, pretrained_network, sides
from joint_ie.models.seq2seq import Seq2SeqModel
from joint_ie.models.seq2seq_config import Seq2SeqConfig, Seq2SeqSettings
from joint_ie.models.sources import encoder_source
from joint_ie.schema import Schema


def new_generator(settings: Seq2SeqSettings, schema: Schema) -> tuple[Seq2SeqModel, PreTrainedTokenizerBase]:
    """A model with pretrained weights, and its tokenizer with the markers."""
    source = encoder_source(settings.name)
    tokenizer = load_tokenizer(source)
    add_markers(tokenizer, Syntax.build(schema, settings.typed))
    network = pretrained_network(source, settings, len(tokenizer))
    model = _model(Seq2SeqConfig.build(settings, network.config, schema), network, tokenizer)
    _ = text_tokeniser(model, tokenizer).relation_ids  # raises what cannot be, before anything is trained
    return model, tokenizer


def text_tokeniser(model: Seq2SeqModel, tokenizer: PreTrainedTokenizerBase) -> TextTokeniser:
    """What turns documents into this model's batches."""
    settings = model.settings
    encoder, decoder = sides(model.network.config)
    limit, longest = input_length(encoder), position_limit(decoder)
    if longest is not None and settings.max_target > longest:
        raise InputError(f"generation.max_target = {settings.max_target}, but the decoder has {longest} positions")
    return TextTokeniser(tokenizer, model.config.syntax, min(settings.max_source or limit, limit))


def save_generator(model: Seq2SeqModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write ``config.json``, ``model.safetensors``, the tokenizer's files and ``schema.json``."""
    model.config.save_pretrained(folder)
    weights = {name: tensor.contiguous() for name, tensor in _own_tensors(model).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    model.schema.save(folder / "schema.json")


def load_generator(folder: Path) -> tuple[Seq2SeqModel, PreTrainedTokenizerBase]:
    """Read a checkpoint folder, in evaluation mode; raises `InputError` naming what is missing or broken."""
    data = read_config(folder)
    with config_of(folder):
        config = Seq2SeqConfig.from_dict(data)
        markers = config.syntax.markers
        if not config.schema.relation_types:
            raise InputError("labels: has no relation types; the checkpoint is damaged")
        network = network_from_config(config.network)
    with quiet():
        tokenizer = load_tokenizer(folder, config)
    known = tokenizer.get_vocab()
    for marker in markers:
        if marker not in known or known[marker] >= network.get_input_embeddings().num_embeddings:
            raise InputError(
                f"{folder}/tokenizer.json: does not have the marker {marker} of this model; the checkpoint is damaged"
            )
    model = _model(config, network, tokenizer)
    with config_of(folder):
        text_tokeniser(model, tokenizer)  # raises what cannot be
    own = _own_tensors(model)
    try:
        weights = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise InputError(f"{folder}/{WEIGHTS}: cannot be read ({error}); the checkpoint is damaged") from None
    for name in [*own, *weights]:
        if name not in own or name not in weights or own[name].shape != weights[name].shape:
            raise InputError(
                f"{folder}/{WEIGHTS}: does not hold this model's weights ({name}); the checkpoint is damaged"
            )
    for name, tensor in own.items():
        tensor.copy_(weights[name])
    return model.eval(), tokenizer


def _model(config: Seq2SeqConfig, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Seq2SeqModel:
    """With the subwords that begin, end and pad: the network's own, or the tokenizer's where it has none."""
    pad: int = tokenizer.pad_token_id or 0
    own = getattr(network.config, "decoder_start_token_id", None)
    start: int = next(i for i in (own, tokenizer.bos_token_id, tokenizer.cls_token_id, pad) if i is not None)
    return Seq2SeqModel(config, network, start, end_token(tokenizer), pad)


def _own_tensors(model: Seq2SeqModel) -> dict[str, Tensor]:
    """Parameters and saved buffers, each once even if it is shared (safetensors refuses shared memory)."""
    saved = model.state_dict().keys()
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    return {name: tensor.detach() for name, tensor in tensors.items() if name in saved}
