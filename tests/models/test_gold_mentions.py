"""Mentions that are given: against a detector that is always right, and against the steps done one by one."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Span
from joint_ie.encoding.distances import edit_distances
from joint_ie.encoding.spans import all_spans
from joint_ie.models.clustering import linked_clusters
from joint_ie.models.prediction import Predictor
from joint_ie.models.relation_settings import Representation
from joint_ie.models.stages import given_spans

every_system = pytest.mark.parametrize(
    ("representation", "input"),
    [(representation, input) for representation in get_args(Representation) for input in ("one-pass", "markers")],
)


def make(toy, **relations) -> Predictor:
    """A model whose mention threshold lets nothing through, and that decides otherwise for gold entities."""
    relations["pair_aware"] = {**toy.SIZES["pair_aware"], "threshold": 0.0}  # refuses no pair
    model = toy.model(
        mentions={"max_width": 3, "threshold": 1.0, "overlap": False},
        coreference={"threshold": 0.5},
        encoder={"max_length": 24},
        relations={"loss": "binary-cross-entropy", "threshold": 0.5, "shift": 0.2, "gold_shift": -0.7, **relations},
    )
    with torch.no_grad():
        for name, parameter in model.relation_scorer.named_parameters():
            if "unet" not in name:
                parameter *= 3
    return Predictor(model, toy.collator(model))


@pytest.fixture
def documents(toy) -> list[Document]:
    """Of one to ten sentences, a window holding about three; every other mention is listed with two entities."""
    made = [toy.document(seed, sentences=1 + 3 * seed, entities=3 + seed) for seed in range(4)]
    return [
        document.with_annotations([*document.entities, replace(document.entities[0], type="ORG")], None)
        for document in made
    ]


def spans(document: Document) -> list[Span]:
    return [mention.span for entity in document.entities for mention in entity.mentions]


def alike(one: Sequence[Document], other: Sequence[Document]) -> bool:
    """Everything but the last digits of scores."""
    pairs = zip(one, other, strict=True)
    return all(plain(a) == plain(b) and scores(a) == pytest.approx(scores(b), abs=1e-5) for a, b in pairs)


def plain(document: Document) -> Document:
    entities = tuple(replace(entity, score=None) for entity in document.entities)
    relations = tuple(replace(relation, score=None) for relation in document.relations)
    return replace(document, entities=entities, relations=relations)


def scores(document: Document) -> list[float]:
    return [item.score for item in (*document.entities, *document.relations)]


@every_system
def test_mentions_are_those_of_the_documents(toy, documents, representation: str, input: str) -> None:
    predictor = make(toy, representation=representation, input=input)
    predicted = predictor.gold_mentions(documents)
    for document, found in zip(documents, predicted, strict=True):
        assert sorted(spans(found)) == sorted(set(spans(document)))
        assert replace(found, entities=(), relations=()) == replace(document, entities=(), relations=())
        found.validate(toy.SCHEMA)
    assert not any(document.entities for document in predictor.end_to_end(documents))
    assert predictor.repeated_mentions == sum(len(set(e.mentions)) for d in documents for e in d.entities) - sum(
        len(set(spans(d))) for d in documents
    )
    for document, found in zip(documents, predicted, strict=True):
        assert alike(predictor.gold_mentions([document]), [found])


@every_system
def test_as_if_the_detector_were_always_right(toy, documents, monkeypatch, representation: str, input: str) -> None:
    predictor = make(toy, representation=representation, input=input)
    inside = [without_wide(document) for document in documents]
    expected = predictor.gold_mentions(inside)
    candidates = predictor.stages.candidates

    def right(batch):
        encoded, found = candidates(batch)
        offset = batch.words.offset.tolist()
        wanted = {(a + offset[i], b + offset[i]) for i, d in enumerate(batch.documents) for a, b in spans(d)}
        probability = torch.tensor([float(tuple(span) in wanted) for span in found.spans.tolist()])
        return encoded, replace(found, probability=probability)

    monkeypatch.setattr(predictor.stages, "candidates", right)
    assert alike(predictor.end_to_end(inside), expected)
    assert any(document.relations for document in expected)


def without_wide(document: Document) -> Document:
    """Without mentions that a detector of spans up to three words inside a sentence cannot find."""
    where = document.token_sentence
    found = []
    for entity in document.entities:
        kept = tuple(m for m in entity.mentions if m.end - m.start <= 3 and where[m.start] == where[m.end - 1])
        if kept:
            found.append(replace(entity, mentions=kept))
    return document.with_annotations(found, None)


@pytest.mark.parametrize("input", ["one-pass", "markers"])
def test_step_by_step(toy, documents, input: str) -> None:
    """With the model's parts, one document, mention and entity at a time; relations as between entities of a corpus."""
    predictor = make(toy, input=input)
    model, stages = predictor.model, predictor.stages
    relater = make(toy, input=input, gold_shift=model.settings.relations.shift)
    for document, found in zip(documents, predictor.gold_mentions(documents), strict=True):
        listed = sorted(
            set(spans(document)), key=lambda span: (document.token_sentence[span[0]], span[1] - span[0], span[0])
        )
        batch = stages.batch([document])
        with torch.no_grad():
            encoded = model.encode(batch.plain, batch.words, torch.tensor([len(document.tokens)]))
            words = encoded.words(torch.tensor([(i, i + 1) for i in range(len(document.tokens))]))
            vectors = torch.stack([words[start:end].amax(0) for start, end in listed])
            linked = np.zeros((len(listed), len(listed)))
            for i, j in combinations(range(len(listed)), 2):
                pair = torch.tensor([[i, j]])
                distance = edit_distances([document.slice(*span) for span in listed], pair)
                linked[i, j] = model.coreference_scorer(vectors, pair, distance).sigmoid().item()
            entities = []
            for cluster in linked_clusters(linked, 0.5):
                score, kind = model.entity_typer(vectors[cluster].amax(0)[None]).softmax(1)[0].max(0)
                mentions = tuple(document.mention(*span) for span in sorted(listed[i] for i in cluster))
                name = max((m.text for m in mentions), key=len)
                entities.append(Entity(toy.SCHEMA.entity_types[int(kind)].id, name, mentions, score.item()))
            entities.sort(key=lambda entity: entity.mentions[0].span)
        (expected,) = relater.gold_entities([document.with_annotations(entities, None)])
        assert alike([found], [expected])
    assert any(len(entity.mentions) > 1 for entity in found.entities) and found.relations


