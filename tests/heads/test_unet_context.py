"""The U-Net head against the published pair module (golden README 5d), and its invariants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.errors import InputError
from joint_ie.heads.localized_context import pair_contexts
from joint_ie.heads.pair_grid import PairGrid
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.unet_context import UNetContext
from joint_ie.losses import balanced_softmax, decide_balanced


@pytest.fixture(params=(0, 1, 2))
def case(request: pytest.FixtureRequest, published: ModuleType) -> Any:
    """Seed 1 is in the repository, the others are not."""
    return published.case(request, "docunet/pair_module", request.param)


@pytest.fixture
def given(case: Any) -> PairInput:
    """The published module pads every document to G rows by repeating the last entity's attention.

    Here no document is padded by copies; so each is given G entities, and pairs of its real entities alone. Entities
    begin in the order in which they are given.
    """
    return case.pair_input(case.dims["grid"])


@pytest.fixture
def head(case: Any) -> UNetContext:
    sizes = [case.dims[name] for name in ("d", "emb_size", "block_size", "C", "unet_in", "unet_out", "unet_base")]
    head = UNetContext(*sizes).double()
    case.load_weights(head, theirs)
    return head


def theirs(name: str) -> str:
    """The published name of a weight."""
    return name.replace("unet.enter.", "unet.in.").replace("unet.out.", "unet.out.conv.")


def test_golden_grids(case: Any, given: PairInput, head: UNetContext) -> None:
    golden, head = case.golden, head.train()
    grid = PairGrid.build(given.mentions, len(given.token_offset) - 1)
    contexts = pair_contexts(given.attention, given.mentions, given.hidden, given.token_offset, grid.unordered)
    case.assert_parity(grid.fill_symmetric(contexts), golden["context_grid.train"])
    channels = grid.fill_symmetric(head.channel_projection(contexts))
    case.assert_parity(channels, golden["channel_grid.train"])
    case.assert_parity(head.unet(channels, grid.size), golden["unet_output.train"])


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_golden_head(case: Any, given: PairInput, head: UNetContext, mode: str) -> None:
    """Logits, loss, predictions and all gradients."""
    golden, head = case.golden, head.train(mode == "train")
    logits = head(given).logits
    logits.retain_grad()
    loss = balanced_softmax(logits, golden["labels"])
    loss.backward()
    case.assert_parity(logits, golden[f"logits.{mode}"])
    case.assert_parity(loss, case.scalars[f"loss.{mode}"])
    predicted = golden[f"pred_k3.{mode}"].bool()
    assert torch.equal(decide_balanced(logits.detach(), 3), predicted[:, 1:])
    assert torch.equal(~predicted[:, 1:].any(1), predicted[:, 0])
    case.assert_parity(logits.grad, golden[f"grad_logits.{mode}"])
    case.assert_input_gradients(f".{mode}")
    if mode == "train":  # the file has no gradients of weights in evaluation
        case.assert_weight_gradients(head, ".train", theirs=theirs)


@dataclass(frozen=True)
class Text:
    """A document: states [n, d], attention [heads, n, n], and the tokens of every entity's mentions."""

    states: Tensor
    attention: Tensor
    entities: list[list[int]]


def text(entities: int, seed: int) -> Text:
    generator = torch.Generator().manual_seed(seed)
    length = 3 * entities + 4
    states = torch.randn(length, 8, generator=generator, dtype=torch.float64)
    attention = torch.rand(2, length, length, generator=generator, dtype=torch.float64).pow(3)
    where = torch.randperm(length, generator=generator)[: 2 * entities].view(entities, 2)
    return Text(states, attention / attention.sum(2, keepdim=True), where.tolist())


@pytest.fixture
def joined(published: ModuleType) -> Callable[..., PairInput]:
    """``joined(texts, pairs)``: one batch; words are tokens."""

    def join(texts: Sequence[Text], pairs: PairIndex | None = None) -> PairInput:
        longest, offset, rows, values, entities = max(len(t.states) for t in texts), [0], [], [], []
        for t in texts:
            tokens = [token for mentions in t.entities for token in mentions]
            rows += [offset[-1] + token for token in tokens]
            full = torch.zeros(len(tokens), 2, longest, dtype=torch.float64)
            full[:, :, : len(t.states)] = t.attention[:, tokens].transpose(0, 1)
            values.append(full)
            entities.append([[(token, token + 1) for token in mentions] for mentions in t.entities])
            offset.append(offset[-1] + len(t.states))
        states, mentions = torch.cat([t.states for t in texts]), MentionIndex.build(entities, offset[:-1])
        return published.pair_input(
            states, torch.tensor(offset), torch.tensor(rows), torch.cat(values), mentions, pairs
        )

    return join


