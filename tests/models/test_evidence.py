"""Handmade documents with one word per token, and attention that is given by hand."""

import pytest
import torch

from joint_ie.document import Document
from joint_ie.encoding.batches import Batch, words_of
from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.models import joint as module
from joint_ie.models.evidence import BOTH, CONTEXT, NEAREST, evidence

# sentences: document 0 words 0-2, 3-5, (none), 6-8, 9-11; document 1 words 0-1, 2-3
FIRST = Document.from_words("a", [["a", "b", "c"], ["a", "b", "c"], [], ["a", "b", "c"], ["a", "b", "c"]])
SECOND = Document.from_words("b", [["d", "e"], ["d", "e"]])
ENTITIES = [
    [[(0, 1), (10, 11)], [(2, 3), (4, 5)], [(6, 7), (9, 10)], [(3, 5)]],
    [[(0, 1)], [(1, 2), (3, 4)], [(2, 3)]],
]


def found(toy, pairs: list[tuple[int, int, int]], representation: str = "entity-concatenation") -> list:
    model = toy.model(relations={"representation": representation})
    documents = [FIRST, SECOND]
    view = toy.collator(model).plain(documents)
    batch = Batch(tuple(documents), words_of(documents), view)
    mentions = MentionIndex.build(ENTITIES, batch.words.offset[:-1].tolist())
    with torch.no_grad():
        encoded = model.encode(view, batch.words, torch.tensor([5]))
        facts = PairIndex(*torch.tensor(pairs, dtype=torch.long).view(-1, 3).T)
        types = torch.zeros(mentions.entities, dtype=torch.long)
        given = model.pair_input(encoded, batch.words, mentions, types, facts)
        return evidence(given, view, documents, facts)


def test_sentences_with_both_entities(toy) -> None:
    pairs = [(0, 1, 0), (1, 0, 0), (0, 2, 0), (1, 3, 0), (4, 5, 1), (6, 5, 1)]
    expected = [((0,), BOTH), ((0,), BOTH), ((4,), BOTH), ((1,), BOTH), ((0,), BOTH), ((1,), BOTH)]
    for representation in toy.REPRESENTATIONS:
        assert found(toy, pairs, representation) == expected


def test_sentences_of_the_nearest_mentions(toy) -> None:
    # entity 0 (words 0, 10) and 3 (word 3): 0 is nearer; 1 (2, 4) and 2 (6, 9): 4 and 6; document 1: 0 and 2
    pairs = [(0, 3, 0), (1, 2, 0), (2, 1, 0), (4, 6, 1)]
    expected = [((0, 1), NEAREST), ((1, 3), NEAREST), ((1, 3), NEAREST), ((0, 1), NEAREST)]
    assert found(toy, pairs) == expected
    assert found(toy, pairs, "multi-instance") == expected


def test_no_facts(toy) -> None:
    assert found(toy, []) == found(toy, [], "localized-context") == []


def whole(values: torch.Tensor) -> AttentionRows:
    """Rows over a document of one window."""
    rows = torch.zeros(len(values), dtype=torch.long)
    return AttentionRows(values, rows, rows + values.shape[2])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({0: 1.0}, ((0, 1, 3), CONTEXT)),
        ({1: 0.5, 3: 0.3, 4: 0.2}, ((1, 3), CONTEXT)),
        ({0: 0.24, 1: 0.2, 3: 0.23, 4: 0.33}, ((1, 3, 4), CONTEXT)),
        ({0: 0.2, 1: 0.1, 3: 0.19, 4: 0.51}, ((1, 3, 4), CONTEXT)),
        ({0: 0.25, 1: 0.25, 3: 0.25, 4: 0.25}, ((0, 1, 3, 4), CONTEXT)),
        ({}, ((1, 3), NEAREST)),  # special tokens hold all the weight
    ],
)
def test_sentences_that_the_context_points_to(
    toy, monkeypatch: pytest.MonkeyPatch, weights: dict[int, float], expected: tuple
) -> None:
    """Entities 1 and 2 of document 0 share no sentence; both attend to a sentence with the root of its weight.

    Their nearest mentions stand in sentences 1 and 3, which are always named.
    """
    row = torch.zeros(14)  # [CLS], twelve words, [SEP]
    row[0] = 1.0 - sum(weights.values())
    for sentence, weight in weights.items():
        start, end = FIRST.sentence_spans[sentence]
        row[1 + start : 1 + end] = weight / 3
    count = sum(len(spans) for group in ENTITIES for spans in group)
    values = row.sqrt().expand(count, 2, 14)
    monkeypatch.setattr(module, "attention_rows", lambda *_: whole(values))
    assert found(toy, [(1, 2, 0)], "localized-context") == [expected]


def test_each_fact_by_the_best_way_it_has(toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the facts, although each way is asked for all that are left at once."""
    count = sum(len(spans) for group in ENTITIES for spans in group)
    values = torch.zeros(count, 2, 14)
    values[:4, :, 10] = 1.0  # mentions of entities 0 and 1 attend to word 9, the others to nothing at all
    monkeypatch.setattr(module, "attention_rows", lambda *_: whole(values))
    values[6, :, 10] = 1.0  # the mention of entity 3
    pairs = [(1, 2, 0), (0, 1, 0), (0, 3, 0), (4, 6, 1), (4, 5, 1)]
    expected = [((1, 3), NEAREST), ((0,), BOTH), ((0, 1, 4), CONTEXT), ((0, 1), NEAREST), ((0,), BOTH)]
    assert found(toy, pairs, "localized-context") == expected


def test_sentences_without_head_and_tail_are_no_evidence(toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entities 0 and 3 attend to word 7 alone, in sentence 3, where neither stands."""
    count = sum(len(spans) for group in ENTITIES for spans in group)
    values = torch.zeros(count, 2, 14)
    values[:, :, 8] = 1.0
    monkeypatch.setattr(module, "attention_rows", lambda *_: whole(values))
    assert found(toy, [(0, 3, 0)], "localized-context") == [((0, 1), NEAREST)]
