"""Checkpoint folders: written after training, read by everything else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase

from joint_ie.encoding.batches import Collator
from joint_ie.encoding.subwords import SubwordTokeniser
from joint_ie.errors import InputError
from joint_ie.heads.encoder import load_encoder, quiet
from joint_ie.heads.positions import input_length
from joint_ie.models.config import JointConfig
from joint_ie.models.joint import JointModel
from joint_ie.models.quantisation import dequantise
from joint_ie.models.seq2seq_config import Seq2SeqConfig
from joint_ie.models.settings import ModelSettings
from joint_ie.models.sources import encoder_source
from joint_ie.schema import Schema

WEIGHTS = "model.safetensors"


def new_model(settings: ModelSettings, schema: Schema) -> tuple[JointModel, PreTrainedTokenizerBase]:
    """A model with a pretrained encoder and fresh heads (from torch's global generator), and its tokenizer."""
    source = encoder_source(settings.encoder.name)
    chosen = settings.encoder
    encoder = load_encoder(source, chosen.layers, chosen.reinitialise, chosen.attention_dropout)
    model = JointModel(JointConfig.build(settings, encoder.config, schema), encoder)
    return model, load_tokenizer(source)


def continued_model(settings: ModelSettings, schema: Schema, start: Path) -> tuple[JointModel, PreTrainedTokenizerBase]:
    """A model with the weights of a checkpoint, which must have the same parts and labels, and its tokenizer.

    Thresholds, task weights and whatever else has no weights are those of ``settings``.
    """
    loaded, tokenizer = load_checkpoint(start)
    if loaded.schema != schema:
        raise InputError(f"{start}: knows other labels than the training data; start from a model with the same schema")
    model = JointModel(JointConfig.build(settings, loaded.encoder.model.config, schema))
    try:
        model.load_state_dict(loaded.state_dict())
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[1].strip()
        raise InputError(f"{start}: has other parts than the model settings describe ({reason})") from None
    return model, tokenizer


def load_tokenizer(source: str | Path, config: PretrainedConfig | None = None) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a folder or hub name, ready for words that are already split.

    ``config`` is read from ``source`` if None; of our own type Transformers would warn that it does not know it.
    """
    try:
        # byte-level tokenizers (RoBERTa) need the space that stands before a word; others ignore the argument
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(source), config=config, use_fast=True, add_prefix_space=True
        )
    except (AttributeError, LookupError, OSError, TypeError, ValueError) as error:  # of damaged files, too
        raise InputError(f"{source}: has no tokenizer that can be loaded ({_first_line(error)})") from None
    if Path(source).is_dir():
        _check_vocabulary(tokenizer, Path(source))
    return tokenizer


def _check_vocabulary(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Of some folders without any, Transformers makes a tokenizer that knows no words.

    We save ``tokenizer.json``; an encoder may have what it was made of instead (``vocab.txt``, ``spiece.model``).
    Tokenizers of bytes need no file.
    """
    names = [name for key, name in tokenizer.vocab_files_names.items() if key != "tokenizer_config_file"]
    if names and not any((folder / name).is_file() for name in names):
        raise InputError(
            f"{folder}: has no tokenizer.json, without which no word is known; copy the folder again with all its files"
        )


def collator_for(model: JointModel, tokenizer: PreTrainedTokenizerBase) -> Collator:
    """What turns documents into this model's batches."""
    settings = model.settings.encoder
    limit = input_length(model.encoder.model.config)
    length = min(settings.max_length or limit, limit)
    return Collator(SubwordTokeniser(tokenizer, settings.special_tokens), length, settings.overlap)


def save_checkpoint(model: JointModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write ``config.json``, ``model.safetensors``, the tokenizer's files and ``schema.json``."""
    with quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    model.schema.save(folder / "schema.json")


def load_checkpoint(folder: Path) -> tuple[JointModel, PreTrainedTokenizerBase]:
    """Read a checkpoint folder, in evaluation mode; raises `InputError` naming what is missing or broken."""
    data = read_config(folder)
    kind = data.get("model_type")
    if kind == Seq2SeqConfig.model_type:
        raise InputError(
            f"{folder}: holds a model that writes facts, which has no thresholds or heads to work on; name the folder "
            f"of a joint model"
        )
    if kind != JointConfig.model_type:
        raise InputError(
            f"{folder}: holds a model of type {kind!r}, not a joint-ie model; to use it as an encoder, name it in a "
            f"training configuration (model.encoder.name)"
        )
    with config_of(folder):
        model = JointModel(JointConfig.from_dict(data))
    try:
        weights = dequantise(load_file(folder / WEIGHTS))
        model.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{folder}/{WEIGHTS}: does not hold this model's weights ({_first_line(error)})") from None
    model.config.packed = False  # its weights are in 32 bits now, and so will be those that are saved
    return model.eval(), load_tokenizer(folder, model.config)


def read_config(folder: Path) -> dict[str, Any]:
    """The ``config.json`` of a checkpoint folder, which has weights beside it."""
    for name in ("config.json", WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: has no {name}; name a folder that `joint-ie train` wrote (such as best/)")
    try:
        data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{folder}/config.json: not valid JSON ({error}); the checkpoint is damaged") from None
    return data if isinstance(data, dict) else {}


@contextmanager
def config_of(folder: Path) -> Iterator[None]:
    """Whatever cannot be made of a ``config.json`` that somebody changed is said of that file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{folder}/config.json: {str(error).removeprefix('config.json: ')}") from None
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        StrictDataclassError,
        TypeError,
        ValueError,
    ) as error:
        raise InputError(
            f"{folder}/config.json: does not describe a model ({_first_line(error)}); the checkpoint is damaged"
        ) from None


def parameters(model: torch.nn.Module) -> int:
    """How many numbers the model has learned."""
    return sum(parameter.numel() for parameter in model.parameters())


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
