from dataclasses import replace
from typing import get_args

import pytest
import torch

from joint_ie.document import Document, Entity, Relation
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.subwords import SubwordTokeniser
from joint_ie.errors import InputError
from joint_ie.models.prediction import Predictor
from joint_ie.models.relation_settings import Representation

every_system = pytest.mark.parametrize(
    ("representation", "input"),
    [(representation, input) for representation in get_args(Representation) for input in ("one-pass", "markers")],
)


def make(toy, representation: str, input: str, **settings):
    """A model that says every relation of every pair, with its probability: decisions hide nothing."""
    relations = {
        "representation": representation,
        "input": input,
        "loss": "binary-cross-entropy",
        "threshold": 0.0,
        **settings.pop("relations", {}),
    }
    settings = {"mentions": {"threshold": 0.5}, "coreference": {"threshold": 0.5}, **settings}
    model = toy.model(relations=relations, **settings)
    predictor = Predictor(model, toy.collator(model))
    with torch.no_grad():
        for name, parameter in model.relation_scorer.named_parameters():
            if "unet" not in name:  # whose ten layers would magnify rounding
                parameter *= 3  # probabilities far from 1/2
        # 15 % of the candidates are mentions, 20 % of their pairs corefer
        batch = predictor.stages.batch([toy.document(2)])
        probability = predictor.stages.candidates(batch)[1].probability
        model.mention_scorer.out.bias -= probability.quantile(0.85).logit()
        _, (found,) = predictor.stages.mentions(batch)
        assert len(found.pairs.score) == len(found.spans) * (len(found.spans) - 1) // 2  # none is unlikely
        model.coreference_scorer.out.bias -= torch.from_numpy(found.pairs.score).quantile(0.8).logit()
    return predictor


def scores(document: Document) -> dict[tuple[int, int, str], float]:
    found = {(r.head, r.tail, r.type): r.score for r in document.relations}
    assert len(found) == len(document.relations)
    return found


def assert_same(first: Document, second: Document, tolerance: float = 1e-5) -> None:
    assert [(e.type, e.name, e.mentions) for e in first.entities] == [
        (e.type, e.name, e.mentions) for e in second.entities
    ]
    for a, b in zip(first.entities, second.entities, strict=True):
        assert a.score == pytest.approx(b.score, abs=tolerance)
    assert scores(first).keys() == scores(second).keys()
    for key, score in scores(first).items():
        assert score == pytest.approx(scores(second)[key], abs=tolerance), key
    assert [r.evidence for r in first.relations] == [r.evidence for r in second.relations]


@every_system
def test_a_batch_says_what_its_documents_say(toy, representation: str, input: str) -> None:
    predictor = make(toy, representation, input)
    documents = [toy.document(i, sentences=1 + i % 4, entities=1 + i) for i in range(5)]
    for method in (predictor.gold_entities, predictor.end_to_end):
        together = method(documents)
        assert [document.id for document in together] == [document.id for document in documents]
        for one, document in zip(together, documents, strict=True):
            assert_same(one, *method([document]))
    spread = [score for document in predictor.gold_entities(documents) for score in scores(document).values()]
    assert max(spread) - min(spread) > 0.02
    assert any(document.entities for document in predictor.end_to_end(documents))


@every_system
def test_the_order_of_entities_does_not_matter(toy, representation: str, input: str) -> None:
    predictor = make(toy, representation, input)
    document = toy.document(4, sentences=4, entities=5)
    order = [3, 0, 4, 1, 2]
    shuffled = document.with_annotations([document.entities[i] for i in order], None)
    (plain,), (permuted,) = predictor.gold_entities([document]), predictor.gold_entities([shuffled])
    expected = scores(plain)
    assert len(expected) == 5 * 4 * 4
    for (head, tail, kind), score in scores(permuted).items():
        assert score == pytest.approx(expected[order[head], order[tail], kind], abs=1e-5)


