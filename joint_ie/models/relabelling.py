"""A trained model for other labels: what depends on labels is resized, everything else is kept."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from joint_ie.encoding.markers import marker_numbers, typed_markers
from joint_ie.errors import InputError
from joint_ie.models.checkpoint import load_checkpoint
from joint_ie.models.config import JointConfig
from joint_ie.models.joint import JointModel
from joint_ie.models.relation_settings import Shift
from joint_ie.models.settings import ModelSettings
from joint_ie.schema import Label, Schema

logger = logging.getLogger(__name__)

Kind = Literal["entity types", "relation types"]


@dataclass(frozen=True)
class LabelAxis:
    """A dimension of a tensor that holds labels: ``fixed`` places first (a threshold class, the encoder's width),
    then ``blocks`` times one place for every label.
    """

    dimension: int
    kind: Kind
    fixed: int
    blocks: int

    def places(self, labels: Sequence[int], count: int) -> Tensor:
        """The fixed places and, in every block, those of ``labels``, where there are ``count`` labels."""
        blocks = [self.fixed + block * count + label for block in range(self.blocks) for label in labels]
        return torch.tensor([*range(self.fixed), *blocks], dtype=torch.long)


@dataclass(frozen=True)
class SharedLabels:
    """Labels of one kind that two schemas have, by id: their positions in either."""

    old: tuple[int, ...]
    new: tuple[int, ...]
    old_count: int
    new_count: int

    @classmethod
    def of(cls, old: Sequence[Label], new: Sequence[Label]) -> "SharedLabels":
        """The order is that of the old schema."""
        place = {label.id: i for i, label in enumerate(new)}
        both = [(i, place[label.id]) for i, label in enumerate(old) if label.id in place]
        return cls(tuple(i for i, _ in both), tuple(i for _, i in both), len(old), len(new))


def relabelled_model(
    settings: ModelSettings, schema: Schema, start: Path
) -> tuple[JointModel, PreTrainedTokenizerBase]:
    """A model for ``schema`` with the weights of a checkpoint, which may know other labels, and its tokenizer.

    Labels that both know (by id) keep their weights, wherever they stand; those of new labels are drawn as in a new
    model (from torch's global generator). Parts and settings: see `models.checkpoint.continued_model`.
    """
    loaded, tokenizer = load_checkpoint(start)
    model = JointModel(JointConfig.build(settings, loaded.encoder.model.config, schema))
    shared: Mapping[Kind, SharedLabels] = {
        "entity types": SharedLabels.of(loaded.schema.entity_types, schema.entity_types),
        "relation types": SharedLabels.of(loaded.schema.relation_types, schema.relation_types),
    }
    weights, drawn = loaded.state_dict(), model.state_dict()
    resized = []
    for name, axes in label_axes(model).items():
        if name in weights and _fits(weights[name], drawn[name], axes):
            weights[name] = _moved(weights[name], drawn[name], axes, shared)
            resized += [name] if any(len(shared[a.kind].new) < shared[a.kind].new_count for a in axes) else []
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[1].strip()
        raise InputError(f"{start}: has other parts than the model settings describe ({reason})") from None
    if settings.relations.input == "typed-markers":
        resized += _move_markers(model, tokenizer, loaded.schema, schema)
    known = " and ".join(f"{len(both.new)} of {both.new_count} {kind}" for kind, both in shared.items())
    logger.info("%s: knows %s, which keep their weights; new rows in: %s", start, known, ", ".join(resized) or "none")
    return model, tokenizer


def relabelled_shift(shift: Shift, old: Schema, new: Schema) -> Shift:
    """What is added to relation logits: one number stays; of one for each relation, new relations get 0."""
    if not isinstance(shift, tuple):
        return shift
    known = {label.id: value for label, value in zip(old.relation_types, shift, strict=True)}
    return tuple(known.get(label.id, 0.0) for label in new.relation_types)


def label_axes(model: JointModel) -> dict[str, tuple[LabelAxis, ...]]:
    """The tensors of a model that depend on labels, by name, with the dimensions that do.

    Found by making the model with one more label (without memory for its weights) and looking at what grows, so that
    the heads need not say it. Weights of labels come last in a dimension, after whatever else it holds.
    """
    one = _shapes(model, 1, 1)
    grown: tuple[tuple[Kind, Mapping[str, torch.Size]], ...] = (
        ("entity types", _shapes(model, 2, 1)),
        ("relation types", _shapes(model, 1, 2)),
    )
    found = {
        name: tuple(
            LabelAxis(dimension, kind, fixed=2 * size - shapes[name][dimension], blocks=shapes[name][dimension] - size)
            for kind, shapes in grown
            for dimension, size in enumerate(shape)
            if shapes[name][dimension] != size
        )
        for name, shape in one.items()
    }
    return {name: axes for name, axes in found.items() if axes}


def _shapes(model: JointModel, types: int, relations: int) -> dict[str, torch.Size]:
    """Of all tensors of the same model with so many labels."""
    schema = Schema.from_names(map(str, range(types)), map(str, range(relations)))
    chosen = model.settings
    settings = replace(chosen, relations=replace(chosen.relations, shift=0.0, gold_shift=0.0))
    config = JointConfig.build(settings, model.encoder.model.config, schema)
    with torch.device("meta"):
        return {name: tensor.shape for name, tensor in JointModel(config).state_dict().items()}


def _fits(old: Tensor, new: Tensor, axes: Sequence[LabelAxis]) -> bool:
    """Whether two tensors have the same shape but for the axes of labels."""
    resized = {axis.dimension for axis in axes}
    return old.ndim == new.ndim and all(old.shape[i] == new.shape[i] for i in range(new.ndim) if i not in resized)


def _moved(old: Tensor, new: Tensor, axes: Sequence[LabelAxis], shared: Mapping[Kind, SharedLabels]) -> Tensor:
    """A copy of ``new`` with the weights of ``old`` wherever both know the label."""
    source, target = ([torch.arange(size) for size in new.shape] for _ in range(2))
    for axis in axes:
        both = shared[axis.kind]
        source[axis.dimension] = axis.places(both.old, both.old_count)
        target[axis.dimension] = axis.places(both.new, both.new_count)
    moved = new.clone()
    moved[torch.meshgrid(target, indexing="ij")] = old[torch.meshgrid(source, indexing="ij")]
    return moved


@torch.no_grad()
def _move_markers(model: JointModel, tokenizer: PreTrainedTokenizerBase, old: Schema, new: Schema) -> list[str]:
    """Give the `typed_markers` of known types the embeddings that they had under their old number, and those of new
    types the mean over the old types; returns the new ones.
    """
    table = model.encoder.model.get_input_embeddings().weight
    markers = [
        {type: typed_markers(number) for type, number in zip(schema.entity_index, marker_numbers(schema), strict=True)}
        for schema in (old, new)
    ]
    places = [{type: tokenizer.convert_tokens_to_ids(list(both)) for type, both in known.items()} for known in markers]
    before = {type: table[rows].clone() for type, rows in places[0].items()}  # [2, width] each
    mean = torch.stack(list(before.values())).mean(0)
    for type, rows in places[1].items():
        table[rows] = before.get(type, mean)
    return [marker for type, both in markers[1].items() if type not in before for marker in both]
