import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.evaluation import end_to_end, gold_entities
from joint_ie.models.prediction import Predictor
from joint_ie.models.settings import ModelSettings
from joint_ie.models.tuning import GRID, Tuned, Tuner, best_cut
from joint_ie.settings import from_mapping

items = st.lists(
    st.tuples(st.one_of(st.floats(2**-20, 1 - 2**-20, width=32), st.sampled_from([0.125, 0.25, 0.5])), st.booleans()),
    max_size=30,
)


def f1(right: int, predicted: int, gold: int) -> float:
    return 2 * right / (predicted + gold) if predicted + gold else 0.0


@given(items, st.integers(0, 5))
def test_best_cut_is_the_best_of_all_cuts(scored: list[tuple[float, bool]], missed: int) -> None:
    scores, right = np.array([s for s, _ in scored]), np.array([r for _, r in scored], dtype=bool)
    gold = int(right.sum()) + missed
    cut, best = best_cut(scores, right, gold)
    assert 0 < cut < 1
    assert cut not in scores  # so that "from" and "above" are the same
    assert best == pytest.approx(f1(right[scores > cut].sum(), (scores > cut).sum(), gold))
    for other in (*scores, 1.0):
        assert f1(right[scores >= other].sum(), (scores >= other).sum(), gold) <= best + 1e-12


@given(items, st.integers(0, 5), st.integers(0, 30))
def test_best_cut_takes_no_more_than_it_may(scored: list[tuple[float, bool]], missed: int, most: int) -> None:
    scores, right = np.array([s for s, _ in scored]), np.array([r for _, r in scored], dtype=bool)
    gold = int(right.sum()) + missed
    cut, best = best_cut(scores, right, gold, most)
    assert (scores > cut).sum() <= most
    assert best == pytest.approx(f1(right[scores > cut].sum(), (scores > cut).sum(), gold))
    for other in scores:
        if (scores >= other).sum() <= most:
            assert f1(right[scores >= other].sum(), (scores >= other).sum(), gold) <= best + 1e-12


def test_best_cut_of_nothing() -> None:
    assert best_cut(np.zeros(0), np.zeros(0, dtype=bool), 3) == (0.5, 0.0)
    assert best_cut(np.zeros(0), np.zeros(0, dtype=bool), 0) == (0.5, 0.0)


def make(toy, overlap: bool = True, **relations):
    """A model whose mention, coreference and relation scores differ, and settings far from the optimum."""
    model = toy.model(
        mentions={"threshold": 0.3, "max_width": 3, "overlap": overlap},
        coreference={"threshold": 0.9},
        relations={"shift": -0.4, "gold_shift": 0.7, **relations},
    )
    with torch.no_grad():
        for parameter in model.relation_scorer.parameters():
            parameter *= 3
    return model


def with_thresholds(toy, model, mentions: float, coreference: float, shift: float) -> ModelSettings:
    """Thresholds at quantiles of the model's own scores."""
    batch = Tuner(model, toy.collator(model), []).stages.batch([toy.document(i) for i in range(4)])
    stages = Predictor(model, toy.collator(model)).stages
    with torch.no_grad():
        _, _, probability = stages.candidates(batch)
    settings = model.settings
    return replace(
        settings,
        mentions=replace(settings.mentions, threshold=float(probability.quantile(mentions))),
        coreference=replace(settings.coreference, threshold=coreference),
        relations=replace(settings.relations, shift=shift, gold_shift=shift, top_k=None),
    )


def invented_gold(toy, model, settings: ModelSettings) -> list[Document]:
    """What the model says with other thresholds, with some of it taken away, and everything that corpora have."""
    draw = random.Random(3)
    before, model.settings = model.settings, settings
    predictor = Predictor(model, toy.collator(model))
    said = predictor.end_to_end([toy.document(i, sentences=3 + i % 4) for i in range(6)])
    said.sort(key=lambda document: -len(document.relations))
    model.settings = before
    gold = []
    for document in said:
        relations = [r for r in document.relations if draw.random() < 0.6]
        entities = [
            replace(e, type=draw.choice(toy.SCHEMA.entity_types).id) if draw.random() < 0.2 else e
            for e in document.entities
        ]
        gold.append(document.with_annotations(entities, relations))
    first, second, third = gold[:3]
    # a repeated relation, a repeated mention, and an entity that is listed twice with a relation of each
    assert any(r.head == 0 for r in first.relations) and third.relations
    twice = replace(first.entities[0], mentions=first.entities[0].mentions * 2)
    again = [replace(r, head=len(first.entities)) for r in first.relations if r.head == 0]
    gold[0] = first.with_annotations(
        [twice, *first.entities[1:], first.entities[0]], [*first.relations, first.relations[0], *again]
    )
    gold[1] = second.with_annotations(second.entities, None)
    # a mention that is too long to be found
    long = third.mention(0, len(third.sentence_spans) and third.sentence_spans[0][1])
    gold[2] = third.with_annotations(
        [replace(third.entities[0], mentions=(*third.entities[0].mentions, long)), *third.entities[1:]],
        third.relations,
    )
    return gold


