from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.errors import InputError
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.pair_aware import PairAware
from joint_ie.heads.pair_embedding import DenseEmbedding
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.relation_head import PairScores
from joint_ie.heads.segments import segment_max
from joint_ie.losses import RELATION_LOSSES, entity_roles, potential_pairs

WIDTH, TYPES, CLASSES, EMBEDDING, BLOCK, CHANNELS, HEADS = 8, 3, 5, 6, 3, 4, 2
Spans = list[list[tuple[int, int]]]


@dataclass(frozen=True)
class Text:
    """A document whose tokens are its words: spans of entities, their types, the sentence of every word."""

    entities: Spans
    types: list[int]
    sentences: list[int]  # words of each
    seed: int

    def hidden(self) -> Tensor:
        return torch.randn(sum(self.sentences), WIDTH, generator=torch.Generator().manual_seed(self.seed)).double()

    def attention(self) -> Tensor:
        draw = torch.Generator().manual_seed(self.seed + 1)
        mentions, words = sum(map(len, self.entities)), sum(self.sentences)
        return (4 * torch.randn(mentions, HEADS, words, generator=draw).double()).softmax(2)


# entities are not in order of first mention; the third document has none, the last sentence of the first no mention
FIRST = Text([[(9, 10), (14, 15)], [(2, 4)], [(0, 1), (12, 13), (13, 14)]], [2, 0, 1], [4, 3, 5, 4, 2], 1)
SECOND = Text([[(5, 7), (1, 2)], [(3, 4)]], [1, 1], [2, 6], 2)
NONE = Text([], [], [3], 3)
FOURTH = Text([[(i, i + 1)] for i in (11, 3, 7, 0, 5, 9, 2)], [0, 1, 2, 2, 1, 0, 1], [6, 6], 4)
ONE = Text([[(1, 3)]], [0], [4], 5)
TEXTS = (FIRST, SECOND, NONE, FOURTH, ONE)


def given(texts: Sequence[Text]) -> PairInput:
    lengths = [sum(text.sentences) for text in texts]
    offset = torch.tensor([0, *lengths]).cumsum(0)
    mentions = MentionIndex.build([text.entities for text in texts], offset[:-1].tolist())
    hidden = torch.cat([text.hidden() for text in texts])
    rows = torch.cat([torch.nn.functional.pad(t.attention(), (0, max(lengths) - sum(t.sentences))) for t in texts])
    counts = torch.tensor([count for text in texts for count in text.sentences])
    table = RangeMax(hidden, 3)
    spans = table(mentions.spans)
    return PairInput(
        hidden=hidden,
        token_offset=offset,
        rows=mentions.spans[:, 0],
        attention=AttentionRows(rows, torch.zeros(len(rows)).long(), torch.full((len(rows),), rows.shape[2])),
        words=table,
        word_offset=offset,
        word_sentence=torch.repeat_interleave(2 * torch.arange(len(counts)), counts),  # numbers may be missing
        spans=spans,
        entities=segment_max(spans, mentions.mention_count),
        entity_type=torch.tensor([kind for text in texts for kind in text.types], dtype=torch.long),
        mentions=mentions,
        pairs=PairIndex.all(mentions.entity_document),
    )


def head(**settings: Any) -> PairAware:
    torch.manual_seed(0)
    settings = {"channels": CHANNELS, "heads": 2, "weighting": "softmax"} | settings
    made = PairAware(WIDTH, EMBEDDING, BLOCK, CLASSES, TYPES, **settings).double().eval()
    with torch.no_grad():  # biases that start at zero would hide mistakes; tags of both kinds
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        if settings.get("pair_filter", True) and settings.get("pair_aware", True):
            made.representation.classifier[2].weight *= 20
            made.representation.classifier[2].bias -= 1.5
    return made


ABLATIONS = [{}, {"filling": "zero"}, {"pair_aware": False}, {"entity_enhanced": False}, {"pair_filter": False}]
ABLATIONS += [{"pair_aware": False, "entity_enhanced": False}, {"pooling": "mean"}, {"pooling": "max"}]
POOLED = {"logsumexp": lambda x: x.exp().sum(0).log(), "mean": lambda x: x.mean(0), "max": lambda x: x.amax(0)}


