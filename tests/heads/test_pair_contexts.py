import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from transformers import AutoModel

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.encoding.windows import cut
from joint_ie.heads import pair_contexts as module
from joint_ie.heads.attention_rows import AttentionRows, attention_rows
from joint_ie.heads.encoder import SharedEncoder, encoder_from_config
from joint_ie.heads.pair_contexts import Weighting, entity_attention, pair_contexts

LENGTHS = (31, 9, 22)
# mention positions (subwords of the document) of every entity; the second document has none
ENTITIES = [[[1, 17], [29], [4, 5, 30]], [], [[2], [20, 3], [11], [8]]]


def encoder():
    torch.manual_seed(0)
    return encoder_from_config(
        {
            "model_type": "bert",
            "vocab_size": 50,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 24,
            "max_position_embeddings": 40,
            "initializer_range": 0.3,
        }
    ).eval()


class Case:
    """Three encoded documents with their mentions, pairs and attention rows."""

    def __init__(self, max_length: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.ids = [[2, *torch.randint(5, 50, (n - 2,), generator=generator).tolist(), 3] for n in LENGTHS]
        self.offset = torch.tensor([0, *LENGTHS]).cumsum(0)
        windows = cut(self.ids, max_length, 3, (2,), (3,), 0)
        self.model = encoder()
        spans = [[[(p, p + 1) for p in positions] for positions in group] for group in ENTITIES]
        self.mentions = MentionIndex.build(spans, self.offset[:-1].tolist())
        self.pairs = PairIndex.all(self.mentions.entity_document)
        encoding = SharedEncoder(self.model)(windows)
        self.hidden = encoding.hidden.detach()
        self.rows = attention_rows(self.model, windows, encoding.inputs, self.mentions.spans[:, 0])

    def contexts(self, weighting: Weighting = "mean") -> torch.Tensor:
        return pair_contexts(self.rows, self.mentions, self.hidden, self.offset, self.pairs, weighting)


@pytest.fixture(scope="module")
def whole() -> Case:
    return Case(40)


@pytest.fixture(scope="module")
def in_windows() -> Case:
    return Case(12)


WEIGHTS: dict[Weighting, Callable[[torch.Tensor], torch.Tensor]] = {  # of the product [heads, tokens]
    "mean": lambda product: product.mean(0) / (product.mean(0).sum() + 1e-5),
    "sum": lambda product: product.sum(0) / (product.sum(0).sum() + 1e-10),
    "exact": lambda product: product.sum(0) / product.sum(),
    "softmax": lambda product: product.sum(0).softmax(0),
}


@pytest.mark.parametrize("weighting", WEIGHTS)
def test_equals_eager_attention(whole: Case, weighting: Weighting) -> None:
    """ATLOP eq. 8 to 10, document by document and pair by pair, with the attention that transformers gives."""
    eager = AutoModel.from_config(copy.deepcopy(whole.model.config), attn_implementation="eager")
    eager.load_state_dict(whole.model.state_dict(), strict=False)
    eager.eval()
    expected = []
    for ids, group in zip(whole.ids, ENTITIES, strict=True):
        output = eager(torch.tensor([ids]), output_attentions=True)
        attention, states = output.attentions[-1][0].double(), output.last_hidden_state[0].double()
        for a in range(len(group)):
            for b in range(len(group)):
                if a != b:
                    means = [torch.stack([attention[:, p] for p in group[e]]).mean(0) for e in (a, b)]
                    expected.append(WEIGHTS[weighting](means[0] * means[1]) @ states)
    assert torch.allclose(whole.contexts(weighting).double(), torch.stack(expected), atol=1e-5)


@pytest.mark.parametrize("weighting", WEIGHTS)
@pytest.mark.parametrize("case", ["whole", "in_windows"])
@pytest.mark.parametrize(("block", "elements"), [(2048, 1), (7, 1 << 26), (5, 60), (1, 1)])
def test_blocks_and_chunks_change_nothing(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
    block: int,
    elements: int,
    weighting: Weighting,
) -> None:
    given = request.getfixturevalue(case)
    dense = given.contexts(weighting)
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "ELEMENTS", elements)
    assert torch.allclose(given.contexts(weighting), dense, atol=1e-6)


