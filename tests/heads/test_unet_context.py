"""The U-Net head against the published pair module (golden README 5d), and its invariants."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.errors import InputError
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.localized_context import pair_contexts
from joint_ie.heads.pair_grid import PairGrid
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.unet_context import UNetContext
from joint_ie.losses import balanced_softmax, decide_balanced

GOLDEN = Path(__file__).parents[1] / "golden" / "docunet"


def pair_input(
    hidden: Tensor,
    offset: Sequence[int],
    rows: Sequence[int],
    values: Tensor,
    entities: list[list[list[tuple[int, int]]]],
    pairs: PairIndex | None = None,
) -> PairInput:
    """``entities[document][entity]`` = spans of its mentions; ``rows`` and ``values`` the same mentions' tokens."""
    mentions = MentionIndex.build(entities, [1000 * document for document in range(len(entities))])
    return PairInput(
        hidden=hidden,
        token_offset=torch.tensor(offset),
        rows=torch.tensor(rows),
        attention=AttentionRows(values, torch.zeros(len(rows), dtype=torch.long)),
        words=RangeMax(hidden, 1),
        word_offset=torch.zeros(2, dtype=torch.long),
        word_sentence=torch.zeros(1, dtype=torch.long),
        spans=hidden[rows],
        entities=hidden[:0],
        entity_type=torch.zeros(mentions.entities, dtype=torch.long),
        mentions=mentions,
        pairs=PairIndex.all(mentions.entity_document) if pairs is None else pairs,
    )


@dataclass(frozen=True)
class Case:
    """One golden file as this package's tensors; ``states`` and ``attention`` are the leaves, as golden has them."""

    golden: dict[str, Tensor]
    loss: dict[str, float]
    states: Tensor
    attention: Tensor
    given: PairInput
    head: UNetContext


@pytest.fixture(params=(0, 1, 2))
def case(request: pytest.FixtureRequest) -> Case:
    """The published module pads every document to G rows by repeating the last entity's attention.

    Here no document is padded by copies; so each is given G entities, the last one repeated with its tokens and
    attention, and pairs of its real entities alone. Entities begin in the order in which they are given. Seed 1 is in
    the repository, the others are not.
    """
    stem = f"pair_module_seed{request.param}"
    folder = GOLDEN
    if not (folder / f"{stem}.json").exists():
        folder = request.getfixturevalue("shared") / "golden" / "heads" / "docunet"
    golden, described = load_file(folder / f"{stem}.safetensors"), json.loads((folder / f"{stem}.json").read_text())
    dims, ragged = described["dims"], described["ragged"]
    states = golden["sequence_output"].clone().requires_grad_()  # [B, L, d]
    attention = golden["attention"].clone().requires_grad_()  # [B, H, L, L]
    hidden, offset, rows, values, entities = [], [0], [], [], []
    for document, found in enumerate(ragged["entity_pos"]):
        repeated = found + found[-1:] * (dims["grid"] - len(found))
        for mentions in repeated:
            tokens = [start + ragged["offset"] for start, _ in mentions]
            rows += [offset[-1] + token for token in tokens]
            values += [attention[document, :, token] for token in tokens]
        entities.append([[(i, i + 1)] * len(mentions) for i, mentions in enumerate(repeated)])
        length = dims["docs"][document]["length"]
        hidden.append(states[document, :length])
        offset.append(offset[-1] + length)
    document, head, tail = golden["pairs"].unbind(1)
    first = document * dims["grid"]
    pairs = PairIndex(first + head, first + tail, document)
    given = pair_input(torch.cat(hidden), offset, rows, torch.stack(values), entities, pairs)
    module = UNetContext(
        dims["d"], dims["emb_size"], dims["block_size"], dims["C"], dims["unet_in"], dims["unet_out"], dims["unet_base"]
    ).double()
    weights = [name for name, about in described["tensors"].items() if about["role"] == "weight"]
    module.load_state_dict({ours(name): golden[name] for name in weights})
    loss = {mode: described["scalars"][f"loss.{mode}"] for mode in ("train", "eval")}
    return Case(golden, loss, states, attention, given, module)


def ours(name: str) -> str:
    """The published name of a weight in this package."""
    return name.replace("unet.in.", "unet.enter.").replace("unet.out.conv", "unet.out")


def assert_parity(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)  # golden README 8