def by_hand(made: PairAware, text: Text, pair: tuple[int, int]) -> dict[str, Tensor]:
    """Equations 2 to 8 for one pair of one document; the grid and the transformer are tested on their own."""
    hidden, attention = text.hidden(), text.attention()
    pooled = POOLED[made.pooling]
    entities = torch.stack([pooled(torch.stack([hidden[s] for s, _ in spans])) for spans in text.entities])
    first = [0, *torch.tensor(text.sentences).cumsum(0).tolist()]
    sentences = torch.stack([hidden[a:b].amax(0) for a, b in pairwise(first)])
    n, s, o = len(entities), *pair
    found = {}

    e_sub, e_obj = entities[s], entities[o]
    if made.encoder is not None:
        placed = sentences + made.encoder.position.weight[: len(sentences)]
        seen = made.encoder.transformer(torch.cat((entities, placed)).unsqueeze(0))[0, :n]
        f_sub, f_obj = made.matching.linear(seen).chunk(2, 1)
        e_sub, e_obj = torch.cat((seen[s], f_sub[s].sigmoid())), torch.cat((seen[o], f_obj[o].sigmoid()))
        found |= {"as_head": f_sub[s], "as_tail": f_obj[o]}
    z_s, z_o = made.head_extractor(e_sub), made.tail_extractor(e_obj)

    if made.representation is not None:
        part = made.representation
        start = [0, *torch.tensor([len(spans) for spans in text.entities]).cumsum(0).tolist()]
        rows = [attention[a:b].mean(0) for a, b in pairwise(start)]
        said = [{sum(x <= a for x in first) for a, _ in spans} for spans in text.entities]
        order = sorted(range(n), key=lambda e: min(text.entities[e]))
        grid = torch.zeros(1, n, n, CHANNELS).double()
        for i, a in enumerate(order):
            for j, b in enumerate(order):
                context = hidden.T @ (rows[a] * rows[b]).sum(0).softmax(0)
                kinds = part.head_type.weight[text.types[a]] + part.tail_type.weight[text.types[b]]
                grid[0, i, j] = part.projection(context) + part.position.weight[int(bool(said[a] & said[b]))] + kinds
        cell = part.attention(grid, torch.tensor([n]))[0, order.index(s), order.index(o)]
        if part.classifier is not None:
            together = torch.tensor([float(bool(said[s] & said[o]))]).double()
            kinds = part.head_type.weight[text.types[s]], part.tail_type.weight[text.types[o]]
            found["related"] = part.classifier(torch.cat((cell, together, *kinds))).squeeze()
            tag = (found["related"].sigmoid() > 0.3).double()
            cell = torch.cat((cell, tag.view(1)))
        z_s, z_o = z_s + made.pair_extractor.weight @ cell, z_o + made.pair_extractor.weight @ cell

    z_s, z_o = torch.tanh(z_s), torch.tanh(z_o)
    weight = made.bilinear.weight.view(CLASSES, EMBEDDING // BLOCK, BLOCK, BLOCK)
    grouped = torch.einsum("ga,cgab,gb->c", z_s.view(-1, BLOCK), weight, z_o.view(-1, BLOCK))
    found["logits"] = grouped + made.bilinear.bias
    if "related" in found:
        found["refused"] = ~tag.bool()
    return found


@pytest.mark.parametrize("settings", ABLATIONS, ids=str)
def test_pair_by_pair(settings: dict[str, Any]) -> None:
    made, batch = head(**settings), given(TEXTS)
    scores = made(batch)
    assert scores.logits.shape == (6 + 2 + 42, CLASSES) and len(scores.embedding) == 50
    offsets = torch.tensor([0, *[len(text.entities) for text in TEXTS]]).cumsum(0)
    tags = set()
    for row, (h, t, d) in enumerate(zip(batch.pairs.head, batch.pairs.tail, batch.pairs.document, strict=True)):
        found = by_hand(made, TEXTS[d], (int(h - offsets[d]), int(t - offsets[d])))
        torch.testing.assert_close(scores.logits[row], found["logits"], rtol=0, atol=1e-10)
        for name, place in (("related", row), ("refused", row), ("as_head", h), ("as_tail", t)):
            value = getattr(scores, name)
            assert (value is None) == (name not in found)
            if value is not None:
                torch.testing.assert_close(value[place], found[name], rtol=0, atol=1e-10)
        tags.add(bool(found["refused"]) if "refused" in found else None)
    assert settings or tags == {True, False}


@pytest.mark.parametrize("settings", ABLATIONS, ids=str)
def test_a_batch_is_its_documents(settings: dict[str, Any]) -> None:
    made = head(**settings)
    together = made(given(TEXTS)).logits
    alone = [made(given([text])).logits for text in TEXTS if len(text.entities) > 1]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-10)
    backwards = [made(given(TEXTS[::-1])).logits.split([42, 2, 6])[i] for i in (2, 1, 0)]
    torch.testing.assert_close(together, torch.cat(backwards), rtol=0, atol=1e-10)


def test_order_of_entities_does_not_matter() -> None:
    made = head()
    scores, batch = made(given([FOURTH])), given([FOURTH])
    order = [4, 0, 6, 2, 5, 1, 3]
    mixed = replace(FOURTH, entities=[FOURTH.entities[i] for i in order], types=[FOURTH.types[i] for i in order])
    # attention rows are drawn by mention: they move with their entities
    moved = replace(given([mixed]), attention=AttentionRows(*(part[order] for part in vars(batch.attention).values())))
    again = made(moved)
    before, after = (list(zip(g.pairs.head.tolist(), g.pairs.tail.tolist(), strict=True)) for g in (batch, moved))
    same = [before.index((order[h], order[t])) for h, t in after]
    for name in ("logits", "related"):
        torch.testing.assert_close(getattr(again, name), getattr(scores, name)[same], rtol=0, atol=1e-10)
    torch.testing.assert_close(again.as_head, scores.as_head[order], rtol=0, atol=1e-10)