@pytest.mark.parametrize("kept", [1 << 40, 0])  # 0: computed again in backward
def test_blocks_change_no_gradient(monkeypatch: pytest.MonkeyPatch, whole: Case, kept: int) -> None:
    gradients = []
    monkeypatch.setattr(module, "KEPT", kept)
    for block in (2048, 6):
        monkeypatch.setattr(module, "BLOCK", block)
        values = whole.rows.values.detach().requires_grad_()
        hidden = whole.hidden.clone().requires_grad_()
        rows = replace(whole.rows, values=values)
        contexts = pair_contexts(rows, whole.mentions, hidden, whole.offset, whole.pairs)
        gradients.append(torch.autograd.grad(contexts.square().sum(), (values, hidden)))
    for first, second in zip(*gradients, strict=True):
        assert torch.allclose(first, second, atol=1e-5)


def test_many_pairs_are_not_kept_for_backward(monkeypatch: pytest.MonkeyPatch, whole: Case) -> None:
    """Above `KEPT`, backward holds nothing for every pair, head and token: neither on the way nor in the end."""
    monkeypatch.setattr(module, "ELEMENTS", 200)
    shape, found = (4, max(LENGTHS)), []
    for kept in (1 << 40, 0):
        monkeypatch.setattr(module, "KEPT", kept)
        saved: list[torch.Size] = []
        values = whole.rows.values.detach().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(lambda t, saved=saved: saved.append(t.shape) or t, lambda t: t):
            rows = replace(whole.rows, values=values)
            pair_contexts(rows, whole.mentions, whole.hidden, whole.offset, whole.pairs)
        found.append(sum(size[0] for size in saved if size[1:] == shape and size[0] < whole.mentions.entities))
    assert found[0] >= 2 * len(whole.pairs)
    assert found[1] == 0


def test_blocks_under_autocast(monkeypatch: pytest.MonkeyPatch, whole: Case) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        dense = whole.contexts()
        monkeypatch.setattr(module, "BLOCK", 7)
        assert torch.allclose(whole.contexts(), dense, atol=0.02)


def test_a_block_that_no_pair_attends_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mentions at the end of a long document see its last windows alone."""
    values = torch.rand(2, 3, 6)
    rows = AttentionRows(values, torch.tensor([20, 22]), torch.tensor([20, 22]) + values.shape[2])
    mentions = MentionIndex.build([[[(25, 26)], [(26, 27)]]], [0])
    hidden, offset = torch.randn(30, 4), torch.tensor([0, 30])
    pairs = PairIndex.all(mentions.entity_document)
    dense = pair_contexts(rows, mentions, hidden, offset, pairs)
    full = torch.zeros(2, 3, 30)
    full[0, :, 20:26], full[1, :, 22:28] = values[0], values[1]
    weight = (full[0] * full[1]).mean(0)
    assert torch.allclose(dense, (weight / (weight.sum() + 1e-5) @ hidden).expand(2, 4), atol=1e-6)
    monkeypatch.setattr(module, "BLOCK", 8)
    assert torch.allclose(pair_contexts(rows, mentions, hidden, offset, pairs), dense, atol=1e-6)


def test_order_inside_a_pair_does_not_matter(whole: Case) -> None:
    contexts = whole.contexts()
    key = {(h, t): i for i, (h, t) in enumerate(zip(whole.pairs.head.tolist(), whole.pairs.tail.tolist(), strict=True))}
    for (h, t), i in key.items():
        assert torch.allclose(contexts[i], contexts[key[t, h]], atol=1e-7)


@pytest.mark.parametrize("case", ["whole", "in_windows"])
def test_entity_attention_in_pieces(request: pytest.FixtureRequest, case: str) -> None:
    given = request.getfixturevalue(case)
    all_at_once = entity_attention(given.rows, given.mentions, 0, max(LENGTHS))
    pieces = [entity_attention(given.rows, given.mentions, begin, begin + 7) for begin in range(0, max(LENGTHS), 7)]
    assert torch.allclose(torch.cat(pieces, dim=2)[:, :, : max(LENGTHS)], all_at_once)
    for entity, document in enumerate(given.mentions.entity_document.tolist()):
        assert not all_at_once[entity, :, LENGTHS[document] :].any()
        assert torch.allclose(all_at_once[entity].sum(1), torch.ones(4), atol=1e-5)