@every_system
def test_only_pairs_that_are_asked_about_get_relations(toy, representation: str, input: str) -> None:
    predictor = make(toy, representation, input)
    free, asking, silent = toy.document(4, entities=4), toy.document(5, entities=4), toy.document(6, entities=3)
    everything = [scores(document) for document in predictor.gold_entities([free, asking, silent])]
    asking = replace(asking, candidates=((0, 3), (2, 1)))
    silent = replace(silent, candidates=())
    restricted = predictor.gold_entities([free, asking, silent])
    assert [document.candidates for document in restricted] == [None, ((0, 3), (2, 1)), ()]
    expected = [
        everything[0],
        {fact: score for fact, score in everything[1].items() if fact[:2] in ((0, 3), (2, 1))},
        {},
    ]
    for document, wanted in zip(restricted, expected, strict=True):
        assert scores(document) == pytest.approx(wanted, abs=1e-5)


@every_system
def test_no_entity_and_one_entity(toy, representation: str, input: str) -> None:
    predictor = make(toy, representation, input)
    documents = [toy.document(1, entities=0), toy.document(2, entities=3), toy.document(3, entities=1)]
    for batch in (documents, documents[:1], documents[2:], documents[::-1]):
        for given, predicted in zip(batch, predictor.gold_entities(batch), strict=True):
            assert predicted.entities == given.entities
            assert len(predicted.relations) == len(given.entities) * (len(given.entities) - 1) * 4


@every_system
def test_a_hundred_entities(toy, representation: str, input: str) -> None:
    predictor = make(toy, representation, input, relations={"threshold": 0.9}, encoder={"max_length": 60})
    (predicted,) = predictor.gold_entities([toy.document(1, sentences=10, entities=100)])
    assert len(predicted.entities) == 100
    assert {r.head for r in predicted.relations} <= set(range(100))


def test_no_mention_found(toy) -> None:
    predictor = make(toy, "localized-context", "markers")
    torch.nn.init.constant_(predictor.model.mention_scorer.out.bias, -1e4)
    for document in predictor.end_to_end([toy.document(1), toy.document(2)]):
        assert document.entities == () and document.relations == ()


@every_system
def test_documents_longer_than_a_window(toy, representation: str, input: str) -> None:
    """No crash, every word read, and no trace of the long document in the scores of the short one beside it."""
    predictor = make(toy, representation, input, encoder={"max_length": 24, "overlap": 6})
    long, short = toy.document(1, sentences=9, entities=6), toy.document(2, sentences=1, entities=3)
    assert toy.collator(predictor.model).plain([long]).windows.flat.shape[0] >= 4
    for method in (predictor.gold_entities, predictor.end_to_end):
        together = method([long, short])
        assert_same(together[1], *method([short]))
        assert_same(together[0], *method([long]))
        assert together[0].tokens == long.tokens
    # what fits into a window does not depend on the window's length
    roomy = Predictor(predictor.model, Collator(SubwordTokeniser(toy.tokenizer()), 200, 6))
    assert_same(*predictor.end_to_end([short]), *roomy.end_to_end([short]))
    ends = {m.end for e in predictor.end_to_end([long])[0].entities for m in e.mentions}
    assert max(ends) > len(long.tokens) // 2


def test_entities_are_as_documented(toy) -> None:
    predictor = make(toy, "entity-concatenation", "one-pass")
    for document in predictor.end_to_end([toy.document(i) for i in range(4)]):
        firsts = [min(m.span for m in e.mentions) for e in document.entities]
        assert firsts == sorted(firsts)
        for entity in document.entities:
            assert [m.span for m in entity.mentions] == sorted(m.span for m in entity.mentions)
            assert 0 <= entity.score <= 1
            assert entity.name in {m.text for m in entity.mentions}
            assert len(entity.name) == max(len(m.text) for m in entity.mentions)
        document.validate(toy.SCHEMA)


def test_annotations_do_not_leak_into_end_to_end(toy) -> None:
    predictor = make(toy, "localized-context", "markers")
    document = toy.document(3)
    bare = replace(document, entities=(), relations=None)
    assert predictor.end_to_end([document]) == predictor.end_to_end([bare])
    (again,) = predictor.gold_entities([document])
    (unlabelled,) = predictor.gold_entities([replace(document, relations=None)])
    assert again == unlabelled


