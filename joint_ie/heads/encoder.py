"""The shared encoder: windows in, one hidden state for every token of the batch out."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import MODEL_MAPPING, AutoConfig, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from joint_ie.encoding.windows import Windows
from joint_ie.errors import InputError
from joint_ie.heads.attention_rows import encoder_layers
from joint_ie.heads.blocked_attention import register_blocked_attention
from joint_ie.heads.precision import at_least_float32
from joint_ie.heads.workers import on_every_core

EPSILON = 1e-10  # golden README 1c: sums over the windows of a cut document are divided by their number + 1e-10
TOGETHER = 1 << 12  # columns of windows that a CPU encodes together, unless it learns: few enough to stay in a cache


@dataclass(frozen=True)
class Encoding:
    """What the encoder says about a batch.

    ``hidden`` [T, d]: the last layer at every flat token, or the mean of the last layers, at least float32.
    ``inputs``: the input [windows, width, d] of each of these layers, lowest first, for `attention_rows`.
    """

    hidden: Tensor
    inputs: tuple[Tensor, ...]


class SharedEncoder(nn.Module):
    """A Hugging Face encoder over `Windows`.

    With ``casing_classes``, a learned vector for the casing class of a token, zero at first, is added to its
    word embedding, since uncased encoders cannot see capitals. Hidden states are the mean of the last
    ``averaged_layers`` layers (DREEAM: 3, golden README 6).
    """

    def __init__(self, model: PreTrainedModel, casing_classes: int = 0, averaged_layers: int = 1) -> None:
        super().__init__()
        there = model.config.num_hidden_layers
        if not 1 <= averaged_layers <= there:
            raise InputError(f"averaged_layers = {averaged_layers}, but the encoder has {there}; choose 1 to {there}")
        self.model = model
        self.averaged_layers = averaged_layers
        self.engine: Callable[[Tensor, Tensor], tuple[Tensor, ...]] | None = None
        """What runs instead of `layers`, if anything; nothing is learned through it."""
        self.casing: nn.Embedding | None = None
        if casing_classes:
            self.casing = nn.Embedding(casing_classes, model.get_input_embeddings().embedding_dim)
            nn.init.zeros_(self.casing.weight)
            # A PreTrainedModel around this module would otherwise draw the vectors at random (post_init).
            self.casing.weight._is_hf_initialized = True  # type: ignore[attr-defined]

    def forward(self, windows: Windows, casing: Tensor | None = None) -> Encoding:
        """Encode a batch; states of tokens in several windows are averaged (golden README 1c).

        ``casing`` [T] is the casing class of every flat token; special tokens added by the cut get class 0.
        """
        embeddings = self.model.get_input_embeddings()(windows.input_ids)  # (windows, width, word size)
        if self.casing is not None and casing is not None:
            classes = torch.where(windows.flat >= 0, casing[windows.flat.clamp(min=0)], 0)
            embeddings = embeddings + self.casing(classes)
        run = self.layers if self.engine is None else self.engine
        inputs = embeddings, windows.attention_mask
        if torch.is_grad_enabled() or embeddings.device.type != "cpu":
            layers = list(run(*inputs))
        else:
            size = max(1, TOGETHER // windows.width)
            parts = zip(*(values.split(size) for values in inputs), strict=True)
            found = on_every_core(embeddings.device, lambda part: run(*part), parts)
            layers = [torch.cat(layer) for layer in zip(*found, strict=True)]
        averaged = at_least_float32(torch.stack(layers[1:])).mean(0) if len(layers) > 2 else layers[1]
        return Encoding(_stitch(windows, averaged), tuple(layers[:-1]))

    def layers(self, embeddings: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """What comes out of the layers that are averaged, and before them out of the one below.

        ``embeddings`` [windows, width, word size] and ``attention_mask`` [windows, width] in, [windows, width, d] out.
        """
        output = self.model(
            inputs_embeds=embeddings, attention_mask=attention_mask, output_hidden_states=True, return_dict=True
        )
        top: tuple[Tensor, ...] = output.hidden_states[-self.averaged_layers - 1 :]
        return top


def _stitch(windows: Windows, states: Tensor) -> Tensor:
    """From [windows, width, d] to [T, d]."""
    states = states.flatten(0, 1)
    places = windows.places
    if windows.single:
        return at_least_float32(states.index_select(0, places.squeeze(1)))
    states = at_least_float32(states)
    count = (places >= 0).sum(1).to(states.dtype)
    several = windows.several[places[:, 0] // windows.width]
    weight = torch.where(several, 1 / (count + EPSILON), 1.0)
    hidden = states.index_select(0, places[:, 0]) * weight.unsqueeze(1)
    for place in places.unbind(1)[1:]:  # as many rounds as windows over one token
        share = torch.where(place >= 0, weight, 0.0).unsqueeze(1)
        hidden = hidden + states.index_select(0, place.clamp(min=0)) * share
    return hidden


def load_encoder(
    name_or_folder: str | Path,
    layers: int | None = None,
    reinitialise: int = 0,
    attention_dropout: float | None = None,
) -> PreTrainedModel:
    """A pretrained encoder from a folder or the hub, in float32 and without pooler.

    ``layers`` keeps only the first so many layers; ``reinitialise`` draws the weights of the top so many of
    the kept layers anew (from torch's global generator). ``attention_dropout`` replaces the configuration's;
    with 0 training, too, runs the fast attention kernel on the CPU, which has no dropout.
    """
    name = str(name_or_folder)
    with from_pretrained(name):
        config = AutoConfig.from_pretrained(name)
    there = config.num_hidden_layers
    kept = there if layers is None else layers
    if not 1 <= kept <= there:
        raise InputError(f"{name}: layers = {kept}, but the encoder has {there}; choose 1 to {there}")
    if not 0 <= reinitialise <= kept:
        raise InputError(f"{name}: reinitialise = {reinitialise}, but {kept} layers are kept; choose 0 to {kept}")
    config.num_hidden_layers = kept
    if attention_dropout is not None:
        key = "attention_dropout" if config.model_type == "distilbert" else "attention_probs_dropout_prob"
        setattr(config, key, attention_dropout)
    kind, arguments = _model_class(config)
    with from_pretrained(name):
        model, report = kind.from_pretrained(
            name, config=config, dtype=torch.float32, output_loading_info=True, **arguments
        )
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise InputError(f"{name}: {len(missing)} weights of the encoder are missing, such as {missing[0]}")
    if reinitialise:
        _reinitialise(model, reinitialise)
    return model


def encoder_from_config(config: Mapping[str, Any]) -> PreTrainedModel:
    """An encoder with random weights, as a checkpoint describes it (``model.config.to_dict()``)."""
    made = config_from_mapping(config, "encoder")
    model_class, arguments = _model_class(made)
    return model_class._from_config(made, dtype=torch.float32, **arguments)


def config_from_mapping(described: Mapping[str, Any], where: str) -> PretrainedConfig:
    """The reverse of ``config.to_dict()``; ``where`` names it in errors."""
    values = dict(described)
    kind = values.pop("model_type", None)
    try:
        return AutoConfig.for_model(kind, **values)
    except ValueError:
        raise InputError(f'{where}: model_type "{kind}" is unknown; take the config.json of a checkpoint') from None


def _model_class(config: PretrainedConfig) -> tuple[type[PreTrainedModel], dict[str, Any]]:
    """The class for a config, with the arguments for fast attention and no pooler where it knows them."""
    if type(config) not in MODEL_MAPPING:
        raise InputError(f'model type "{config.model_type}" has no encoder; use a BERT-like model')
    kind = MODEL_MAPPING[type(config)]
    attention = register_blocked_attention() if kind._supports_sdpa else "eager"
    arguments: dict[str, Any] = {"attn_implementation": attention}
    if "add_pooling_layer" in inspect.signature(kind.__init__).parameters:
        arguments["add_pooling_layer"] = False
    return kind, arguments


def _reinitialise(model: PreTrainedModel, layers: int) -> None:
    """Draw the weights of the top layers anew, as the model's class does for a fresh model."""
    for module in encoder_layers(model)[-layers:].modules():
        for parameter in module.parameters(recurse=False):
            # transformers leaves weights alone that it has loaded
            parameter._is_hf_initialized = False  # type: ignore[attr-defined]
        model._init_weights(module)


@contextmanager
def from_pretrained(source: str) -> Iterator[None]:
    """Quietly; `InputError` if ``source`` is no model."""
    try:
        with quiet():
            yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{source} is neither a model folder nor a model that the hub gives ({reason})") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Transformers without loading reports and progress bars: parts left out here are left out on purpose."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
