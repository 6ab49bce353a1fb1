"""The losses of a batch, from the losses of its documents."""

import math
import re
from dataclasses import replace
from typing import get_args

import pytest
import torch

from joint_ie.encoding.sampling import Negatives
from joint_ie.heads.localized_context import sentence_weights
from joint_ie.losses import RELATION_LOSSES, evidence_guidance
from joint_ie.models.prediction import Predictor
from joint_ie.models.relation_settings import Representation

REPRESENTATIONS = get_args(Representation)
INPUTS = ["one-pass", "markers"]
every_system = pytest.mark.parametrize(("representation", "input"), [(r, i) for r in REPRESENTATIONS for i in INPUTS])


def losses(model, batch) -> dict[str, float]:
    with torch.no_grad():
        return {task: loss.item() for task, loss in model(batch).losses.items()}


@every_system
def test_losses_are_means_over_all_items_of_the_batch(toy, representation: str, input: str) -> None:
    # PAEE's own losses have means over entities, too
    relations = {"representation": representation, "input": input, "pair_aware": {"entity_enhanced": False}}
    model = toy.model(relations=relations).double()
    documents = [toy.document(i, sentences=1 + i, entities=2 + i) for i in range(3)]
    training = toy.training_set(model, documents)
    together = training.batch([(0,), (1,), (2,)], 0)
    alone = [training.batch([(i,)], 0) for i in range(3)]
    items = {
        "mentions": [len(batch.targets.spans) for batch in alone],
        "coreference": [len(batch.targets.mention_pairs) for batch in alone],
        "entity_types": [len(batch.given.entity_type) for batch in alone],
        "relations": [len(batch.targets.pairs) for batch in alone],
    }
    found, parts = losses(model, together), [losses(model, batch) for batch in alone]
    assert set(found) == set(items)
    for task, counts in items.items():
        expected = sum(n * part[task] for n, part in zip(counts, parts, strict=True)) / sum(counts)
        assert found[task] == pytest.approx(expected, rel=1e-6), task
    loss = model(together).loss.item()
    assert loss == pytest.approx(
        sum(getattr(model.settings.task_weights, task) * value for task, value in found.items())
    )


@every_system
def test_documents_without_relation_annotation_teach_the_rest(toy, representation: str, input: str) -> None:
    model = toy.model(relations={"representation": representation, "input": input})
    annotated = toy.document(1)
    silent, none = (replace(toy.document(2), relations=r) for r in (None, ()))
    alone = losses(model, toy.training_set(model, [annotated]).batch([(0,)], 0))
    with_silent = losses(model, toy.training_set(model, [annotated, silent]).batch([(0,), (1,)], 0))
    with_none = losses(model, toy.training_set(model, [annotated, none]).batch([(0,), (1,)], 0))
    assert with_silent["relations"] == pytest.approx(alone["relations"], rel=1e-5)
    assert with_none["relations"] != pytest.approx(alone["relations"], rel=1e-3)
    assert with_silent["mentions"] == pytest.approx(with_none["mentions"], rel=1e-5)
    assert with_silent["mentions"] != pytest.approx(alone["mentions"], rel=1e-3)
    only_silent = losses(model, toy.training_set(model, [silent]).batch([(0,)], 0))
    assert only_silent["relations"] == 0


@every_system
@pytest.mark.parametrize("entities", [0, 1])
def test_nothing_to_learn_is_no_loss_and_no_nan(toy, representation: str, input: str, entities: int) -> None:
    model = toy.model(relations={"representation": representation, "input": input}).train()
    document = toy.document(1, entities=entities, most_mentions=1)
    output = model(toy.training_set(model, [document]).batch([(0,)], 0))
    assert output.losses["relations"].item() == 0 and output.losses["coreference"].item() == 0
    assert (output.losses["entity_types"].item() == 0) == (entities == 0)
    output.loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("input", INPUTS)
