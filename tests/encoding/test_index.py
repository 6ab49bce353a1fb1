import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.encoding.index import MentionIndex, PairIndex, rank_in_group

SIZES = st.lists(st.integers(0, 4), max_size=5)  # entities of every document


def brute_pairs(entity_document: list[int], documents: list[int]) -> list[tuple[int, int, int]]:
    numbers = range(len(entity_document))
    return [
        (head, tail, document)
        for document in documents
        for head in numbers
        for tail in numbers
        if head != tail and entity_document[head] == entity_document[tail] == document
    ]


def as_tuples(pairs: PairIndex) -> list[tuple[int, int, int]]:
    return list(zip(pairs.head.tolist(), pairs.tail.tolist(), pairs.document.tolist(), strict=True))


@given(SIZES)
@settings(deadline=None)
def test_all_pairs_row_major(sizes: list[int]) -> None:
    entity_document = [document for document, size in enumerate(sizes) for _ in range(size)]
    pairs = PairIndex.all(torch.tensor(entity_document, dtype=torch.long))
    assert as_tuples(pairs) == brute_pairs(entity_document, list(range(len(sizes))))


@given(SIZES, st.data())
@settings(deadline=None)
def test_pairs_of_some_documents_even_without_entities(sizes: list[int], data: st.DataObject) -> None:
    entity_document = [document for document, size in enumerate(sizes) for _ in range(size)]
    chosen = sorted(data.draw(st.sets(st.integers(0, max(len(sizes) - 1, 0))))) if sizes else []
    pairs = PairIndex.all(torch.tensor(entity_document, dtype=torch.long), torch.tensor(chosen, dtype=torch.long))
    assert as_tuples(pairs) == brute_pairs(entity_document, chosen)


def test_rows_of_pairs() -> None:
    pairs = PairIndex.all(torch.tensor([0, 0, 0, 2, 2]))
    assert as_tuples(pairs[torch.tensor([1, 6])]) == [(0, 2, 0), (3, 4, 2)]
    assert as_tuples(pairs[6:]) == [(3, 4, 2), (4, 3, 2)]
    assert len(pairs) == 8


SPANS = st.tuples(st.integers(0, 8), st.integers(1, 3)).map(lambda pair: (pair[0], pair[0] + pair[1]))
DOCUMENTS = st.lists(st.lists(st.lists(SPANS, min_size=1, max_size=3), max_size=3), max_size=4)


@given(DOCUMENTS)
@settings(deadline=None)
def test_mentions_in_the_order_of_entities(documents: list) -> None:
    offsets = [20 * i for i in range(len(documents))]
    index = MentionIndex.build(documents, offsets)
    entities = [(number, spans) for number, document in enumerate(documents) for spans in document]
    expected = [
        (start + offsets[number], end + offsets[number], entity)
        for entity, (number, spans) in enumerate(entities)
        for start, end in spans
    ]
    found = [(*span, entity) for span, entity in zip(index.spans.tolist(), index.entity.tolist(), strict=True)]
    assert found == expected
    assert index.mention_count.tolist() == [len(spans) for _, spans in entities]
    assert index.entity_document.tolist() == [number for number, _ in entities]
    assert (index.mentions, index.entities) == (len(expected), len(entities))
    assert index.spans.shape == (len(expected), 2)


def test_counts_must_add_up() -> None:
    with pytest.raises(ValueError, match="mention_count"):
        MentionIndex(torch.tensor([[0, 1]]), torch.tensor([0]), torch.tensor([2]), torch.tensor([0]))


@given(st.lists(st.integers(0, 5)).map(sorted))
@settings(deadline=None)
def test_rank_in_group(group: list[int]) -> None:
    expected = [group[:i].count(number) for i, number in enumerate(group)]
    assert rank_in_group(torch.tensor(group, dtype=torch.long)).tolist() == expected


def test_moves_as_one() -> None:
    moved = PairIndex.all(torch.tensor([0, 0])).to(torch.device("meta"))
    assert moved.head.is_meta and moved.tail.is_meta and moved.document.is_meta
