from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.training_set import Budget, TrainingBatch


def equal(first: object, second: object) -> bool:
    """Whether two (nested) dataclasses of tensors hold the same numbers."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if hasattr(first, "__dataclass_fields__"):
        return all(equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))
    return first == second


@pytest.fixture(scope="module")
def model(toy):
    return toy.model()


@pytest.fixture(scope="module")
def marking(toy):
    return toy.model(relations={"input": "markers"})


@given(
    seed=st.integers(0, 100),
    tokens=st.integers(1, 300),
    pairs=st.integers(1, 60),
    most=st.integers(1, 5),
    buffer=st.integers(1, 20),
)
@settings(max_examples=25, deadline=None)
def test_every_document_once_within_the_budget(
    toy, marking, seed: int, tokens: int, pairs: int, most: int, buffer: int
) -> None:
    documents = [toy.document(i, sentences=1 + i % 4, entities=2 + i % 4) for i in range(9)]
    budget = Budget(tokens, pairs, most, buffer)
    training = toy.training_set(marking, documents, budget=budget, seed=seed)
    groups = training(seed).groups
    assert sorted(i for group in groups for (i,) in group) == list(range(9))
    for group in groups:
        longest = max(max(len(training.prepared[i].plain.ids), len(training.prepared[i].marked.ids)) for (i,) in group)
        several = len(group) > 1
        assert len(group) <= most
        assert not several or longest * len(group) <= tokens
        assert not several or sum(training.prepared[i].pairs for (i,) in group) <= pairs


def test_documents_are_not_grouped_more_finely_than_the_budget_asks(toy, model) -> None:
    documents = [toy.document(i) for i in range(12)]
    training = toy.training_set(model, documents, budget=Budget(10_000, 10_000, 4, 64))
    assert [len(group) for group in training(0).groups] == [4, 4, 4]


def test_an_epoch_depends_on_seed_and_number_alone(toy, model) -> None:
    documents = [toy.document(i) for i in range(10)]
    budget = Budget(documents=2)
    first, again = (toy.training_set(model, documents, budget=budget, seed=4) for _ in range(2))
    list(again(0))  # what was asked before does not matter
    one, two = list(first(3)), list(reversed([again(3)[i] for i in reversed(range(len(again(3))))]))
    assert len(one) == len(two) and all(equal(a, b) for a, b in zip(one, two, strict=True))
    assert first(3).groups != first(4).groups
    assert first(3).groups != toy.training_set(model, documents, budget=budget, seed=5)(3).groups


def test_negatives_change_with_the_epoch(toy, model) -> None:
    training = toy.training_set(model, [toy.document(1, sentences=6)])
    first, second = (training.batch([(0,)], epoch) for epoch in (0, 1))
    gold = int(first.targets.is_mention.sum())
    assert torch.equal(first.targets.spans[:gold], second.targets.spans[:gold])
    assert not torch.equal(first.targets.spans, second.targets.spans)


def test_negatives_of_a_document_do_not_depend_on_its_batch(toy, model) -> None:
    documents = [toy.document(i) for i in range(3)]
    training = toy.training_set(model, documents)
    alone, together = training.batch([(2,)], 5).targets, training.batch([(0,), (2,)], 5).targets
    offset = len(documents[0].tokens)
    assert torch.equal(alone.spans + offset, together.spans[-len(alone.spans) :])
    assert torch.equal(alone.edit_distance, together.edit_distance[-len(alone.edit_distance) :])
    assert torch.equal(alone.labels, together.labels[-len(alone.labels) :])


def test_shares(toy, model) -> None:
    documents = [toy.document(i) for i in range(20)]
    training = toy.training_set(model, documents, shares=[1.0] * 10 + [0.3] * 10)
    visits = [0] * 20
    for epoch in range(100):
        for group in training(epoch).groups:
            for (i,) in group:
                visits[i] += 1
    assert visits[:10] == [100] * 10
    assert all(10 <= count <= 55 for count in visits[10:])
    assert 240 <= sum(visits[10:]) <= 360  # 300 expected, standard deviation 14


def test_targets_by_hand(toy, model) -> None:
    """Positions in the batch point at the same words, mentions and entities as in the documents."""
    documents = [toy.document(1, entities=3), toy.document(2, relations=None), toy.document(3, entities=5)]
    training = toy.training_set(model, documents, negatives=Negatives(None, 0.5, None, None))
    batch = training.batch([(0,), (1,), (2,)], 0)
    assert isinstance(batch, TrainingBatch)
    given, targets = batch.given, batch.targets
    words = [(d, i) for d, document in enumerate(documents) for i in range(len(document.tokens))]
    entities = [(d, i) for d, document in enumerate(documents) for i in range(len(document.entities))]
    mentions = [(d, e, m.span) for d, e in entities for m in documents[d].entities[e].mentions]

    spans = [(words[s][0], words[s][1], words[e - 1][1] + 1) for s, e in targets.spans.tolist()]
    gold = {(d, *span) for d, _, span in mentions}
    assert [span in gold for span in spans] == targets.is_mention.tolist()
    assert len(set(spans)) == sum(
        min(last, start + 10) - start
        for document in documents
        for first, last in document.sentence_spans
        for start in range(first, last)
    )
    for (i, j), same in zip(targets.mention_pairs.tolist(), targets.same_entity.tolist(), strict=True):
        assert mentions[i][0] == mentions[j][0] and i != j
        assert (mentions[i][:2] == mentions[j][:2]) == same
    pairs = list(zip(targets.pairs.head.tolist(), targets.pairs.tail.tolist(), strict=True))
    assert len(pairs) == 3 * 2 + 5 * 4  # nothing of the document without relation annotation
    assert [entities[head][0] for head, _ in pairs] == targets.pairs.document.tolist() == [0] * 6 + [2] * 20
    for (head, tail), labels in zip(pairs, targets.labels.tolist(), strict=True):
        (number, h), (_, t) = entities[head], entities[tail]
        facts = {r.type for r in documents[number].relations if (r.head, r.tail) == (h, t)}
        assert {toy.SCHEMA.relation_types[i].id for i, holds in enumerate(labels[1:]) if holds} == facts
        assert labels[0] == (not facts)
    assert given.entity_type.tolist() == [toy.SCHEMA.entity_index[documents[d].entities[e].type] for d, e in entities]
    assert given.mentions.entity_document.tolist() == [d for d, _ in entities]


def test_documents_without_entities_or_relations(toy, model) -> None:
    documents = [toy.document(1, entities=0), toy.document(2, entities=1), toy.document(3, relations=None)]
    targets = toy.training_set(model, documents).batch([(0,), (1,), (2,)], 0).targets
    assert len(targets.pairs) == len(targets.labels) == 0
    assert targets.labels.shape == (0, 5) and targets.labels.dtype == torch.bool


def test_views_that_the_model_needs(toy, model, marking) -> None:
    documents = [toy.document(1)]
    assert toy.training_set(model, documents).batch([(0,)], 0).given.marked is None
    both = toy.training_set(marking, documents).batch([(0,)], 0).given
    assert both.plain is not None and both.marked is not None
    assert len(both.marked.casing) > len(both.plain.casing)


def with_evidence(toy, seed: int, *cited: tuple[int, ...]):
    document = toy.document(seed)
    facts = zip(document.relations, cited, strict=True)
    return replace(document, relations=tuple(replace(fact, evidence=sentences) for fact, sentences in facts))


@pytest.mark.parametrize("input", ["one-pass", "markers"])
def test_evidence_of_a_batch(toy, caplog: pytest.LogCaptureFixture, input: str) -> None:
    cited = ((0, 2), (), (1,))
    documents = [with_evidence(toy, 1, *cited), toy.document(2), toy.document(3, relations=None), toy.document(4, 5)]
    guided = toy.model(relations={"input": input, "evidence_weight": 0.1})
    with caplog.at_level("INFO", logger="joint_ie"):
        training = toy.training_set(guided, documents, Negatives(5, 0.5, 5, relations=4))
    assert "2 of 4 documents have relations, but no evidence of them" in caplog.text
    batch = training.batch([(i,) for i in range(4)], 0)
    targets, evidence = batch.targets, batch.targets.evidence
    assert evidence.counts.shape == (len(targets.pairs), 5)
    first = documents[0].relations
    pairs = zip(targets.pairs.head.tolist(), targets.pairs.tail.tolist(), strict=True)
    rows = {pair: row for row, pair in enumerate(pairs)}
    expected = torch.zeros_like(evidence.counts)
    for fact, sentences in zip(first, cited, strict=True):
        expected[rows[fact.head, fact.tail], list(sentences)] += 1
    assert torch.equal(evidence.counts, expected)
    # pairs without evidence count, but not in documents that have none at all
    related = targets.labels[:, 1:].any(1)
    assert torch.equal(evidence.related, related & (targets.pairs.document == 0))
    assert int(related.sum()) > int(evidence.related.sum()) > int(expected.any(1).sum())
    view = batch.given.marked or batch.given.plain
    assert len(evidence.token_sentence) == view.windows.tokens
    by_word = [sentence for document in documents for sentence in document.token_sentence]
    by_token = torch.repeat_interleave(torch.tensor(by_word), view.word_length)
    assert torch.equal(evidence.token_sentence[view.word_tokens], by_token)
    special = torch.isin(view.windows.input_ids, torch.tensor([2, 3])) & (view.windows.flat >= 0)
    none = torch.zeros(view.windows.tokens, dtype=torch.bool)
    none[view.windows.flat[special]] = True
    assert torch.equal(evidence.token_sentence < 0, none)  # markers belong to sentences
    assert training.batch([(1,), (2,), (3,)], 0).targets.evidence is None
    moved = batch.to(torch.device("cpu")).targets.evidence
    assert equal(moved, evidence)


def test_evidence_of_joined_documents(toy) -> None:
    documents = [toy.document(2), with_evidence(toy, 1, (0, 2), (), (1,))]
    guided = toy.model(relations={"evidence_weight": 0.1})
    evidence = toy.training_set(guided, documents).batch([(0, 1)], 0).targets.evidence
    assert evidence.counts.sum(0).tolist() == [0, 0, 0, 1, 1, 1]


def test_evidence_that_no_loss_asks_for(toy, model, caplog: pytest.LogCaptureFixture) -> None:
    documents = [with_evidence(toy, 1, (0, 2), (), (1,)), toy.document(2)]
    with caplog.at_level("INFO", logger="joint_ie"):
        training = toy.training_set(model, documents)
    assert not caplog.records
    assert training.batch([(0,), (1,)], 0).targets.evidence is None