def measured(toy, model, settings: ModelSettings, gold: list[Document]) -> dict[str, float]:
    before, model.settings = model.settings, settings
    predictor = Predictor(model, toy.collator(model))
    scores = end_to_end(gold, predictor.end_to_end(gold))
    annotated = [document for document in gold if document.relations is not None]
    facts = gold_entities(annotated, predictor.gold_entities(annotated))
    model.settings = before
    return {
        "mentions": scores.mentions.f1,
        "clusters": scores.clusters.f1,
        "relations_strict": scores.relations_strict.f1,
        "gold_entities": facts.relations.f1,
    }


def promised(tuned: Tuned) -> dict[str, float]:
    return {name: getattr(tuned, name) for name in ("mentions", "clusters", "relations_strict", "gold_entities")}


systems = pytest.mark.parametrize(
    "relations",
    [
        {"loss": "adaptive-threshold", "input": "one-pass"},
        {"loss": "adaptive-threshold", "input": "markers", "top_k": 1},
        {"loss": "adaptive-threshold", "top_k": 2, "overlap": False},
        {"loss": "binary-cross-entropy", "representation": "multi-instance", "threshold": 0.6},
        {"loss": "binary-cross-entropy", "representation": "entity-concatenation", "top_k": 1},
    ],
    ids=lambda relations: "-".join(map(str, relations.values())),
)


@systems
def test_thresholds_keep_their_promise_and_nothing_is_better(toy, relations: dict) -> None:
    model = make(toy, **relations)
    before = model.settings
    gold = invented_gold(toy, model, with_thresholds(toy, model, 0.85, 0.5, 1.0))
    tuned = Tuner(model, toy.collator(model), [gold[:4], gold[4:]]).tune()
    assert model.settings is before
    now, then = measured(toy, model, tuned.settings, gold), measured(toy, model, before, gold)
    assert now == pytest.approx(promised(tuned))
    assert all(value > 0.05 for value in now.values()), now
    assert now["mentions"] >= then["mentions"] and now["gold_entities"] >= then["gold_entities"]

    settings = tuned.settings
    for threshold in GRID[::3]:
        other = replace(settings, coreference=replace(settings.coreference, threshold=threshold))
        assert measured(toy, model, other, gold)["clusters"] <= tuned.clusters + 1e-9
    for shift in np.linspace(-3, 3, 13):
        other = replace(settings, relations=replace(settings.relations, shift=shift, gold_shift=shift))
        found = measured(toy, model, other, gold)
        assert found["relations_strict"] <= tuned.relations_strict + 1e-9
        assert found["gold_entities"] <= tuned.gold_entities + 1e-9
    for threshold in np.linspace(0.02, 0.98, 9):
        other = replace(settings, mentions=replace(settings.mentions, threshold=threshold))
        assert measured(toy, model, other, gold)["mentions"] <= tuned.mentions + 1e-9


def test_only_thresholds_change_and_tuning_again_finds_the_same(toy) -> None:
    model = make(toy)
    gold = invented_gold(toy, model, with_thresholds(toy, model, 0.85, 0.5, 1.0))
    first = Tuner(model, toy.collator(model), [gold]).tune()
    before, after = model.settings, first.settings
    assert after.encoder == before.encoder
    assert replace(after.mentions, threshold=before.mentions.threshold) == before.mentions
    assert replace(after.coreference, threshold=before.coreference.threshold) == before.coreference
    assert replace(after.relations, shift=-0.4, gold_shift=0.7) == before.relations
    model.settings = first.settings
    assert Tuner(model, toy.collator(model), [gold]).tune() == first


def test_without_relation_annotation_relations_stay_unshifted(toy) -> None:
    model = make(toy)
    gold = [replace(toy.document(i), relations=None) for i in range(2)]
    tuned = Tuner(model, toy.collator(model), [gold]).tune()
    assert (tuned.settings.relations.shift, tuned.settings.relations.gold_shift) == (0.0, 0.0)
    assert (tuned.relations_strict, tuned.gold_entities) == (0.0, 0.0)


def test_settings_come_back_when_tuning_fails(toy) -> None:
    model = make(toy)
    before = model.settings
    tuner = Tuner(model, toy.collator(model), [[toy.document(1)]])
    tuner.stages.given = None
    with pytest.raises(TypeError):
        tuner.tune()
    assert model.settings is before


def test_settings_survive_as_plain_data(toy) -> None:
    from joint_ie.settings import to_mapping

    model = make(toy)
    tuned = Tuner(model, toy.collator(model), [[toy.document(1), toy.document(2)]]).tune()
    assert from_mapping(ModelSettings, to_mapping(tuned.settings)) == tuned.settings
