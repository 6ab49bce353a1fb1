"""Settings reach the head that they are of."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from joint_ie.heads.localized_context import pooled_entities
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.relation_head import RelationHead
from joint_ie.models.relation_heads import relation_head
from joint_ie.models.settings import ModelSettings
from joint_ie.settings import from_mapping

WIDTH, TYPES, RELATIONS = 16, 3, 4
CONTEXTUAL = ["localized-context", "axial-attention", "u-net", "pair-aware"]


@pytest.fixture
def given(toy) -> PairInput:
    """Two documents as every head wants to see them: with attention, and maxima over all words."""
    model = toy.model()
    batch = toy.training_set(model, [toy.document(i, sentences=5, entities=5) for i in (1, 2)]).batch([(0,), (1,)], 0)
    with torch.no_grad():
        encoded = model.encode(batch.given.plain, batch.given.words, batch.given.words.offset.diff())
        mentions, types = batch.given.mentions, batch.given.entity_type
        return model.pair_input(encoded, batch.given.words, mentions, types, batch.targets.pairs)


def head(toy, relations: dict[str, Any], **settings: Any) -> RelationHead:
    """In evaluation mode, with random parameters, none of them zero."""
    blocks = {
        name: toy.SIZES[name] | relations[name]
        for name in ("axial", "unet", "pair_aware")
        if isinstance(relations.get(name), dict)
    }
    chosen = {"embedding_size": 5, **settings, "relations": {**toy.SIZES, **relations, **blocks}}
    made = relation_head(from_mapping(ModelSettings, chosen), WIDTH, TYPES, RELATIONS)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(0.5 * torch.randn_like(parameter))
    return made.eval()


@pytest.mark.parametrize(
    ("representation", "relations"),
    [
        *((name, {"pooling": pooling}) for name in CONTEXTUAL for pooling in ("mean", "max")),
        ("localized-context", {"pool_spans": True}),
        ("axial-attention", {"axial": {"heads": 4}}),
        ("pair-aware", {"pair_aware": {"threshold": 0.0}}),
        ("pair-aware", {"pair_aware": {"filling": "zero"}}),
        ("pair-aware", {"pair_aware": {"weighting": "mean"}}),
        ("pair-aware", {"pair_aware": {"heads": 4}}),
    ],
    ids=str,
)
def test_settings_change_what_the_same_parameters_say(
    toy, given: PairInput, representation: str, relations: dict[str, Any]
) -> None:
    named = {"representation": representation}
    base = {"pair_aware": {"threshold": 1.0}} if "threshold" in relations.get("pair_aware", {}) else {}
    before, after = head(toy, named | base), head(toy, named | relations)
    after.load_state_dict(before.state_dict())
    with torch.no_grad():
        difference = (after(given).logits - before(given).logits).abs().max()
    assert difference > 1e-4


@pytest.mark.parametrize(
    ("representation", "relations", "parameter", "expected"),
    [
        ("multi-instance", {"word_distances": 7}, "word_distance_embedding.weight", (7, 5)),
        ("multi-instance", {"sentence_distances": 7}, "sentence_distance_embedding.weight", (7, 5)),
        ("localized-context", {"context": False}, "head_extractor.weight", (12, WIDTH)),
        ("localized-context", {"typed": True}, "type_embedding.weight", (TYPES, 5)),
        ("localized-context", {"typed": True}, "tail_extractor.weight", (12, 2 * WIDTH + 2 * 5)),
        ("axial-attention", {"axial": {"layers": 0}}, "axial", 0),
        ("axial-attention", {"axial": {"form": "released"}}, "axial", 2 * 12),
        ("axial-attention", {"axial": {"form": "paper"}}, "axial", 2 * 3),
        ("u-net", {"unet": {"inputs": 2}}, "channel_projection.weight", (2, WIDTH)),
        ("u-net", {"unet": {"outputs": 8}}, "head_extractor.weight", (12, WIDTH + 8)),
        ("u-net", {"unet": {"base": 6}}, "unet.enter.conv1.weight", (6, 3, 3, 3)),
        ("pair-aware", {"pair_aware": {"channels": 8}}, "representation.projection.weight", (8, WIDTH)),
        ("pair-aware", {"pair_aware": {"filter": False}}, "pair_extractor.weight", (12, 6)),
        ("pair-aware", {"pair_aware": {"filter": True}}, "pair_extractor.weight", (12, 7)),
        ("pair-aware", {"pair_aware": {"grid": False}}, "representation", 0),
        ("pair-aware", {"pair_aware": {"entity_enhanced": False}}, "matching", 0),
        ("pair-aware", {"pair_aware": {"entity_enhanced": True}}, "matching", 2),
        ("pair-aware", {"pair_aware": {"layers": 2}}, "encoder", 1 + 2 * 12),
        *((name, {"embedding_size": 8}, "head_extractor.bias", (8,)) for name in CONTEXTUAL),
        *((name, {"block_size": 6}, "bilinear.weight", (5, 72)) for name in CONTEXTUAL if name != "axial-attention"),
        ("axial-attention", {"block_size": 6}, "projection.weight", (WIDTH, 72)),
    ],
    ids=str,
)
def test_settings_change_shapes(
    toy, representation: str, relations: dict[str, Any], parameter: str, expected: tuple[int, ...] | int
) -> None:
    """``expected`` is the parameter's shape, or how many parameters begin with this name."""
    shapes = {
        n: tuple(p.shape) for n, p in head(toy, {"representation": representation, **relations}).named_parameters()
    }
    found = shapes[parameter] if parameter in shapes else sum(name.startswith(f"{parameter}.") for name in shapes)
    assert found == expected


