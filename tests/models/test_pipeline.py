"""Two models one after the other, against one model alone and against doing it by hand."""

import random
from dataclasses import replace
from typing import get_args

import pytest
import torch

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation import end_to_end
from joint_ie.models.pipeline import Pipeline
from joint_ie.models.prediction import Predictor
from joint_ie.models.relation_settings import Representation
from joint_ie.models.tuning import Tuner
from joint_ie.schema import Schema

TRAINED_FOR = {
    "everything": {},
    "relations": {"mentions": 0.0, "coreference": 0.0, "entity_types": 0.0},
    "entities": {"relations": 0.0},
}
every_system = pytest.mark.parametrize(
    ("representation", "input"),
    [(representation, input) for representation in get_args(Representation) for input in ("one-pass", "markers")],
)


def make(toy, seed: int = 0, trained_for: str = "everything", **relations) -> Predictor:
    """A model that takes half of all spans for mentions, and decides otherwise for found than for gold entities."""
    relations = {"loss": "binary-cross-entropy", "threshold": 0.5, "shift": 0.3, "gold_shift": -0.3, **relations}
    relations["pair_aware"] = {**toy.SIZES["pair_aware"], "threshold": 0.0}  # refuses no pair
    model = toy.model(
        seed,
        mentions={"max_width": 2, "threshold": 0.5},
        coreference={"threshold": 0.6},
        encoder={"max_length": 24},
        relations=relations,
        task_weights=TRAINED_FOR[trained_for],
    )
    with torch.no_grad():
        for name, parameter in model.relation_scorer.named_parameters():
            if "unet" not in name:
                parameter *= 3
        typer = model.entity_typer.out
        typer.weight -= typer.weight.mean(1, keepdim=True)  # every type somewhere
        typer.weight *= 20
    return Predictor(model, toy.collator(model))


@pytest.fixture
def documents(toy) -> list[Document]:
    """Some are longer than a window; one word alone has no pair of entities."""
    return [*(toy.document(seed, sentences=1 + 3 * seed) for seed in range(3)), Document.from_words("one", [["a"]])]


def facts(document: Document) -> list[tuple[int, int, str]]:
    return [(r.head, r.tail, r.type) for r in document.relations]


@every_system
def test_a_model_with_itself_is_the_model(toy, documents, representation: str, input: str) -> None:
    alone, finder, relater = (make(toy, representation=representation, input=input) for _ in range(3))
    expected = alone.end_to_end(documents)
    assert Pipeline(finder, relater).end_to_end(documents) == expected
    assert any(document.relations for document in expected)
    assert Pipeline(finder, relater).gold_mentions(documents[:3]) == alone.gold_mentions(documents[:3])
    assert Pipeline(finder, relater).gold_entities(documents) == alone.gold_entities(documents)


@every_system
def test_the_second_says_relations_between_what_the_first_finds(
    toy, documents, representation: str, input: str
) -> None:
    """By hand; a model that was trained for relations alone has a threshold for gold entities only."""
    settings = {"representation": representation, "input": input, "shift": 0.0}
    finder, relater = make(toy, 1, "entities"), make(toy, 2, "relations", **settings)
    found = [replace(document, relations=None) for document in finder.end_to_end(documents)]
    expected = relater.gold_entities(found)
    pipeline = Pipeline(finder, relater)
    annotated = pipeline.end_to_end(documents)
    assert annotated == expected
    assert any(document.relations for document in expected)
    assert [document.entities for document in annotated] == [document.entities for document in found]
    (again,) = pipeline.end_to_end([replace(documents[1], entities=(), relations=None)])
    assert [e.mentions for e in again.entities] == [e.mentions for e in annotated[1].entities]


def test_the_shift_for_found_entities_is_used_where_there_is_one(toy, documents) -> None:
    finder = make(toy, 1)
    found = finder.entities(documents)
    untuned = {"shift": 0.0}
    for trained_for, name, shift in (
        ("everything", "shift", {}),
        ("everything", "shift", untuned),
        ("relations", "shift", {}),  # tuned between the entities of another model
        ("relations", "gold_shift", untuned),
    ):
        relater = make(toy, 2, trained_for, **shift)
        said = Pipeline(finder, relater).end_to_end(documents)
        other = make(toy, 2, gold_shift=getattr(relater.model.settings.relations, name))
        assert said == other.gold_entities(found)
        assert said != make(toy, 2, gold_shift=5.0).gold_entities(found)