def test_what_entities_the_mentions_had_does_not_matter(toy, documents) -> None:
    predictor = make(toy)
    scattered = []
    for document in documents:
        entities = [Entity("LOC", m.text, (m,)) for e in reversed(document.entities) for m in e.mentions]
        scattered.append(replace(document.with_annotations(entities, ()), candidates=((0, 1),)))
    assert predictor.gold_mentions(scattered) == predictor.gold_mentions(documents)


def test_mentions_that_no_detector_could_find(toy) -> None:
    """Longer than any candidate, across sentences, and overlapping though the detector may not."""
    bare = toy.document(1, sentences=3, entities=0)
    end = bare.sentence_spans[0][1]
    places = [(0, end), (end - 1, end + 1), (0, 1), (1, 2), (0, 2), (0, len(bare.tokens))]
    document = bare.with_annotations([Entity("PER", "x", tuple(bare.mention(*place) for place in places))], None)
    for representation in get_args(Representation):
        (found,) = make(toy, representation=representation).gold_mentions([document])
        assert sorted(spans(found)) == sorted(places)


def test_documents_without_mentions(toy) -> None:
    predictor = make(toy)
    empty, full = toy.document(1, entities=0), toy.document(2)
    together = predictor.gold_mentions([empty, full, empty])
    assert [document.entities for document in together[::2]] == [(), ()]
    assert alike(together[1:2], predictor.gold_mentions([full]))
    assert predictor.gold_mentions([empty])[0].relations == ()


@settings(deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
def test_given_spans_are_in_candidate_order(toy, lengths: list[int], data: st.DataObject) -> None:
    document = Document.from_words("d", [["a"] * length for length in lengths])
    candidates = [tuple(span) for span in all_spans(torch.tensor(document.token_sentence), 5).tolist()]
    chosen = data.draw(st.lists(st.sampled_from(candidates), min_size=1, max_size=6))
    entities = [Entity("PER", "a", (document.mention(*span),)) for span in chosen]
    expected = [span for span in candidates if span in chosen]
    assert given_spans(document.with_annotations(entities, None)) == expected
