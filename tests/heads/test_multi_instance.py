import pytest
import torch
from torch.nn.functional import linear

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads import multi_instance as module
from joint_ie.heads.multi_instance import MultiInstance, mention_pairs, runs
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.segments import segment_max

WIDTH, TYPES, SIZE, CLASSES = 6, 3, 4, 5
# two documents of 12 and 8 words; mentions that touch, nest, overlap and repeat
ENTITIES = [
    [[(0, 2), (7, 8)], [(2, 3)], [(0, 3), (5, 9), (5, 9)]],
    [[(0, 1)], [(7, 8), (3, 5)]],
]
SENTENCE = [0] * 4 + [1] * 3 + [2] * 5 + [3] * 4 + [7] * 4


@pytest.fixture
def given() -> PairInput:
    torch.manual_seed(0)
    words = torch.randn(20, WIDTH, dtype=torch.float64)
    mentions = MentionIndex.build(ENTITIES, [0, 12])
    table = RangeMax(words, 12)
    spans = table(mentions.spans)
    return PairInput(
        hidden=words,
        token_offset=torch.tensor([0, 12, 20]),
        rows=mentions.spans[:, 0],
        attention=None,
        words=table,
        word_offset=torch.tensor([0, 12, 20]),
        word_sentence=torch.tensor(SENTENCE),
        spans=spans,
        entities=segment_max(spans, mentions.mention_count),
        entity_type=torch.tensor([0, 2, 1, 1, 0]),
        mentions=mentions,
        pairs=PairIndex.all(mentions.entity_document),
    )


def head(words: int = 30, sentences: int = 9) -> MultiInstance:
    torch.manual_seed(1)
    return MultiInstance(WIDTH, TYPES, SIZE, words, sentences, CLASSES, dropout=0.1).double().eval()


def by_hand(head: MultiInstance, given: PairInput) -> torch.Tensor:
    """Golden joint README 5.2, one pair and one mention pair at a time."""
    words = given.hidden
    flat = [[(s + o, e + o) for s, e in spans] for group, o in zip(ENTITIES, (0, 12), strict=True) for spans in group]
    numbers = [range(3), range(3, 5)]
    logits = []
    for group in numbers:
        for a in group:
            for b in group:
                if a == b:
                    continue
                pooled = [torch.stack([words[s:e].amax(0) for s, e in flat[i]]).amax(0) for i in (a, b)]
                vectors = []
                for first in flat[a]:
                    for second in flat[b]:
                        early, late = sorted((first, second))
                        between = words[early[1] : late[0]]
                        overlap = set(range(*first)) & set(range(*second))
                        distance = 0 if overlap else late[0] - early[1] + 1
                        apart = abs(SENTENCE[first[0]] - SENTENCE[second[0]])
                        tables = (head.word_distance_embedding.weight, head.sentence_distance_embedding.weight)
                        parts = [
                            between.amax(0) if len(between) else torch.zeros(WIDTH, dtype=torch.float64),
                            words[slice(*first)].amax(0),
                            words[slice(*second)].amax(0),
                            *pooled,
                            tables[0][min(distance, len(tables[0]) - 1)],
                            tables[1][min(apart, len(tables[1]) - 1)],
                        ]
                        vectors.append(linear(torch.cat(parts), head.mention_pair.weight, head.mention_pair.bias))
                classifier = head.classifier
                kinds = [classifier.type_embedding.weight[given.entity_type[i]] for i in (a, b)]
                pair = torch.cat([torch.stack(vectors).amax(0), *kinds])
                hidden = torch.relu(linear(pair, classifier.hidden.weight, classifier.hidden.bias))
                logits.append(classifier.out(hidden))
    return torch.stack(logits)


@pytest.mark.parametrize("tables", [(30, 9), (4, 2)])  # the second: distances beyond the tables
def test_logits_by_hand(given: PairInput, tables: tuple[int, int]) -> None:
    model = head(*tables)
    assert torch.allclose(model(given).logits, by_hand(model, given), rtol=1e-10, atol=1e-12)


def test_all_combinations_of_mentions(given: PairInput) -> None:
    instances, owner = mention_pairs(given.mentions, given.pairs)
    flat = [[i for i, e in enumerate(given.mentions.entity.tolist()) if e == entity] for entity in range(5)]
    expected = [
        (row, i, j)
        for row, (a, b) in enumerate(zip(given.pairs.head.tolist(), given.pairs.tail.tolist(), strict=True))
        for i in flat[a]
        for j in flat[b]
    ]
    assert [(row, *pair) for row, pair in zip(owner.tolist(), instances.tolist(), strict=True)] == expected


def test_chunks_of_pairs(given: PairInput) -> None:
    model = head()
    shared = model.prepare(given)
    parts = [model.score(shared, given.pairs[rows]).logits for rows in torch.arange(len(given.pairs)).split(3)]
    assert torch.allclose(torch.cat(parts), model(given).logits, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("limit", [1, 4, 5, 7])
def test_few_mention_pairs_at_a_time(given: PairInput, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Values and gradients are those of all together, and no more mention pairs than allowed are alive."""
    model, alive = head(), []
    whole = model(given).logits
    expected = torch.autograd.grad(whole.square().sum(), list(model.parameters()))
    vectors = model.mention_pair_vectors
    monkeypatch.setattr(model, "mention_pair_vectors", lambda *args: alive.append(args[2]) or vectors(*args))
    monkeypatch.setattr(module, "MENTION_PAIRS", limit)
    logits = model(given).logits
    torch.testing.assert_close(logits, whole, rtol=0, atol=1e-12)
    found = torch.autograd.grad(logits.square().sum(), list(model.parameters()))
    for first, second in zip(found, expected, strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-10)
    assert len(alive) > 1
    # only a pair of entities that has more than the limit by itself exceeds it
    count = given.mentions.mention_count
    for instances in alive:
        entities = given.mentions.entity[instances].unique(dim=0)
        assert len(instances) <= limit or len(entities) == 1
    assert sum(map(len, alive)) == int((count[given.pairs.head] * count[given.pairs.tail]).sum())


def test_runs() -> None:
    found = [rows.tolist() for rows in runs(torch.tensor([3, 2, 0, 1, 9, 5, 1, 6]), 6)]
    assert found == [[0, 1, 2, 3], [4], [5, 6], [7]]
    assert list(runs(torch.zeros(0, dtype=torch.long), 6)) == []