def unet_context() -> UNetContext:
    torch.manual_seed(0)
    head = UNetContext(8, 12, 4, 5, outputs=6, base=8).double().eval()
    for name, value in head.named_buffers():
        value.copy_(torch.rand_like(value) + (0.5 if name.endswith("var") else -0.5))
    with torch.no_grad():
        head.channel_projection.weight *= 5  # contexts are averages, and much alike
    return head


def scored(head: UNetContext, given: PairInput) -> list[tuple[int, int, Tensor]]:
    """Head, tail and logits of every pair."""
    return list(zip(given.pairs.head.tolist(), given.pairs.tail.tolist(), head(given).logits, strict=True))


SIZES = (5, 1, 11, 2, 8, 3, 10, 4, 9, 6, 7)


def test_documents_of_a_batch_get_what_they_get_alone(joined: Callable[..., PairInput]) -> None:
    head, texts = unet_context(), [text(n, seed) for seed, n in enumerate(SIZES)]
    together = head(joined(texts)).logits
    alone = [head(joined([t])).logits for t in texts if len(t.entities) > 1]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-10)


@pytest.mark.parametrize("entities", [2, 3, 7])
def test_the_order_in_which_entities_are_given_carries_nothing(joined: Callable[..., PairInput], entities: int) -> None:
    head, before = unet_context(), text(entities, 3)
    order = torch.randperm(entities, generator=torch.Generator().manual_seed(1)).tolist()
    shuffled = Text(before.states, before.attention, [before.entities[old] for old in order])
    first, second = joined([before]), joined([shuffled])
    scores = {(h, t): row for h, t, row in scored(head, first)}
    for h, t, row in scored(head, second):
        torch.testing.assert_close(row, scores[order[h], order[t]], rtol=0, atol=1e-10)


def test_the_order_in_the_text_matters(joined: Callable[..., PairInput]) -> None:
    """A convolution sees neighbours: with the same states and attention, but other places, the cells differ."""
    head, given = unet_context(), joined([text(6, 4)])
    moved = MentionIndex(
        given.mentions.spans.flip(0),
        *(getattr(given.mentions, name) for name in ("entity", "mention_count", "entity_document")),
    )
    elsewhere = replace(given, mentions=moved)
    assert not torch.allclose(head(given).logits, head(elsewhere).logits, atol=1e-4)


def test_chunks_of_pairs(joined: Callable[..., PairInput]) -> None:
    head, given = unet_context(), joined([text(4, 1), text(6, 2)])
    shared, scores = head.prepare(given), head(given)
    parts = [head.score(shared, given.pairs[start : start + 5]) for start in range(0, len(given.pairs), 5)]
    torch.testing.assert_close(torch.cat([part.logits for part in parts]), scores.logits, rtol=0, atol=1e-12)
    # the classifier is linear in what `embedding` stands for
    products = (scores.embedding.head.view(-1, 3, 4, 1) * scores.embedding.tail.view(-1, 3, 1, 4)).flatten(1)
    logits = products @ head.bilinear.weight.T + head.bilinear.bias
    torch.testing.assert_close(scores.logits, logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [[2], [1, 2], [3], [2, 2], [1, 1, 4]])
def test_documents_with_few_entities_train(joined: Callable[..., PairInput], sizes: list[int]) -> None:
    head = unet_context().train()
    optimizer = torch.optim.SGD(head.parameters(), 0.1)
    given = joined([text(n, seed) for seed, n in enumerate(sizes)])
    labels = torch.nn.functional.one_hot(torch.arange(len(given.pairs)) % 5, 5)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(balanced_softmax(head(given).logits, labels))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    assert all(value.isfinite().all() for value in (*head.parameters(), *head.buffers()))


def test_a_document_with_too_many_entities(joined: Callable[..., PairInput]) -> None:
    many = Text(torch.randn(401, 8), torch.rand(2, 401, 401), [[token] for token in range(401)])
    given = joined([many], PairIndex(*torch.zeros(3, 1, dtype=torch.long)))
    with pytest.raises(InputError, match="401 entities"):
        unet_context()(given)
