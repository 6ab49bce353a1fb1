"""KD-DocRE's head against the published one (golden README 2c, 2d), and what the published one does not keep."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from joint_ie.errors import InputError
from joint_ie.heads.axial_context import AxialContext
from joint_ie.heads.pair_grid import MOST_ENTITIES, PairGrid
from joint_ie.heads.pair_input import PairInput
from joint_ie.losses import adaptive_focal, decide_adaptive, distillation_mse


@pytest.fixture(params=[(seed, dtype) for seed in range(3) for dtype in (torch.float64, torch.float32)], ids=str)
def case(request: pytest.FixtureRequest, published: ModuleType) -> Any:
    return published.case(request, "kd_docre/logits_path", *request.param)


@pytest.fixture
def head(case: Any) -> AxialContext:
    sizes = [case.dims[name] for name in ("d", "emb_size", "block_size", "C", "axial_layers", "axial_heads")]
    head = AxialContext(*sizes, "released").to(case.dtype)
    case.load_weights(head, theirs)
    return head


def theirs(name: str) -> str:
    """The published name of a weight."""
    return name.replace("layers.", "layer")


def forward(case: Any, head: AxialContext, variant: str) -> tuple[Tensor, Tensor, Tensor]:
    """The published pass in our modules: pair features before and after axial attention [cells, d], logits.

    The published head pads to a constant side G, and its axial attention sees the padding. So `AxialContext.represent`
    makes the real cells, and here they are laid into a G x G grid; its axial attention runs over that; its
    classifier scores the cropped cells, times 0 on the diagonal. Padding is 0, or (``eval``) what the projection
    makes of ``tanh(bias)``; ``discard`` also puts 0 into real cells.
    """
    given = case.pair_input()
    squares = PairGrid.build(given.mentions, len(given.token_offset) - 1)
    document, row, column = case.golden["pairs"].unbind(1)
    beyond = case.dims["grid"] - squares.side
    inside = pad(squares.mask, (0, beyond, 0, beyond))
    cells = head.represent(given, squares)
    grid = cells.new_zeros(*inside.shape, cells.shape[1])
    grid[inside] = cells
    if variant == "discard":
        keep = torch.ones(grid.shape[:3], dtype=grid.dtype)
        keep[document, row, column] = case.golden["pair_mask.discard"].to(grid.dtype)
        grid = grid * keep[..., None]
    if variant == "eval":
        sides = (head.head_extractor.bias.tanh()[None], head.tail_extractor.bias.tanh()[None])
        grid = torch.where(inside[..., None], grid, head.projection(*sides)[0])
    after = head.axial(grid)[document, row, column]
    return grid[document, row, column], after, head.classifier(after) * (row != column)[:, None]


@pytest.mark.parametrize("variant", ["train", "eval", "discard"])
def test_golden_values_and_gradients(case: Any, head: AxialContext, variant: str) -> None:
    golden = case.golden
    before, after, logits = forward(case, head, variant)
    logits.retain_grad()
    loss = adaptive_focal(logits, golden["labels"], weighting="released")
    loss.backward()
    case.assert_parity(before, golden[f"pair_feature.{variant}"])
    case.assert_parity(after, golden[f"pair_feature_after_axial.{variant}"])
    case.assert_parity(logits, golden[f"logits.{variant}"])
    case.assert_parity(loss, case.scalars[f"loss.{variant}"])
    assert torch.equal(decide_adaptive(logits, 4), golden[f"pred_k4.{variant}"][:, 1:].bool())
    case.assert_parity(logits.grad, golden[f"grad_logits.{variant}"], 1e-4)
    case.assert_input_gradients(f".{variant}", 1e-4)
    if variant == "train":  # golden has these for training alone
        case.assert_weight_gradients(head, ".train", 1e-2, theirs)


@pytest.mark.parametrize("seed", range(3))
def test_golden_distillation_without_the_diagonal(
    request: pytest.FixtureRequest, published: ModuleType, seed: int
) -> None:
    """Golden 2c over our pairs, which leave out entities with themselves.

    The published mean is over all N * N rows; a row with head = tail has logits 0 and no positive relation, so it adds
    log C to the focal loss, nothing to the squared error, and no gradient.
    """
    case = published.case(request, "kd_docre/kd_loss", seed)
    golden, expected = case.golden, case.scalars
    raw = golden["student_logits_raw"].requires_grad_()
    apart = golden["pairs"][:, 1] != golden["pairs"][:, 2]
    share = apart.double().mean()
    focal = share * adaptive_focal(raw[apart], golden["labels"][apart], weighting="released")
    squared = share * distillation_mse(raw[apart], golden["teacher_logits"][apart])
    (focal + squared).backward()
    diagonal = (1 - share) * math.log(raw.shape[1])
    case.assert_parity(focal + diagonal, expected["loss_afl"])
    case.assert_parity(squared, expected["loss_mse"])
    case.assert_parity(focal + squared + diagonal, expected["loss_total"])
    case.assert_parity(raw.grad, golden["grad_student_logits_raw"])


SIZES = (4, 1, 0, 5)  # entities of the documents of the synthetic batch
FORMS = ("paper", "released")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layers", [0, 2])
def test_a_batch_equals_its_documents_alone(batch: Callable[..., PairInput], form: str, layers: int) -> None:
    documents = [Synthetic.random(seed, size) for seed, size in enumerate(SIZES)]
    head = make(form, layers)
    alone = [head(batch([document])).logits for document in documents if document.counts[1:]]  # has pairs
    torch.testing.assert_close(head(batch(documents)).logits, torch.cat(alone))


@pytest.mark.parametrize("form", FORMS)
def test_order_of_entities_only_moves_pairs(batch: Callable[..., PairInput], form: str) -> None:
    """Mentions of an entity stay together; the two orders disagree with the order of the text."""
    head, document = make(form), Synthetic.random(0, 5)
    order = [3, 0, 4, 2, 1]
    moved = document.reordered(order)
    first, second = (square(head(batch([given])).logits, 5) for given in (document, moved))
    torch.testing.assert_close(second, first[order][:, order])


def test_chunks_of_pairs_equal_all_at_once(batch: Callable[..., PairInput]) -> None:
    head = make("released")
    given = batch([Synthetic.random(seed, size) for seed, size in enumerate(SIZES)])
    shared = head.prepare(given)
    chunks = [head.score(shared, given.pairs[rows]).logits for rows in torch.arange(len(given.pairs)).split(7)]
    torch.testing.assert_close(torch.cat(chunks), head(given).logits)


def test_without_layers_the_classifier_sees_the_pair_alone(batch: Callable[..., PairInput]) -> None:
    """The ablation without axial attention: what other pairs are does not matter; with layers it does."""
    document = Synthetic.random(0, 4)
    fewer = document.reordered([0, 1, 2])
    for layers, equal in ((0, True), (1, False)):
        head = make("paper", layers)
        first, second = (square(head(batch([given])).logits, n) for given, n in ((document, 4), (fewer, 3)))
        apart = ~torch.eye(3, dtype=torch.bool)
        assert torch.allclose(first[:3, :3][apart], second[apart]) == equal


def test_all_weights_learn_and_pooling_is_chosen(batch: Callable[..., PairInput]) -> None:
    given = batch([Synthetic.random(seed, size) for seed, size in enumerate(SIZES)])
    logits = []
    for pooling in ("logsumexp", "mean", "max"):
        head = make("released", pooling=pooling)
        logits.append(head(given).logits)
        logits[-1].square().sum().backward()
        assert all(weight.grad.isfinite().all() and weight.grad.any() for weight in head.parameters())
    assert not torch.allclose(logits[0], logits[1])
    assert not torch.allclose(logits[1], logits[2])


@pytest.mark.parametrize("form", FORMS)
def test_bfloat16_autocast(batch: Callable[..., PairInput], form: str) -> None:
    head = make(form).float()
    given = batch([Synthetic.random(seed, size, torch.float32) for seed, size in enumerate(SIZES)])
    exact = head(given).logits
    with torch.autocast("cpu", torch.bfloat16):
        logits = head(given).logits
    logits.sum().backward()
    assert logits.dtype == torch.float32
    assert (logits - exact).abs().max() <= 0.05 * exact.abs().max()
    assert all(weight.grad.isfinite().all() for weight in head.parameters())


def test_too_many_entities(published: ModuleType) -> None:
    mentions = published.mention_index([[1] * (MOST_ENTITIES + 1)])
    rows = torch.zeros(mentions.mentions, dtype=torch.long)
    offset = torch.tensor([0, 2])
    given = published.pair_input(torch.zeros(2, 8), offset, rows, torch.ones(len(rows), 2, 2), mentions)
    with pytest.raises(InputError, match=r"401 .* 400"):
        make("released")(given)


@dataclass(frozen=True)
class Synthetic:
    """A document: ``hidden`` [L, d], mentions of every entity (``counts``), their tokens, words and attention."""

    hidden: Tensor
    counts: list[int]
    rows: Tensor
    words: Tensor
    attention: Tensor

    @classmethod
    def random(cls, seed: int, entities: int, dtype: torch.dtype = torch.float64) -> "Synthetic":
        generator = torch.Generator().manual_seed(seed)
        length = 9 + seed
        counts = torch.randint(1, 4, (entities,), generator=generator).tolist()
        attention = torch.randn(sum(counts), 2, length, generator=generator, dtype=dtype).softmax(-1)
        rows = torch.randint(length, (sum(counts),), generator=generator)
        hidden = torch.randn(length, 8, generator=generator, dtype=dtype)
        return cls(hidden, counts, rows, torch.randperm(sum(counts), generator=generator), attention)

    def reordered(self, order: list[int]) -> "Synthetic":
        """The entities ``order`` names, in that order."""
        of_entity = torch.arange(len(self.rows)).split(self.counts)
        mentions = torch.cat([of_entity[entity] for entity in order])
        counts = [self.counts[entity] for entity in order]
        return Synthetic(self.hidden, counts, self.rows[mentions], self.words[mentions], self.attention[mentions])


@pytest.fixture
def batch(published: ModuleType) -> Callable[[list[Synthetic]], PairInput]:
    def join(documents: list[Synthetic]) -> PairInput:
        offset = torch.tensor([0, *(len(document.hidden) for document in documents)]).cumsum(0)
        longest = int(offset.diff().max())
        counts, words = [document.counts for document in documents], [document.words.tolist() for document in documents]
        return published.pair_input(
            torch.cat([document.hidden for document in documents]),
            offset,
            torch.cat([document.rows + start for document, start in zip(documents, offset, strict=False)]),
            torch.cat([pad(document.attention, (0, longest - document.attention.shape[2])) for document in documents]),
            published.mention_index(counts, words),
        )

    return join


def make(form: str, layers: int = 2, pooling: str = "logsumexp") -> AxialContext:
    torch.manual_seed(0)
    head = AxialContext(8, 12, 4, 5, layers, 2, form, pooling).double()
    nn.init.normal_(head.projection.weight)  # cells that differ
    return head


def square(logits: Tensor, entities: int) -> Tensor:
    """Row-major pairs of one document as [head, tail, classes], 0 on the diagonal."""
    full = logits.new_zeros(entities, entities, logits.shape[1])
    full[~torch.eye(entities, dtype=torch.bool)] = logits
    return full
