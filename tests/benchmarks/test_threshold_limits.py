"""The arithmetic of benchmarks/threshold_limits.py, against trying every combination of thresholds."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from joint_ie.evaluation import end_to_end, gold_entities
from joint_ie.models.prediction import Predictor
from joint_ie.models.relation_settings import RelationSettings

LOSSES = ["adaptive-threshold", "balanced-softmax", "binary-cross-entropy"]


@pytest.fixture(scope="module")
def limits(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("threshold_limits")


def random_pairs(limits: ModuleType, seed: int, pairs: int = 6, relations: int = 3) -> Any:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(pairs, 1 + relations, generator=random).mul(2).round(decimals=1)  # some are equal
    labels = torch.rand(pairs, relations, generator=random) < 0.4
    missed = torch.randint(0, 3, (relations + 1,), generator=random)
    wanted = np.append(labels.sum(0).numpy(), 0) + missed.numpy()
    return limits.Scored(logits, labels, wanted)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(5))
def test_no_other_thresholds_of_the_relations_are_better(limits: ModuleType, loss: str, seed: int) -> None:
    pairs, settings = random_pairs(limits, seed), RelationSettings(loss=loss)
    grid = np.linspace(-8, 8, 33)
    best = max(pairs.f1(settings, shifts) for shifts in itertools.product(grid, repeat=3))
    found = pairs.f1(settings, limits.micro(pairs, settings))
    assert found >= best - 1e-9
    assert found >= pairs.f1(settings, limits.own(pairs, settings)) - 1e-9
    assert found >= pairs.f1(settings, limits.one(pairs, settings)) - 1e-9


def test_a_relation_without_right_pairs_is_never_said(limits: ModuleType) -> None:
    pairs = limits.Scored(torch.tensor([[0.0, 3.0, 5.0]]), torch.tensor([[True, False]]), np.array([1, 0, 0]))
    settings = RelationSettings()
    assert pairs.f1(settings, 0.0) == pytest.approx(200 / 3)
    assert pairs.f1(settings, limits.micro(pairs, settings)) == 100


def test_thresholds_are_chosen_on_other_documents_than_they_are_scored_on(limits: ModuleType) -> None:
    settings = RelationSettings()
    labels = torch.tensor([[True], [False]])
    # a right fact is at 3 in one document and at -1 in the other, with a wrong one just below
    first, second = (
        limits.Scored(torch.tensor([[0.0, right], [0.0, right - 1]]), labels, np.array([1, 0])) for right in (3.0, -1.0)
    )
    found = limits.compare([first, second], settings, splits=2, seed=0)
    assert {name: len(scores) for name, scores in found.items()} == dict.fromkeys(limits.WAYS, 4)
    # the first's cut, 2.5, takes nothing of the second; the second's, -1.5, takes both facts of the first
    assert sorted(found["one"]) == pytest.approx([0, 0, 200 / 3, 200 / 3])
    assert all(way(first, settings) != 0 for name, way in limits.WAYS.items() if name != "learned")


@pytest.mark.parametrize("gold", [True, False])
def test_scores_are_those_of_predictions(limits: ModuleType, toy: ModuleType, gold: bool) -> None:
    model = toy.model(relations={"top_k": 2}, mentions={"threshold": 0.3, "max_width": 3})
    with torch.no_grad():
        for parameter in model.relation_scorer.parameters():
            parameter *= 3
    predictor = Predictor(model, toy.collator(model))
    documents = [toy.document(i) for i in range(4)]
    if not gold:  # of what the model finds, so that something is right
        documents = [replace(d, relations=d.relations[::2]) for d in predictor.end_to_end(documents)]
    before = model.settings
    found = limits.together(limits.scored(predictor, documents, gold))
    for shift in (-1.0, 0.0, 0.5, 2.0):
        relations = replace(before.relations, shift=shift, gold_shift=shift)
        model.settings = replace(before, relations=relations)
        if gold:
            scores = gold_entities(documents, predictor.gold_entities(documents)).to_dict()["relations"]
        else:
            scores = end_to_end(documents, predictor.end_to_end(documents)).to_dict()["relations_strict"]
        model.settings = before
        assert found.f1(before.relations, shift) == pytest.approx(100 * scores["f1"])
        assert 0 < scores["f1"] < 1


def test_documents_without_pairs_count_with_their_facts(limits: ModuleType, toy: ModuleType) -> None:
    model = toy.model()
    document = toy.document(0)
    alone = replace(document, entities=document.entities[:1], relations=())
    [none] = limits.scored(Predictor(model, toy.collator(model)), [alone], gold=True)
    assert none.logits.shape[0] == 0 and none.f1(model.settings.relations, 0.0) == 0