@pytest.mark.parametrize("settings", ABLATIONS, ids=str)
def test_gradients_reach_every_parameter(settings: dict[str, Any]) -> None:
    made, batch = head(**settings).train(), given(TEXTS)
    labels = (torch.rand(len(batch.pairs), CLASSES) < 0.2).long()
    scores = made(batch)
    loss = RELATION_LOSSES["adaptive-softmax"].loss(scores.logits, labels)
    if scores.related is not None:
        loss = loss + potential_pairs(scores.related, labels)
    if scores.as_head is not None:
        loss = loss + entity_roles(scores.as_head, scores.as_tail, labels, batch.pairs.head, batch.pairs.tail)
    loss.backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert (made.representation is not None) == made.needs_attention


def without_dropout(made: PairAware) -> PairAware:
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(module, torch.nn.MultiheadAttention):
            module.dropout = 0.0
    return made


def test_refused_pairs_have_no_relation_whatever_the_loss() -> None:
    made, batch = head(), given(TEXTS)
    scores = made(batch)
    kept = ~scores.refused
    assert 0 < int(kept.sum()) < len(kept)
    assert torch.equal(scores.decisive[kept], scores.logits[kept])
    for loss in RELATION_LOSSES.values():
        shifted = torch.cat((scores.decisive[:, :1], scores.decisive[:, 1:] + 5), 1)
        decided = loss.decide(shifted, 0.5)
        assert decided[kept].any() and not decided[~kept].any()
        assert loss.confidence(scores.decisive)[~kept].max() < 0.01
    trained = without_dropout(made).train()(batch)
    for name in ("logits", "refused"):  # a teacher says the same as in its own training
        torch.testing.assert_close(getattr(trained, name), getattr(scores, name), rtol=0, atol=1e-10)


def test_decisive_logits() -> None:
    logits = torch.tensor([[2.0, 1.0, -50.0], [-3.0, 1.0, -12.0], [-3.0, 1.0, -12.0]])
    scores = PairScores(logits, DenseEmbedding(logits), refused=torch.tensor([True, True, False]))
    expected = [[2.0, -10.0, -50.0], [-3.0, -13.0, -13.0], [-3.0, 1.0, -12.0]]
    assert scores.decisive.tolist() == expected
    assert replace(scores, refused=None).decisive is logits


def test_threshold_of_the_filter() -> None:
    batch = given(TEXTS)
    everything, nothing = head(pair_threshold=0.0)(batch), head(pair_threshold=1.0)(batch)
    assert not everything.refused.any() and nothing.refused.all()
    with pytest.raises(InputError, match="pair_threshold"):
        head(pair_threshold=1.5)


def test_pairs_in_chunks() -> None:
    made, batch = head(), given(TEXTS)
    whole, shared = made(batch), made.prepare(batch)
    for rows in torch.arange(len(batch.pairs)).split(7):
        part = made.score(shared, batch.pairs[rows])
        torch.testing.assert_close(part.logits, whole.logits[rows], rtol=0, atol=1e-10)
        torch.testing.assert_close(part.related, whole.related[rows], rtol=0, atol=1e-10)


@pytest.mark.parametrize("entities", [1, 2, 3])
def test_few_entities(entities: int) -> None:
    text = replace(FIRST, entities=FIRST.entities[:entities], types=FIRST.types[:entities])
    made, batch = head(), given([text])
    shared = made.prepare(batch)
    assert shared.matched.as_head.shape == (entities, CLASSES - 1)
    if entities > 1:
        assert made.score(shared, batch.pairs).logits.isfinite().all()


def test_too_many_entities() -> None:
    many = Text([[(i, i + 1)] for i in range(401)], [0] * 401, [401], 6)
    batch = given([replace(many, entities=many.entities[:1], types=[0])])
    mentions = MentionIndex.build([many.entities], [0])
    with pytest.raises(InputError, match="401 entities"):
        head(entity_enhanced=False).prepare(
            replace(batch, mentions=mentions, rows=mentions.spans[:, 0], entity_type=torch.zeros(401, dtype=torch.long))
        )


@pytest.mark.parametrize("training", [True, False])
def test_under_autocast(training: bool) -> None:
    made = head().float().train(training)
    batch = given(TEXTS)
    single = replace(
        batch,
        hidden=batch.hidden.float(),
        words=RangeMax(batch.hidden.float(), 3),
        attention=replace(batch.attention, values=batch.attention.values.float()),
    )
    with torch.autocast("cpu", torch.bfloat16), torch.set_grad_enabled(training):
        scores = made(single)
    assert scores.logits.isfinite().all()
    assert {scores.logits.dtype, scores.related.dtype} == {torch.float32}
