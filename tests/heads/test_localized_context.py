"""`LocalizedContext` with all that is no part of ATLOP, one pair at a time (ATLOP itself: test_atlop_golden)."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.localized_context import LocalizedContext
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.segments import segment_max

WIDTH, EMBEDDING, BLOCK, CLASSES, TYPES, TYPE_SIZE, HEADS = 6, 4, 2, 5, 3, 3, 2
# two documents of 12 and 8 words, in 15 and 9 subwords; mentions that touch, nest and repeat
ENTITIES = [[[(0, 2), (7, 8)], [(2, 3)], [(0, 3), (5, 9), (5, 9)]], [[(0, 1)], [(7, 8), (3, 5)]]]
WORDS, TOKENS = [0, 12, 20], [0, 15, 24]
TOKEN = [[[1, 9], [3], [1, 6, 6]], [[0], [8, 4]]]  # that stands for each mention, in its document
TYPE = [0, 2, 1, 1, 0]


class Doubled(nn.Module):
    """In the place of dropout: what passes it is twice as large."""

    def forward(self, values: Tensor) -> Tensor:
        return 2 * values


@pytest.fixture
def given() -> PairInput:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(24, WIDTH, generator=draw, dtype=torch.float64)
    words = torch.randn(20, WIDTH, generator=draw, dtype=torch.float64)
    mentions = MentionIndex.build(ENTITIES, WORDS[:-1])
    table = RangeMax(words, 4)
    spans = table(mentions.spans)
    attention = 3 * torch.randn(mentions.mentions, HEADS, 15, generator=draw, dtype=torch.float64)
    beyond = (mentions.entity_document[mentions.entity] == 1)[:, None, None] & (torch.arange(15) >= 9)
    return PairInput(
        hidden=hidden,
        token_offset=torch.tensor(TOKENS),
        rows=torch.tensor([r + o for group, o in zip(TOKEN, TOKENS, strict=False) for e in group for r in e]),
        attention=AttentionRows(
            attention.masked_fill(beyond, -torch.inf).softmax(2),
            torch.zeros(8, dtype=torch.long),
            torch.full((8,), attention.shape[2]),
        ),
        words=table,
        word_offset=torch.tensor(WORDS),
        word_sentence=torch.arange(20) // 4,
        spans=spans,
        entities=segment_max(spans, mentions.mention_count),
        entity_type=torch.tensor(TYPE),
        mentions=mentions,
        pairs=PairIndex.all(mentions.entity_document),
    )


def head(typed: bool = False, **settings: Any) -> LocalizedContext:
    torch.manual_seed(1)
    made = LocalizedContext(WIDTH, EMBEDDING, BLOCK, CLASSES, TYPES, TYPE_SIZE if typed else 0, **settings).double()
    with torch.no_grad():  # biases that start at zero would hide mistakes
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made.eval()


def by_hand(made: LocalizedContext, given: PairInput, spans: bool, pooling: str, scale: float = 1) -> list[Tensor]:
    """Logits of all pairs; entities and contexts ``scale`` times as large as they are."""
    assert given.attention is not None
    words, attention = given.words.table[:20], given.attention.values
    logits, first = [], 0
    for document, group in enumerate(ENTITIES):
        states = given.hidden[TOKENS[document] : TOKENS[document + 1]]
        vectors, rows = [], []
        for tokens, mentions in zip(TOKEN[document], group, strict=True):
            seen = [states[token] for token in tokens]
            if spans:
                seen = [words[WORDS[document] + start : WORDS[document] + end].amax(0) for start, end in mentions]
            stacked = torch.stack(seen)
            pooled = {"logsumexp": stacked.exp().sum(0).log(), "mean": stacked.mean(0), "max": stacked.amax(0)}
            vectors.append(scale * pooled[pooling])
            rows.append(attention[first : first + len(mentions), :, : len(states)].mean(0))
            first += len(mentions)
        kinds = TYPE[len(ENTITIES[0]) * document :]
        for a in range(len(group)):
            for b in range(len(group)):
                if a == b:
                    continue
                product = (rows[a] * rows[b]).mean(0)
                context = scale * (product / (product.sum() + 1e-5)) @ states
                sides = []
                for extractor, entity in ((made.head_extractor, a), (made.tail_extractor, b)):
                    parts = [vectors[entity]]
                    if made.needs_attention:
                        parts.append(context)
                    if made.type_embedding is not None:
                        parts += [made.type_embedding.weight[kinds[a]], made.type_embedding.weight[kinds[b]]]
                    sides.append(torch.tanh(linear(torch.cat(parts), extractor.weight, extractor.bias)))
                products = [torch.outer(x, y).flatten() for x, y in zip(*(s.split(BLOCK) for s in sides), strict=True)]
                logits.append(linear(torch.cat(products), made.bilinear.weight, made.bilinear.bias))
    return logits


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("spans", [True, False])
@pytest.mark.parametrize("pooling", ["logsumexp", "mean", "max"])
def test_pair_by_pair(given: PairInput, typed: bool, spans: bool, pooling: str, context: bool) -> None:
    made = head(typed, pool_spans=spans, pooling=pooling, context=context)
    expected = torch.stack(by_hand(made, given, spans, pooling))
    torch.testing.assert_close(made(given).logits, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("spans", [True, False])
def test_dropout_is_of_entities_and_contexts(given: PairInput, spans: bool) -> None:
    made = head(typed=True, pool_spans=spans, dropout=0.25)
    assert made.dropout.p == 0.25
    made.dropout = Doubled()
    expected = torch.stack(by_hand(made, given, spans, "logsumexp", scale=2))
    torch.testing.assert_close(made(given).logits, expected, rtol=0, atol=1e-10)


def test_chunks_of_pairs(given: PairInput) -> None:
    made = head(typed=True, pool_spans=True)
    shared = made.prepare(given)
    parts = [made.score(shared, given.pairs[rows]).logits for rows in torch.arange(len(given.pairs)).split(3)]
    torch.testing.assert_close(torch.cat(parts), made(given).logits, rtol=0, atol=1e-10)
