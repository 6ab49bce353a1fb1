"""Pairs of antecedents, against loops over the mentions of a document."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity
from joint_ie.encoding.antecedents import TextOrder, antecedent_pairs
from joint_ie.encoding.distances import edit_distances
from joint_ie.encoding.sampling import Negatives, draw, examples
from joint_ie.encoding.training_set import Joining

SPAN = st.tuples(st.integers(0, 6), st.integers(1, 3)).map(lambda s: (s[0], s[0] + s[1]))
ENTITIES = st.lists(st.lists(SPAN, min_size=1, max_size=4), max_size=5)  # spans repeat, in an entity and in two


@given(ENTITIES, st.integers(1, 12))
def test_every_mention_with_those_before_it(entities: list[list[tuple[int, int]]], most: int) -> None:
    spans = [span for entity in entities for span in entity]
    owner = [i for i, entity in enumerate(entities) for _ in entity]
    found = antecedent_pairs(np.array(spans, dtype=np.int64).reshape(-1, 2), np.array(owner, dtype=np.int64), most)
    text = sorted(set(spans))
    expected = {}
    for j, mention in enumerate(text):
        for antecedent in text[max(0, j - most) : j]:
            expected[antecedent, mention] = any(antecedent in entity and mention in entity for entity in entities)
    pairs = [(spans[i], spans[j]) for i, j in found.pairs.tolist()]
    assert pairs == list(expected)  # each once, by mention, then antecedent
    assert found.coreferent.tolist() == list(expected.values())
    assert found.left_out == len(text) * (len(text) - 1) // 2 - len(pairs)
    assert all(spans.index(spans[row]) == row for row in found.pairs.ravel())


@given(ENTITIES, st.randoms(use_true_random=False))
def test_the_order_of_a_text_is_that_of_no_list(entities: list[list[tuple[int, int]]], random) -> None:
    spans = [span for entity in entities for span in entity]
    random.shuffle(spans)
    order = TextOrder.of(torch.tensor(spans, dtype=torch.long).view(-1, 2))
    text = sorted(set(spans))
    assert order.places == len(text)
    assert order.place.tolist() == [text.index(span) for span in spans]


def test_they_are_the_mention_pairs_of_a_document(toy) -> None:
    document = toy.document(3, entities=6)
    made = examples(document, toy.SCHEMA.relation_index, 4, max_antecedents=250)
    sample = draw(made, Negatives(coreference=None), np.random.default_rng(0))
    mentions = [m for e in document.entities for m in e.mentions]
    places = len({m.span for m in mentions})
    assert len(sample.mention_pairs) == places * (places - 1) // 2 > 0 and made.left_out == 0
    texts = [m.text for m in mentions]
    assert np.array_equal(sample.edit_distance, edit_distances(texts, torch.from_numpy(sample.mention_pairs)).numpy())


def test_what_is_too_far_back_is_counted(toy, caplog: pytest.LogCaptureFixture) -> None:
    model = toy.model(coreference={"method": "antecedent", "max_antecedents": 3})
    documents = [toy.document(i, entities=5) for i in range(2)]
    places = [len({m.span for e in document.entities for m in e.mentions}) for document in documents]
    left_out = sum((n - 4) * (n - 3) // 2 for n in places)
    with caplog.at_level("INFO", logger="joint_ie"):
        training = toy.training_set(model, documents)
    assert f"{left_out} mention pairs are left out: over 3 mentions apart" in caplog.text
    pairs = training.batch([(0,), (1,)], 0).targets.mention_pairs
    assert len(pairs) == sum(n * (n - 1) // 2 for n in places) - left_out
    caplog.clear()
    with caplog.at_level("INFO", logger="joint_ie"):
        toy.training_set(toy.model(coreference={"max_antecedents": 3}), documents)  # has no part in the other method
    assert "left out" not in caplog.text


def test_joined_documents_have_antecedents_in_each_other(toy) -> None:
    model = toy.model(coreference={"method": "antecedent"})
    words = [["ab", "c", "de"]] * 2
    documents = []
    for name in ("x", "y"):
        bare = Document.from_words(name, words)
        mentions = tuple(bare.mention(start, start + 1) for start in (0, 3))
        documents.append(bare.with_annotations([Entity("PER", "ab", mentions)], []))
    training = toy.training_set(model, documents, joining=Joining(1.0, 2))
    targets = training.batch([(0, 1)], 0).targets
    assert len(targets.mention_pairs) == 4 * 3 // 2
    assert len(training.batch([(0,), (1,)], 0).targets.mention_pairs) == 2