@pytest.mark.parametrize(
    "relations",
    [*({"representation": name} for name in REPRESENTATIONS), {"typed": True, "pool_spans": True}],
    ids=lambda relations: "-".join(map(str, relations.values())),
)
def test_every_parameter_learns(toy, relations: dict[str, str | bool], input: str) -> None:
    model = toy.model(relations=relations | {"input": input}, encoder={"casing": True}).train()
    documents = [toy.document(i, sentences=5, entities=6) for i in range(2)]
    model(toy.training_set(model, documents).batch([(0,), (1,)], 0)).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # neither softmax over keys nor batch norm over cells sees what is added to all of them
        without = name.endswith("self.key.bias") or re.search(r"unet.*conv\d\.bias", name)
        assert parameter.grad.abs().max() > 1e-9 or without, name


@pytest.mark.parametrize("most", [250, 2])
def test_mention_ranking_is_a_mean_over_mentions(toy, most: int) -> None:
    model = toy.model(coreference={"method": "antecedent", "max_antecedents": most}).double()
    documents = [toy.document(i, sentences=1 + i, entities=i) for i in range(4)]
    training = toy.training_set(model, documents)
    counts = [len({m.span for e in document.entities for m in e.mentions}) for document in documents]
    together = losses(model, training.batch([(i,) for i in range(4)], 0))["coreference"]
    alone = [losses(model, training.batch([(i,)], 0))["coreference"] for i in range(4)]
    assert alone[0] == 0 and alone[3] > 0
    assert together == pytest.approx(sum(n * loss for n, loss in zip(counts, alone, strict=True)) / sum(counts))
    if most < max(counts):
        more = toy.model(coreference={"method": "antecedent"}).double()
        assert losses(more, toy.training_set(more, documents).batch([(3,)], 0))["coreference"] > alone[3]


def test_every_parameter_of_mention_ranking_learns(toy) -> None:
    model = toy.model(coreference={"method": "antecedent"}).train()
    loss = model(toy.training_set(model, [toy.document(1, sentences=5, entities=6)]).batch([(0,)], 0)).losses
    loss["coreference"].backward()
    for name, parameter in model.coreference_scorer.named_parameters():
        assert parameter.grad.abs().max() > 1e-9, name


def test_mention_ranking_in_bfloat16_is_near(toy) -> None:
    model = toy.model(coreference={"method": "antecedent"})
    batch = toy.training_set(model, [toy.document(1), toy.document(2)]).batch([(0,), (1,)], 0)
    exact = losses(model, batch)["coreference"]
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(batch).losses["coreference"]
    loss.backward()
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(exact, rel=0.05)


def test_task_weights(toy) -> None:
    batches = {}
    for weights in ({"mentions": 2.0}, {"relations": 1.0, "coreference": 3.0}):
        others = dict.fromkeys(("mentions", "coreference", "entity_types", "relations"), 0.0)
        model = toy.model(task_weights=others | weights)
        output = model(toy.training_set(model, [toy.document(1)]).batch([(0,)], 0))
        expected = sum(weight * output.losses[task].item() for task, weight in weights.items())
        assert output.loss.item() == pytest.approx(expected)
        batches[tuple(weights)] = output
        for parameter in model.entity_typer.parameters():
            (gradient,) = torch.autograd.grad(output.loss, parameter, allow_unused=True, retain_graph=True)
            assert gradient is None
    assert "relations" not in batches["mentions",].losses


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_windows_teach_too(toy, representation: str) -> None:
    model = toy.model(relations={"representation": representation}, encoder={"max_length": 20}).train()
    documents = [toy.document(1, sentences=8), toy.document(2, sentences=1)]
    batch = toy.training_set(model, documents).batch([(0,), (1,)], 0)
    assert not batch.given.plain.windows.single
    loss = model(batch).loss
    loss.backward()
    assert math.isfinite(loss.item())


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_bfloat16_is_near(toy, representation: str) -> None:
    model = toy.model(relations={"representation": representation})
    batch = toy.training_set(model, [toy.document(1), toy.document(2)]).batch([(0,), (1,)], 0)
    exact = model(batch).loss.item()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(batch).loss
    loss.backward()
    assert loss.item() == pytest.approx(exact, rel=0.05)


