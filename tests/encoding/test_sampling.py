from dataclasses import fields, replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.document import Document, Relation
from joint_ie.encoding.sampling import Examples, Negatives, Sample, draw, examples

SEEDS = st.integers(0, 10_000)


def rows(array: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(row) for row in array.tolist()]


def found(toy, seed: int, **shape) -> tuple[Document, Examples]:
    document = toy.document(seed, **shape)
    return document, examples(document, toy.SCHEMA.relation_index, max_width=4)


@given(seed=SEEDS, entities=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_span_pools_are_disjoint_and_complete(toy, seed: int, entities: int) -> None:
    document, made = found(toy, seed, entities=entities)
    gold = [m.span for e in document.entities for m in e.mentions]
    assert rows(made.gold_spans) == gold
    candidates = {
        (start, end)
        for first, last in document.sentence_spans
        for start in range(first, last)
        for end in range(start + 1, min(last, start + 4) + 1)
    }
    inside = {(s, e) for s, e in candidates if any(a <= s and e <= b for a, b in gold)} - set(gold)
    assert set(rows(made.inside)) == inside
    assert set(rows(made.outside)) == candidates - inside - set(gold)
    for pool in (made.inside, made.outside):
        assert len(set(rows(pool))) == len(pool)


@given(seed=SEEDS, entities=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_pairs_and_labels(toy, seed: int, entities: int) -> None:
    document, made = found(toy, seed, entities=entities, relations=4)
    owner = [i for i, e in enumerate(document.entities) for _ in e.mentions]
    pairs = list(permutations(range(len(owner)), 2))
    assert rows(made.same) == [p for p in pairs if owner[p[0]] == owner[p[1]]]
    assert rows(made.different) == [p for p in pairs if owner[p[0]] != owner[p[1]]]
    assert len(made.same_distance) == len(made.same)
    assert len(made.different_distance) == len(made.different)
    assert rows(made.pairs) == list(permutations(range(entities), 2))
    facts = {(r.head, r.tail, toy.SCHEMA.relation_index[r.type]) for r in document.relations}
    assert {(*made.pairs[row].tolist(), relation) for row, relation in rows(made.labels)} == facts
    assert len(made.labels) == len(facts)


@given(seed=SEEDS, asked=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8, unique=True))
@settings(max_examples=40, deadline=None)
def test_only_the_pairs_that_are_asked_about(toy, seed: int, asked: list[tuple[int, int]]) -> None:
    document, everything = found(toy, seed, entities=4, relations=4)
    made = examples(replace(document, candidates=tuple(asked)), toy.SCHEMA.relation_index, 4)
    assert rows(made.pairs) == sorted(pair for pair in asked if pair[0] != pair[1])
    facts = {(*everything.pairs[row].tolist(), relation) for row, relation in rows(everything.labels)}
    kept = {(*made.pairs[row].tolist(), relation) for row, relation in rows(made.labels)}
    assert kept == {fact for fact in facts if fact[:2] in asked}


def test_no_relation_annotation_is_not_no_relation(toy) -> None:
    document, without = found(toy, 1, relations=None)
    assert without.pairs is None and without.labels is None
    assert draw(without, Negatives(), np.random.default_rng(0)).pair_rows is None
    empty = examples(replace(document, relations=()), toy.SCHEMA.relation_index, 4)
    assert len(empty.pairs) == 12 and len(empty.labels) == 0
    assert len(draw(empty, Negatives(), np.random.default_rng(0)).pair_rows) == 12


def test_a_fact_listed_twice_is_one(toy) -> None:
    document, once = found(toy, 1)
    twice = examples(replace(document, relations=document.relations * 2), toy.SCHEMA.relation_index, 4)
    assert np.array_equal(once.labels, twice.labels)


def test_evidence_counts_the_facts_of_a_pair(toy) -> None:
    facts = [(0, 1, "P1", (0, 2)), (0, 1, "P2", (2,)), (0, 1, "P2", (2, 1)), (2, 0, "P1", ()), (1, 1, "P1", (0,))]
    relations = tuple(Relation(head, tail, kind, evidence=cited) for head, tail, kind, cited in facts)
    document = replace(toy.document(1, entities=3), relations=relations)
    made = examples(document, toy.SCHEMA.relation_index, 4)
    assert rows(made.evidence) == [(0, 0, 1), (0, 1, 1), (0, 2, 2)]  # a fact listed twice cites what both cite
    assert rows(made.labels) == [(0, 0), (0, 1), (4, 0)]
    assert examples(replace(document, relations=None), toy.SCHEMA.relation_index, 4, True).evidence is None


@given(
    seed=SEEDS,
    mentions=st.none() | st.integers(0, 60),
    share=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    coreference=st.none() | st.integers(0, 30),
    relations=st.none() | st.integers(0, 15),
)
@settings(max_examples=60, deadline=None)
def test_draws_are_as_many_as_asked_and_from_their_pools(
    toy, seed: int, mentions: int | None, share: float, coreference: int | None, relations: int | None
) -> None:
    _, made = found(toy, seed)
    negatives = Negatives(mentions, share, coreference, relations)
    sample = draw(made, negatives, np.random.default_rng(seed))
    assert sample.gold == len(made.gold_spans)
    assert np.array_equal(sample.spans[: sample.gold], made.gold_spans)
    drawn = rows(sample.spans[sample.gold :])
    assert len(set(drawn)) == len(drawn)
    near = [span for span in drawn if span in set(rows(made.inside))]
    far = [span for span in drawn if span in set(rows(made.outside))]
    assert len(near) + len(far) == len(drawn)
    if mentions is None:
        assert (len(near), len(far)) == (len(made.inside), len(made.outside))
    else:
        assert len(near) == min(len(made.inside), int(mentions * share))
        assert len(far) == min(len(made.outside), mentions - len(near))
    assert sample.same == len(made.same)
    assert np.array_equal(sample.mention_pairs[: sample.same], made.same)
    distance = dict(zip(rows(made.different), made.different_distance.tolist(), strict=True))
    other = rows(sample.mention_pairs[sample.same :])
    assert len(set(other)) == len(other) == len(made.different if coreference is None else made.different[:coreference])
    assert [distance[pair] for pair in other] == sample.edit_distance[sample.same :].tolist()
    positive = set(made.labels[:, 0].tolist())
    assert all(a < b for a, b in pairwise(sample.pair_rows.tolist()))
    assert positive <= set(sample.pair_rows.tolist())
    left = len(made.pairs) - len(positive)
    assert len(sample.pair_rows) - len(positive) == (left if relations is None else min(left, relations))


def same(first: Sample, second: Sample) -> bool:
    return all(np.array_equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(Sample))


def test_draws_depend_on_the_generator_alone(toy) -> None:
    _, made = found(toy, 3, sentences=5, entities=6)
    negatives = Negatives(20, 0.5, 10, 5)
    first, again, other = (draw(made, negatives, np.random.default_rng(seed)) for seed in ((1, 0), (1, 0), (1, 1)))
    assert same(first, again)
    assert not same(first, other)


def test_unknown_relations_do_not_pass(toy) -> None:
    with pytest.raises(KeyError):
        examples(toy.document(1), {"P1": 0}, 4)
