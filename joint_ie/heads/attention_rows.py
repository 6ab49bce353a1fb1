"""Attention probabilities of the encoder's last layer, or layers, for the few tokens that need them.

Fast attention kernels keep no probabilities. Heads that pool context (ATLOP's localized context, golden
README 1b) need them for mentions only, so they are computed again from the last layer's input: 1 to 2 %
of the encoder's time instead of the whole map of every layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from joint_ie.encoding.windows import Windows
from joint_ie.errors import InputError
from joint_ie.heads.precision import at_least_float32

EPSILON = 1e-10  # golden README 1c: rows of a cut document are divided by their sum + 1e-10


@dataclass(frozen=True)
class AttentionRows:
    """Attention of chosen tokens over their document.

    ``values`` [R, heads, band], ``start`` [R], ``end`` [R]: column b of row r is position ``start[r] + b`` of the
    token's document. The band reaches over all windows that hold the token and is zero from position ``end[r]`` on;
    where every document is one window it starts at 0 and is as wide as the windows.
    """

    values: Tensor
    start: Tensor
    end: Tensor


@dataclass(frozen=True)
class _Architecture:
    """Where a model type keeps its layers and, inside a layer, the query and key projections."""

    layers: str
    query: str
    key: str


_BERT = _Architecture("encoder.layer", "attention.self.query", "attention.self.key")
_ARCHITECTURES = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "electra": _BERT,
    "distilbert": _Architecture("transformer.layer", "attention.q_lin", "attention.k_lin"),
    "mpnet": _Architecture("encoder.layer", "attention.attn.q", "attention.attn.k"),
}


def attention_rows(model: PreTrainedModel, windows: Windows, inputs: Sequence[Tensor], rows: Tensor) -> AttentionRows:
    """The last layer's softmaxed attention for the flat tokens ``rows`` [R], before dropout, differentiable.

    ``inputs`` (`Encoding.inputs`) are the inputs [windows, width, d] of the last layers; of several, the mean of
    their attentions is taken. A document of one window gives the encoder's own probabilities. In a cut document
    the rows of all windows that hold the token are added without the columns of special tokens added by the cut,
    then divided by their sum (golden README 1c).
    """
    heads = model.config.num_attention_heads
    places = windows.places[rows]  # (R, most windows over one token)
    if windows.single:
        values = _rows_in_windows(model, windows, inputs, places.squeeze(1))
        return AttentionRows(values, torch.zeros_like(rows), windows.end[places.squeeze(1) // windows.width])
    row, nth = (places >= 0).nonzero(as_tuple=True)  # one entry for every window over every row
    place = places[row, nth]
    window = place // windows.width
    first = places[:, 0] // windows.width  # (R)
    start = windows.start[first]
    end = windows.end[places.max(1).values // windows.width]  # that of the last window
    reach = int((end - start).max()) if len(rows) else 0
    band = torch.arange(max(windows.width, reach), device=rows.device)
    column = band + (start[row] - windows.start[window] + windows.lead[window]).unsqueeze(1)  # (entries, band)
    inside = (column >= 0) & (column < windows.width)
    column = column.clamp(0, windows.width - 1)
    inside &= windows.flat[window].gather(1, column) >= 0
    found = _rows_in_windows(model, windows, inputs, place)  # (entries, heads, width)
    # in place where the size of the rows makes another copy slow
    found = found.gather(2, column.unsqueeze(1).expand(-1, heads, -1)).masked_fill_(~inside.unsqueeze(1), 0.0)
    values = found.new_zeros(len(rows), heads, len(band)).index_add_(0, row, found)
    total = torch.where(windows.several[first, None, None], values.sum(2, keepdim=True) + EPSILON, 1.0)
    return AttentionRows(values / total, start, end)


def encoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """The transformer layers of a supported encoder, first to last."""
    layers: nn.ModuleList = attrgetter(_architecture(model).layers)(model)
    return layers


def _architecture(model: PreTrainedModel) -> _Architecture:
    kind = model.config.model_type
    if kind not in _ARCHITECTURES:
        raise InputError(f'encoders of type "{kind}" are not supported; use one of {", ".join(_ARCHITECTURES)}')
    return _ARCHITECTURES[kind]


def _rows_in_windows(model: PreTrainedModel, windows: Windows, inputs: Sequence[Tensor], place: Tensor) -> Tensor:
    """Attention of the columns ``place`` [E] (window * width + column) over their windows: [E, heads, width].

    Rows are grouped by window and padded to the fullest one, so that keys are used where they lie, in one
    batched product, instead of being copied for every row.
    """
    count, width, _ = inputs[-1].shape
    window = place // width
    rows = window.bincount(minlength=count)  # (windows)
    order = window.argsort(stable=True)
    slot = torch.empty_like(place)  # a row's place among the rows of its window
    slot[order] = torch.arange(len(place), device=place.device) - (rows.cumsum(0) - rows)[window[order]]
    most = int(rows.max())
    grid = place.new_zeros(count, most)  # unused slots repeat column 0; nobody reads them
    grid[window, slot] = place % width
    layers = encoder_layers(model)[-len(inputs) :]
    found = [_layer_rows(model, windows, *both, grid) for both in zip(layers, inputs, strict=True)]
    probabilities = found[0] if len(found) == 1 else torch.stack(found).mean(0)
    return probabilities.transpose(1, 2).flatten(0, 1).index_select(0, window * most + slot)


def _layer_rows(model: PreTrainedModel, windows: Windows, layer: nn.Module, states: Tensor, grid: Tensor) -> Tensor:
    """Attention of a layer with the input ``states`` [windows, width, d], at the columns ``grid`` [windows, most].

    Returns [windows, heads, most, width].
    """
    (count, width, _), most = states.shape, grid.shape[1]
    heads, architecture = model.config.num_attention_heads, _architecture(model)
    query: nn.Linear = attrgetter(architecture.query)(layer)
    key: nn.Linear = attrgetter(architecture.key)(layer)
    size = key.out_features // heads
    states = states.to(key.weight.dtype)
    chosen = (grid + torch.arange(count, device=grid.device).unsqueeze(1) * width).flatten()
    q = query(states.flatten(0, 1).index_select(0, chosen)).view(count, most, heads, size).transpose(1, 2)
    k = key(states).view(count, width, heads, size).transpose(1, 2)  # (windows, heads, width, dk)
    # Probabilities in full precision also under autocast: the product is small, its rounding would not be.
    with torch.autocast(states.device.type, enabled=False):
        # (windows, heads, most, width)
        scores = at_least_float32(q) @ at_least_float32(k).transpose(2, 3) * size**-0.5
        if model.config.model_type == "mpnet":
            bias = model.encoder.compute_position_bias(states[:1])[0]  # (heads, width, width), of the layout only
            scores = scores + bias.index_select(1, grid.flatten()).view(heads, count, most, width).transpose(0, 1)
        padding = ~windows.attention_mask[:, None, None, :]
        return scores.masked_fill(padding, torch.finfo(scores.dtype).min).softmax(-1)