def test_end_to_end_is_gold_entities_of_what_was_found(toy) -> None:
    """The pipeline: relations between predicted entities are those of a document that has these entities."""
    for input in ("one-pass", "markers"):
        predictor = make(toy, "localized-context", input)
        (joint,) = predictor.end_to_end([toy.document(5)])
        assert len(joint.entities) > 1
        (pipeline,) = predictor.gold_entities([joint])
        assert_same(joint, pipeline)


def test_unknown_types_are_named(toy) -> None:
    predictor = make(toy, "localized-context", "one-pass")
    document = toy.document(1)
    odd = replace(document, entities=(*document.entities, Entity("PRE", "x", document.entities[0].mentions)))
    with pytest.raises(InputError, match=r"document 'doc-1': entities\[4\].type: entity type 'PRE'.*PER"):
        predictor.gold_entities([odd])


def test_distant_pairs_are_counted(toy) -> None:
    predictor = make(toy, "localized-context", "one-pass", relations={"max_word_distance": 3})
    words = Document.from_words("d", [["a"] * 20])
    document = words.with_annotations(
        [Entity("PER", "a", (words.mention(i, i + 1),)) for i in (0, 3, 12)], [Relation(0, 1, "P1")]
    )
    (predicted,) = predictor.gold_entities([document])
    assert {(r.head, r.tail) for r in predicted.relations} == {(0, 1), (1, 0)}
    assert predictor.unscored_pairs == 4


def test_relations_without_direction_are_asked_in_the_order_of_the_text(toy) -> None:
    """Of what a model says with direction, the forward half."""
    both, forward = (
        make(toy, "localized-context", "one-pass", relations={"directed": directed}) for directed in (True, False)
    )
    forward.model.load_state_dict(both.model.state_dict())
    documents = [toy.document(seed) for seed in (1, 2)]
    for annotate in ("gold_entities", "end_to_end"):
        pairs = zip(getattr(both, annotate)(documents), getattr(forward, annotate)(documents), strict=True)
        for full, half in pairs:
            assert any(r.head > r.tail for r in full.relations)
            kept = [(r.head, r.tail, r.type, pytest.approx(r.score)) for r in full.relations if r.head < r.tail]
            assert [(r.head, r.tail, r.type, r.score) for r in half.relations] == kept


def test_shift_moves_the_balance(toy) -> None:
    counts = []
    for shift in (-5.0, 0.0, 5.0):
        model = toy.model(relations={"gold_shift": shift, "loss": "adaptive-threshold"})
        (predicted,) = Predictor(model, toy.collator(model)).gold_entities([toy.document(1)])
        counts.append(len(predicted.relations))
        assert all(r.score > 0.5 for r in predicted.relations)
    assert counts[0] < counts[1] < counts[2]


def test_every_relation_may_have_its_own_shift(toy) -> None:
    """A relation with a shift is said as if all had it, the others as without."""
    said = {}
    for shift in (0.0, 5.0, (0.0, 5.0, 0.0, 0.0)):
        model = toy.model(relations={"gold_shift": shift, "loss": "adaptive-threshold"})
        (predicted,) = Predictor(model, toy.collator(model)).gold_entities([toy.document(1)])
        said[shift] = scores(predicted)
    none, all, one = said.values()
    expected = {k: v for k, v in none.items() if k[2] != "P2"} | {k: v for k, v in all.items() if k[2] == "P2"}
    assert one == expected and none != one != all


def test_predicting_changes_nothing(toy) -> None:
    predictor = make(toy, "multi-instance", "markers")
    before = {name: value.clone() for name, value in predictor.model.state_dict().items()}
    documents = [toy.document(1)]
    assert predictor.end_to_end(documents) == predictor.end_to_end(documents)
    assert all(torch.equal(before[name], value) for name, value in predictor.model.state_dict().items())
