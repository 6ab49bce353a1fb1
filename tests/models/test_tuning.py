import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from joint_ie.document import Document
from joint_ie.evaluation import end_to_end, gold_entities
from joint_ie.models.prediction import Predictor
from joint_ie.models.settings import ModelSettings
from joint_ie.models.tuning import GRID, Tuned, Tuner
from joint_ie.settings import from_mapping


def make(toy, overlap: bool = True, method: str = "pairwise", **relations):
    """A model whose mention, coreference and relation scores differ, and settings far from the optimum."""
    model = toy.model(
        mentions={"threshold": 0.3, "max_width": 3, "overlap": overlap},
        coreference={"threshold": 0.9, "method": method},
        relations={"shift": -0.4, "gold_shift": 0.7, **relations},
    )
    with torch.no_grad():
        for parameter in model.relation_scorer.parameters():
            parameter *= 3
        if method == "antecedent":
            model.coreference_scorer.out.bias -= 6  # several entities in a document, not one
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
        "mentions": scores["mentions"].f1,
        "clusters": scores["clusters"].f1,
        "relations_strict": scores["relations_strict"].f1,
        "gold_entities": facts["relations"].f1,
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
        {"loss": "adaptive-threshold", "method": "antecedent"},
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


@pytest.mark.parametrize("top_k", [None, 1])
@pytest.mark.parametrize("loss", ["adaptive-threshold", "balanced-softmax", "binary-cross-entropy"])
def test_thresholds_of_every_relation_keep_their_promise(toy, loss: str, top_k: int | None) -> None:
    model = make(toy, loss=loss, top_k=top_k)
    gold = invented_gold(toy, model, with_thresholds(toy, model, 0.85, 0.5, 1.0))
    groups = [gold[:4], gold[4:]]
    alike = Tuner(model, toy.collator(model), groups).tune()
    before = model.settings
    model.settings = replace(before, relations=replace(before.relations, thresholds="per-class"))
    tuned = Tuner(model, toy.collator(model), groups).tune()
    relations = tuned.settings.relations
    assert len(relations.shift) == len(relations.gold_shift) == len(toy.SCHEMA.relation_types)
    assert len(set(relations.gold_shift)) > 1
    assert measured(toy, model, tuned.settings, gold) == pytest.approx(promised(tuned))
    assert (tuned.mentions, tuned.clusters) == (alike.mentions, alike.clusters)
    if top_k is None:
        ours, theirs = (each_relation(toy, model, t.settings, gold) for t in (tuned, alike))
        assert all(ours[name] >= theirs[name] - 1e-9 for name in theirs) and ours != theirs
    model.settings = tuned.settings
    assert Tuner(model, toy.collator(model), groups).tune() == tuned


def each_relation(toy, model, settings: ModelSettings, gold: list[Document]) -> dict[str, float]:
    """F1 of every relation between gold entities."""
    model.settings = settings
    annotated = [document for document in gold if document.relations is not None]
    said = Predictor(model, toy.collator(model)).gold_entities(annotated)
    found = {}
    for label in toy.SCHEMA.relation_types:
        facts, predicted = (
            {(d.id, r.head, r.tail) for d in documents for r in d.relations if r.type == label.id}
            for documents in (annotated, said)
        )
        found[label.id] = 2 * len(facts & predicted) / max(len(facts) + len(predicted), 1)
    return found


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

    for thresholds, kind in (("global", float), ("per-class", tuple)):
        model = make(toy, thresholds=thresholds)
        tuned = Tuner(model, toy.collator(model), [[toy.document(1), toy.document(2)]]).tune()
        assert isinstance(tuned.settings.relations.gold_shift, kind)
        plain = to_mapping(tuned.settings)
        for data in (plain, json.loads(json.dumps(plain)), yaml.safe_load(yaml.safe_dump(plain))):
            assert from_mapping(ModelSettings, data) == tuned.settings