def test_the_shift_is_tuned_between_found_entities(toy, documents) -> None:
    """Its F1 is what the pipeline then has, and no shift near it has a better one."""
    finder, relater = make(toy, 1), make(toy, 2, "relations")
    model, before = relater.model, relater.model.settings
    draw = random.Random(1)
    gold = []
    for document in Pipeline(finder, make(toy, 2, "relations", shift=1.0)).end_to_end(documents):
        kept = [relation for relation in document.relations if draw.random() < 0.5]
        gold.append(document.with_annotations(document.entities, kept))
    tuned = Tuner(model, toy.collator(model), [gold[:2], gold[2:3]]).tune_between(finder.entities)
    assert model.settings == before
    assert replace(tuned.settings.relations, shift=0.3) == before.relations

    def f1(shift: float) -> float:
        model.settings = replace(before, relations=replace(before.relations, shift=shift))
        return end_to_end(gold[:3], Pipeline(finder, relater).end_to_end(gold[:3]))["relations_strict"].f1

    found = tuned.settings.relations.shift
    assert f1(found) == pytest.approx(tuned.relations_strict) and found != 0.3
    assert max(f1(found + step / 20) for step in range(-20, 21)) <= tuned.relations_strict + 1e-9


def test_pairs_without_direction_are_in_the_order_of_the_text(toy, documents) -> None:
    finder = make(toy, 1)
    both, forward = (
        Pipeline(finder, make(toy, 2, directed=directed)).end_to_end(documents) for directed in (True, False)
    )
    for full, half in zip(both, forward, strict=True):
        assert facts(half) == [(head, tail, kind) for head, tail, kind in facts(full) if head < tail]
    assert both != forward


def test_what_a_corpus_asks_about_is_not_asked_of_found_entities(toy) -> None:
    document = toy.document(4)
    pipeline = Pipeline(make(toy, 1), make(toy, 2, "relations"))
    (free,), (asking,) = (pipeline.end_to_end([replace(document, candidates=pairs)]) for pairs in (None, ((0, 1),)))
    assert free == asking and free.candidates is None
    given = pipeline.gold_entities([replace(document, candidates=((0, 1),))])[0]
    assert {(r.head, r.tail) for r in given.relations} <= {(0, 1)}


def test_no_entity_is_found(toy, documents) -> None:
    finder = make(toy, 1)
    torch.nn.init.constant_(finder.model.mention_scorer.out.bias, -1e4)
    for input in ("one-pass", "markers"):
        for document in Pipeline(finder, make(toy, 2, "relations", input=input)).end_to_end(documents):
            assert (document.entities, document.relations) == ((), ())


def test_what_is_left_out_is_that_of_both(toy, documents) -> None:
    finder = make(toy, 1, max_word_distance=1)  # whose pairs nobody asks for
    pipeline = Pipeline(finder, make(toy, 2, "relations", max_word_distance=4))
    pipeline.end_to_end(documents)
    ((reason, count),) = pipeline.left_out.items()
    assert "more than 4 words apart" in reason and count == pipeline.relater.unscored_pairs > 0


def test_models_that_cannot_work_together(toy) -> None:
    everything, related, found = (make(toy, trained_for=name) for name in TRAINED_FOR)
    Pipeline(found, related)
    with pytest.raises(InputError, match=r"shall find entities was trained for relations .*only"):
        Pipeline(related, everything)
    with pytest.raises(InputError, match="shall say relations was not trained for them"):
        Pipeline(everything, found)
    other = make(toy, trained_for="relations")
    other.model.schema = Schema.from_names(["LOC", "PER", "MISC"], ["P1", "P2", "P3", "P4"])
    with pytest.raises(InputError, match=r"does not know the entity types ORG .* but LOC, PER, MISC; name two"):
        Pipeline(found, other)


def test_entity_types_may_be_in_another_order(toy, documents) -> None:
    """Types go from one model to the other by name: what the relater says depends on the type's own vector."""
    relations = {"representation": "entity-concatenation"}
    relater, turned = (make(toy, 2, "relations", **relations) for _ in range(2))
    turned.model.schema = Schema.from_names(["ORG", "PER", "LOC"], ["P1", "P2", "P3", "P4"])
    types = turned.model.relation_scorer.classifier.type_embedding.weight
    with torch.no_grad():
        types.copy_(types[[2, 0, 1]])
    finder = make(toy, 1)
    one, other = (Pipeline(finder, second).end_to_end(documents) for second in (relater, turned))
    for a, b in zip(one, other, strict=True):
        assert a.entities == b.entities and facts(a) == facts(b)
    assert len({e.type for document in one for e in document.entities}) == 3
    types.data = types[[1, 2, 0]]
    turned_back = Pipeline(finder, turned).end_to_end(documents)
    assert [facts(document) for document in turned_back] != [facts(document) for document in one]