@pytest.mark.parametrize("representation", ["entity-concatenation", "multi-instance"])
def test_width_of_types(toy, representation: str) -> None:
    made = head(toy, {"representation": representation}, embedding_size=7)
    assert made.classifier.type_embedding.weight.shape == (TYPES, 7)


DROPPED = {
    "entity-concatenation": ["dropout entities", "classifier.dropout pairs"],
    "multi-instance": ["dropout entities", "dropout mention pairs", "classifier.dropout pairs"],
    "localized-context": ["dropout pooled", "dropout contexts"],
    "pair-aware": ["dropout pooled"],
}
"""What passes dropout, in order; PAEE's transformer has its own."""


@pytest.mark.parametrize("representation", sorted(DROPPED))
def test_dropout(toy, given: PairInput, representation: str) -> None:
    """Its rate, what passes it, and that what passes it comes back into the logits."""
    own = representation == "localized-context"
    made = head(toy, {"representation": representation, "dropout": 0.25 if own else 0.0}, dropout=0.1 if own else 0.25)
    layers = {n: m for n, m in made.named_modules() if isinstance(m, nn.Dropout) and not n.startswith("encoder")}
    assert all(layer.p == 0.25 for layer in layers.values())
    seen: list[tuple[str, Tensor]] = []
    removed: list[int] = []

    def hook(name: str):
        def replaced(module: nn.Module, arguments: tuple[Tensor], result: Tensor) -> Tensor:
            seen.append((name, arguments[0]))
            return torch.zeros_like(result) if len(seen) - 1 in removed else result

        return replaced

    for name, layer in layers.items():
        layer.register_forward_hook(hook(name))
    with torch.no_grad():
        logits = made(given).logits
        passed = list(seen)
        assert [f"{name} {_what(given, values)}" for name, values in passed] == DROPPED[representation]
        for number in range(len(passed)):
            seen.clear()
            removed[:] = [number]
            assert (made(given).logits - logits).abs().max() > 1e-4


def _what(given: PairInput, values: Tensor) -> str:
    for name, known in (("entities", given.entities), ("pooled", pooled_entities(given))):
        if values.shape == known.shape and torch.equal(values, known):
            return name
    count, pairs = given.mentions.mention_count, given.pairs
    sizes = {
        int((count[pairs.head] * count[pairs.tail]).sum()): "mention pairs",
        len(pairs): "pairs",
        len(pairs) // 2: "contexts",
    }
    return sizes.get(len(values), "something else")


@pytest.mark.parametrize("representation", ["axial-attention", "u-net"])
def test_no_dropout(toy, given: PairInput, representation: str) -> None:
    made = head(toy, {"representation": representation}, dropout=0.5)
    assert not [module for module in made.modules() if isinstance(module, nn.Dropout)]


def test_dropout_of_the_encoder_of_entities_and_sentences(toy) -> None:
    made = head(toy, {"representation": "pair-aware"}, dropout=0.25)
    inside = [module for module in made.encoder.modules() if isinstance(module, nn.Dropout)]
    assert inside and all(module.p == 0.25 for module in inside)
