from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from joint_ie.encoding.index import PairIndex
from joint_ie.encoding.targets import Evidence
from joint_ie.errors import InputError
from joint_ie.heads.pair_embedding import GroupedProducts
from joint_ie.heads.relation_head import PairScores
from joint_ie.losses import (
    RELATION_LOSSES,
    adaptive_focal,
    entity_roles,
    evidence_guidance,
    keep_negative_labels,
    pairwise_moving_threshold,
    potential_pairs,
    supervised_contrastive,
)
from joint_ie.models.relation_objective import RelationObjective
from joint_ie.models.relation_settings import ContrastiveSettings, NegativeLabelSettings, RelationSettings
from joint_ie.models.settings import ModelSettings
from joint_ie.settings import from_mapping

PAIRS = PairIndex(*torch.zeros(3, 0, dtype=torch.long))  # no loss here asks whose pairs they are
PEMSCL = RelationSettings(loss="pairwise-moving-threshold", contrastive=ContrastiveSettings(weight=0.1))


def some_scores(seed: int, pairs: int, share: float = 0.3) -> tuple[PairScores, Tensor]:
    """Scores whose leaves are logits, head and tail, with labels of five relations."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(pairs, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    head, tail = torch.randn(2, pairs, 6, generator=generator, dtype=torch.float64)
    labels = torch.rand(pairs, 6, generator=generator) < share
    labels[:, 0] = ~labels[:, 1:].any(1)
    return PairScores(logits, GroupedProducts(head.requires_grad_(), tail.requires_grad_(), 2)), labels


def products(scores: PairScores) -> Tensor:
    embedding = scores.embedding
    assert isinstance(embedding, GroupedProducts)
    head, tail = (side.unflatten(1, (-1, embedding.block)) for side in (embedding.head, embedding.tail))
    return (head.unsqueeze(3) * tail.unsqueeze(2)).flatten(1)


@pytest.mark.parametrize("name", RELATION_LOSSES)
def test_without_further_settings_it_is_the_loss_alone(name: str) -> None:
    scores, labels = some_scores(0, 7)
    objective = RelationObjective(RelationSettings(loss=name))
    for training in (True, False):
        assert torch.equal(
            objective(scores, labels, PAIRS, training), RELATION_LOSSES[name].loss(scores.logits, labels)
        )


@pytest.mark.parametrize("form", ["paper", "released", "released-single-precision"])
@pytest.mark.parametrize("name", ["pairwise-moving-threshold", "adaptive-threshold"])
def test_contrastive_term_goes_with_every_loss(name: str, form: str) -> None:
    scores, labels = some_scores(1, 9)
    given = {"loss": name, "contrastive": {"weight": 0.7, "temperature": 0.5, "form": form}}
    objective = RelationObjective(from_mapping(RelationSettings, given))
    expected = RELATION_LOSSES[name].loss(scores.logits, labels) + 0.7 * supervised_contrastive(
        products(scores), labels, 0.5, form=form
    )
    for training in (True, False):
        torch.testing.assert_close(objective(scores, labels, PAIRS, training), expected)


@pytest.mark.parametrize(("name", "weighting"), [("adaptive-focal", "paper"), ("adaptive-focal-released", "released")])
def test_focal_gamma(name: str, weighting: str) -> None:
    scores, labels = some_scores(2, 9)
    objective = RelationObjective(RelationSettings(loss=name, focal_gamma=2.0))
    expected = adaptive_focal(scores.logits, labels, gamma=2.0, weighting=weighting)
    assert torch.equal(objective(scores, labels, PAIRS, True), expected)


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, 8), st.sampled_from([0.0, 0.2, 0.9]))
def test_properties(seed: int, pairs: int, share: float) -> None:
    """Nothing given is changed, the order of pairs does not matter, and few pairs or no relation do no harm."""
    scores, labels = some_scores(seed, pairs, share)
    objective, embedding = RelationObjective(PEMSCL), scores.embedding
    leaves = (scores.logits, embedding.head, embedding.tail)
    copies = [tensor.clone() for tensor in (*leaves, labels)]
    loss = objective(scores, labels, PAIRS, training=True)
    gradients = torch.autograd.grad(loss, leaves)
    assert loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert all(torch.equal(*both) for both in zip((*leaves, labels), copies, strict=True))
    if pairs < 2 or not labels[:, 1:].any():
        assert torch.equal(loss, pairwise_moving_threshold(scores.logits, labels))
        assert not gradients[1].any()
    order = torch.randperm(pairs, generator=torch.Generator().manual_seed(seed))
    mixed = PairScores(scores.logits[order], GroupedProducts(embedding.head[order], embedding.tail[order], 2))
    torch.testing.assert_close(objective(mixed, labels[order], PAIRS, training=True), loss)


@pytest.mark.parametrize("sampling", ["paper", "released"])
def test_negative_labels_are_drawn_while_training_alone(sampling: str) -> None:
    """From the global random numbers, so that a resumed run draws what the one run would have drawn."""
    scores, labels = some_scores(3, 40, 0.1)
    negative = NegativeLabelSettings(0.5, sampling)
    objective = RelationObjective(RelationSettings(loss="pairwise-moving-threshold", negative_labels=negative))
    everything = pairwise_moving_threshold(scores.logits, labels)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert torch.equal(objective(scores, labels, PAIRS, training=False), everything)
    assert torch.equal(torch.get_rng_state(), state)
    drawn = [objective(scores, labels, PAIRS, training=True).item() for _ in range(6)]
    assert len(set(drawn)) > 1
    assert max(drawn) < everything
    torch.set_rng_state(state)
    assert [objective(scores, labels, PAIRS, training=True).item() for _ in range(6)] == drawn
    torch.set_rng_state(state)
    mask = keep_negative_labels(labels, torch.rand(labels.shape if sampling == "paper" else 6), 0.5)
    assert pairwise_moving_threshold(scores.logits, labels, negative_mask=mask).item() == drawn[0]


def test_nothing_is_drawn_where_all_negative_labels_count() -> None:
    scores, labels = some_scores(4, 5)
    state = torch.get_rng_state()
    RelationObjective(PEMSCL)(scores, labels, PAIRS, training=True)
    assert torch.equal(torch.get_rng_state(), state)


def test_settings_that_would_have_no_effect_are_refused() -> None:
    with pytest.raises(InputError, match=r"negative_labels\.ratio = 0\.1 has no effect on loss = 'adaptive-threshold'"):
        RelationSettings(negative_labels=NegativeLabelSettings(0.1))
    with pytest.raises(
        InputError, match=r"focal_gamma = 2\.0 has no effect .* adaptive-focal, adaptive-focal-released$"
    ):
        RelationSettings(focal_gamma=2.0)
    for name in RELATION_LOSSES:
        if name.startswith("pairwise-moving-threshold"):
            RelationSettings(loss=name, negative_labels=NegativeLabelSettings(0.1))
        if name.startswith("adaptive-focal"):
            RelationSettings(loss=name, focal_gamma=0.0)


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        ({"contrastive": {"weight": -1}}, r"relations\.contrastive: weight = -1\.0 should be at least 0"),
        ({"contrastive": {"temperature": 0}}, r"relations\.contrastive: temperature = 0\.0 should be above 0"),
        ({"contrastive": {"form": "papers"}}, r"relations\.contrastive\.form = 'papers'.*did you mean \"paper\""),
        ({"negative_labels": {"ratio": 0}}, r"relations\.negative_labels: ratio = 0\.0 should be above 0"),
        ({"negative_labels": {"ratio": 1.5}}, "ratio = 1.5 should be above 0 and at most 1"),
        ({"focal_gamma": -1, "loss": "adaptive-focal"}, r"focal_gamma = -1\.0 should be at least 0"),
    ],
)
def test_values_out_of_range(relations: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_mapping(ModelSettings, {"relations": relations}, "c.yaml")


def test_every_representation_learns_from_the_contrastive_loss(toy) -> None:
    """Also under autocast, and with sampled negative labels."""
    for representation in toy.REPRESENTATIONS:
        losses = []
        for weight in (0.0, 2.0):
            relations = {
                "representation": representation,
                "loss": "pairwise-moving-threshold",
                "contrastive": {"weight": weight},
                "negative_labels": {"ratio": 0.5},
            }
            model = toy.model(relations=relations).train()
            batch = toy.training_set(model, [toy.document(1), toy.document(2)]).batch([(0,), (1,)], 0)
            torch.manual_seed(0)
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(batch).losses["relations"]
            loss.backward()
            assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None), representation
            losses.append(loss.item())
        assert losses[1] > losses[0] + 0.1, representation


@pytest.mark.parametrize("name", RELATION_LOSSES)
def test_losses_of_heads_that_filter_pairs_and_match_entities(name: str) -> None:
    """PAEE eq. 12: each where the scores have what it is of, whatever the loss; heads and tails are not the same."""
    scores, labels = some_scores(6, 7)
    draw = torch.Generator().manual_seed(0)
    as_head, as_tail = torch.randn(2, 4, 5, generator=draw, dtype=torch.float64).unbind()
    related = torch.randn(7, generator=draw, dtype=torch.float64)
    head, tail = torch.tensor([0, 0, 0, 1, 1, 2, 3]), torch.tensor([1, 2, 3, 0, 2, 3, 0])
    pairs = PairIndex(head, tail, torch.zeros_like(head))
    objective = RelationObjective(RelationSettings(loss=name))
    filtered, matched = replace(scores, related=related), replace(scores, as_head=as_head, as_tail=as_tail)
    alone = RELATION_LOSSES[name].loss(scores.logits, labels)
    of_filter, of_roles = potential_pairs(related, labels), entity_roles(as_head, as_tail, labels, head, tail)
    for training in (True, False):
        torch.testing.assert_close(objective(filtered, labels, pairs, training), alone + of_filter)
        torch.testing.assert_close(objective(matched, labels, pairs, training), alone + of_roles)
        both = replace(filtered, as_head=as_head, as_tail=as_tail)
        torch.testing.assert_close(objective(both, labels, pairs, training), alone + of_filter + of_roles)


def test_evidence_guidance_goes_with_every_loss() -> None:
    scores, labels = some_scores(5, 7, 0.6)
    weights = torch.rand(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(1)
    evidence = Evidence(torch.arange(21).view(7, 3) % 3, labels[:, 1:].any(1), torch.zeros(0))
    guided = replace(scores, sentences=weights)
    for name, relation in RELATION_LOSSES.items():
        objective = RelationObjective(RelationSettings(loss=name, evidence_weight=0.3))
        alone = relation.loss(scores.logits, labels)
        expected = alone + 0.3 * evidence_guidance(weights, evidence.counts, evidence.related)
        torch.testing.assert_close(objective(guided, labels, PAIRS, True, evidence), expected)
        assert expected > alone
        assert torch.equal(objective(scores, labels, PAIRS, True, evidence), alone)
        assert torch.equal(objective(guided, labels, PAIRS, True), alone)