def test_sampled_relation_negatives(toy) -> None:
    model = toy.model(relations={"negatives": 2})
    training = toy.training_set(model, [toy.document(1, entities=6)], Negatives(5, 0.5, 5, 2))
    batch = training.batch([(0,)], 0)
    assert len(batch.targets.pairs) == 3 + 2
    assert math.isfinite(model(batch).loss.item())


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("loss", sorted(RELATION_LOSSES))
def test_every_representation_with_every_loss(toy, representation: str, loss: str) -> None:
    """A step down the gradient lowers the loss, and decided relations carry a confidence.

    With the contrastive term, on documents with many pairs, without a related one, and without any.
    """
    contrastive = {"weight": 0.1, "temperature": 0.2}
    model = toy.model(relations={"representation": representation, "loss": loss, "contrastive": contrastive})
    documents = [toy.document(i, entities=n, relations=r) for i, (n, r) in enumerate(((5, 4), (3, 0), (1, 0)))]
    batch = toy.training_set(model, documents).batch([(0,), (1,), (2,)], 0)
    before = model(batch)
    before.losses["relations"].backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                assert parameter.grad.isfinite().all()
                parameter -= 1e-4 * parameter.grad
    assert model(batch).losses["relations"] < before.losses["relations"]
    for document in Predictor(model, toy.collator(model)).gold_entities(documents):
        assert all(0 <= relation.score <= 1 for relation in document.relations)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_no_positive_pair(toy, representation: str) -> None:
    model = toy.model(relations={"representation": representation}).train()
    loss = model(toy.training_set(model, [toy.document(1, relations=0)]).batch([(0,)], 0)).losses["relations"]
    loss.backward()
    assert loss.isfinite() and loss > 0


CONTEXTUAL = ["localized-context", "axial-attention", "u-net", "pair-aware"]


def with_evidence(document, sentence: int):
    return replace(document, relations=tuple(replace(r, evidence=(sentence,)) for r in document.relations))


@pytest.mark.parametrize("input", INPUTS)
@pytest.mark.parametrize("representation", CONTEXTUAL)
def test_evidence_guidance(toy, representation: str, input: str) -> None:
    """Part of the relation loss while training; a step down its gradient moves contexts to the cited sentences."""
    relations = {"representation": representation, "input": input}
    encoder = {"max_length": 40, "overlap": 4, "averaged_layers": 2}  # several windows
    model = toy.model(relations=relations | {"evidence_weight": 0.5}, encoder=encoder)
    documents = [with_evidence(toy.document(1, sentences=8), 3), toy.document(2)]
    training = toy.training_set(model, documents)
    batch, silent = training.batch([(0,), (1,)], 0), training.batch([(1,)], 0)
    unguided = toy.model(relations=relations, encoder=encoder)
    assert losses(model, batch) == losses(unguided, batch)
    model.training = unguided.training = True  # without dropout
    assert losses(model, silent) == losses(unguided, silent)

    def guidance() -> torch.Tensor:
        given, evidence = batch.given, batch.targets.evidence
        encoded = model.encode(given.marked or given.plain, given.words, given.mentions.spans.diff(dim=1).squeeze(1))
        assert not encoded.view.windows.single
        pairs = model.pair_input(encoded, given.words, given.mentions, given.entity_type, batch.targets.pairs)
        weights = sentence_weights(pairs, evidence.token_sentence, evidence.counts.shape[1])
        return evidence_guidance(weights, evidence.counts, evidence.related)

    value = guidance()
    difference = losses(model, batch)["relations"] - losses(unguided, batch)["relations"]
    assert difference == pytest.approx(0.5 * value.item(), rel=1e-4)
    value.backward()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            assert parameter.grad is None or name.startswith("encoder.")
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
    assert guidance() < value


@pytest.mark.parametrize("representation", CONTEXTUAL)
def test_evidence_guidance_in_bfloat16(toy, representation: str) -> None:
    model = toy.model(relations={"representation": representation, "evidence_weight": 5.0})
    batch = toy.training_set(model, [with_evidence(toy.document(1), 0)]).batch([(0,)], 0)
    model.training = True
    exact = losses(model, batch)["relations"]
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(batch).losses["relations"]
    loss.backward()
    assert loss.item() == pytest.approx(exact, rel=0.05)
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