def test_golden_grids(case: Case) -> None:
    golden, given, head = case.golden, case.given, case.head.train()
    grid = PairGrid.build(given.mentions, len(given.token_offset) - 1)
    contexts = pair_contexts(given.attention, given.mentions, given.hidden, given.token_offset, grid.unordered)
    assert_parity(grid.fill_symmetric(contexts), golden["context_grid.train"])
    channels = grid.fill_symmetric(head.channel_projection(contexts))
    assert_parity(channels, golden["channel_grid.train"])
    assert_parity(head.unet(channels, grid.size), golden["unet_output.train"])


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_golden_head(case: Case, mode: str) -> None:
    """Logits, loss, predictions and all gradients."""
    golden, head = case.golden, case.head.train(mode == "train")
    logits = head(case.given).logits
    logits.retain_grad()
    loss = balanced_softmax(logits, golden["labels"])
    loss.backward()
    assert_parity(logits, golden[f"logits.{mode}"])
    assert loss.item() == pytest.approx(case.loss[mode], abs=1e-10)
    predicted = golden[f"pred_k3.{mode}"].bool()
    assert torch.equal(decide_balanced(logits.detach(), 3), predicted[:, 1:])
    assert torch.equal(~predicted[:, 1:].any(1), predicted[:, 0])
    assert_parity(logits.grad, golden[f"grad_logits.{mode}"])
    assert_parity(case.states.grad, golden[f"grad_sequence_output.{mode}"])
    assert_parity(case.attention.grad, golden[f"grad_attention.{mode}"])
    if mode == "train":  # the file has no gradients of weights in evaluation
        gradients = {ours(name): value for name, value in golden.items() if name.startswith("grad_")}
        for name, weight in head.named_parameters():
            assert_parity(weight.grad, gradients[f"grad_{name}.train"])


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


def joined(texts: Sequence[Text], pairs: PairIndex | None = None) -> PairInput:
    """One batch; words are tokens."""
    longest, offset, rows, values, entities = max(len(t.states) for t in texts), [0], [], [], []
    for t in texts:
        tokens = [token for mentions in t.entities for token in mentions]
        rows += [offset[-1] + token for token in tokens]
        full = torch.zeros(len(tokens), 2, longest, dtype=torch.float64)
        full[:, :, : len(t.states)] = t.attention[:, tokens].transpose(0, 1)
        values.append(full)
        entities.append([[(token, token + 1) for token in mentions] for mentions in t.entities])
        offset.append(offset[-1] + len(t.states))
    return pair_input(torch.cat([t.states for t in texts]), offset, rows, torch.cat(values), entities, pairs)


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


def test_documents_of_a_batch_get_what_they_get_alone() -> None:
    head, texts = unet_context(), [text(n, seed) for seed, n in enumerate(SIZES)]
    together = head(joined(texts)).logits
    alone = [head(joined([t])).logits for t in texts if len(t.entities) > 1]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-10)


@pytest.mark.parametrize("entities", [2, 3, 7])
def test_the_order_in_which_entities_are_given_carries_nothing(entities: int) -> None:
    head, before = unet_context(), text(entities, 3)
    order = torch.randperm(entities, generator=torch.Generator().manual_seed(1)).tolist()
    shuffled = Text(before.states, before.attention, [before.entities[old] for old in order])
    first, second = joined([before]), joined([shuffled])
    scores = {(h, t): row for h, t, row in scored(head, first)}
    for h, t, row in scored(head, second):
        torch.testing.assert_close(row, scores[order[h], order[t]], rtol=0, atol=1e-10)


def test_the_order_in_the_text_matters() -> None:
    """A convolution sees neighbours: with the same states and attention, but other places, the cells differ."""
    head, given = unet_context(), joined([text(6, 4)])
    moved = MentionIndex(
        given.mentions.spans.flip(0),
        *(getattr(given.mentions, name) for name in ("entity", "mention_count", "entity_document")),
    )
    elsewhere = PairInput(**{**vars(given), "mentions": moved})
    assert not torch.allclose(head(given).logits, head(elsewhere).logits, atol=1e-4)


def test_chunks_of_pairs() -> None:
    head, given = unet_context(), joined([text(4, 1), text(6, 2)])
    shared, scores = head.prepare(given), head(given)
    parts = [head.score(shared, given.pairs[start : start + 5]) for start in range(0, len(given.pairs), 5)]
    torch.testing.assert_close(torch.cat([part.logits for part in parts]), scores.logits, rtol=0, atol=1e-12)
    # the classifier is linear in what `embedding` stands for
    products = (scores.embedding.head.view(-1, 3, 4, 1) * scores.embedding.tail.view(-1, 3, 1, 4)).flatten(1)
    logits = products @ head.bilinear.weight.T + head.bilinear.bias
    torch.testing.assert_close(scores.logits, logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [[2], [1, 2], [3], [2, 2], [1, 1, 4]])
def test_documents_with_few_entities_train(sizes: list[int]) -> None:
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


def test_a_document_with_too_many_entities() -> None:
    many = Text(torch.randn(401, 8), torch.rand(2, 401, 401), [[token] for token in range(401)])
    given = joined([many], PairIndex(*torch.zeros(3, 1, dtype=torch.long)))
    with pytest.raises(InputError, match="401 entities"):
        unet_context()(given)
