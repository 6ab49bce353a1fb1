import copy

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import BertConfig, BertModel

from joint_ie.heads import blocked_attention as module
from joint_ie.heads.blocked_attention import blocked_attention, register_blocked_attention

LENGTHS = [7, 4, 0, 9]


def given(dtype: torch.dtype, heads: int = 3, width: int = 9, size: int = 4) -> list[Tensor]:
    torch.manual_seed(1)
    made = [torch.randn(len(LENGTHS), width, heads, size, dtype=dtype) for _ in range(3)]
    return [part.transpose(1, 2).detach().requires_grad_() for part in made]


def visible(lengths: list[int], width: int) -> Tensor:
    return torch.arange(width) < torch.tensor(lengths)[:, None]  # [documents, width]


@pytest.mark.parametrize("block", [1, 60, 1 << 19])
@pytest.mark.parametrize("kept", [0, 1 << 26])
def test_values_and_gradients_are_those_of_pytorch(monkeypatch: pytest.MonkeyPatch, block: int, kept: int) -> None:
    """Whatever the blocks, and whether backward keeps the weights."""
    monkeypatch.setattr(module, "BLOCK", block)
    monkeypatch.setattr(module, "KEPT", kept)
    parts, others = given(torch.float64), given(torch.float64)
    inside = visible(LENGTHS, 9)
    mask = inside[:, None, None, :] | ~inside.any(1)[:, None, None, None]  # softmax over nothing is not defined
    ours = blocked_attention(*parts, LENGTHS, scale=0.7)
    reference = scaled_dot_product_attention(*others, attn_mask=mask, scale=0.7) * inside[:, None, :, None]
    torch.testing.assert_close(ours, reference, rtol=0, atol=1e-13)
    weight = torch.randn_like(ours)
    (ours * weight).sum().backward()
    (reference * weight).sum().backward()
    for part, other in zip(parts, others, strict=True):
        torch.testing.assert_close(part.grad, other.grad, rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [1.0, 100.0, -100.0])
def test_without_gradients(size: float) -> None:
    """There the exponentials are summed as they are, where none is too large or all too small."""
    query, key, value = (part.detach() for part in given(torch.float64))
    query, key = query * 10, key * abs(size)
    if size < 0:  # every query's scores are about -1000
        query, key = query.abs(), -key.abs()
    inside = visible(LENGTHS, 9)
    mask = inside[:, None, None, :] | ~inside.any(1)[:, None, None, None]
    reference = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.7) * inside[:, None, :, None]
    torch.testing.assert_close(blocked_attention(query, key, value, LENGTHS, 0.7), reference, rtol=0, atol=1e-13)


def test_what_lies_beyond_a_document_does_not_matter() -> None:
    parts = given(torch.float64)
    first = blocked_attention(*parts, LENGTHS, 0.5)
    inside = visible(LENGTHS, 9)[:, None, :, None]
    others = [torch.where(inside, part, 1e30) for part in parts]
    second = blocked_attention(*others, LENGTHS, 0.5)
    assert torch.equal(first, second)
    assert not first.masked_select(~inside).any()


def encoders(dropout: float = 0.0) -> tuple[BertModel, BertModel]:
    config = BertConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        attention_probs_dropout_prob=dropout,
    )
    torch.manual_seed(0)
    reference = BertModel._from_config(config, attn_implementation="sdpa", add_pooling_layer=False)
    # models that share a configuration share its attention, too
    ours = BertModel._from_config(
        copy.deepcopy(config), attn_implementation=register_blocked_attention(), add_pooling_layer=False
    )
    ours.load_state_dict(reference.state_dict())
    return ours, reference


def ids(lengths: list[int]) -> tuple[Tensor, Tensor]:
    mask = visible(lengths, 11)
    return torch.arange(11 * len(lengths)).view(-1, 11) % 40 * mask, mask


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of documents of every call of `blocked_attention`."""
    counted = []

    def counting(query: Tensor, *rest: object) -> Tensor:
        counted.append(len(query))
        return blocked_attention(query, *rest)

    monkeypatch.setattr(module, "blocked_attention", counting)
    return counted


def test_encoder_in_bfloat16(calls: list[int]) -> None:
    ours, reference = (model.eval() for model in encoders())
    tokens, mask = ids([11, 6, 8])
    with torch.no_grad():
        exact = reference(tokens, attention_mask=mask).last_hidden_state
        with torch.autocast("cpu", torch.bfloat16):
            first = ours(tokens, attention_mask=mask).last_hidden_state
            second = reference(tokens, attention_mask=mask).last_hidden_state
    assert calls == [3, 3]  # once a layer
    error, usual = ((made.float() - exact)[mask].abs().mean() for made in (first, second))
    assert error < 1.5 * usual


def test_batch_or_alone_is_the_same() -> None:
    ours = encoders()[0].eval()
    tokens, mask = ids([11, 6, 8])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        together = ours(tokens, attention_mask=mask).last_hidden_state
        alone = ours(tokens[1:2, :6], attention_mask=mask[1:2, :6]).last_hidden_state
    torch.testing.assert_close(together[1, :6], alone[0], rtol=0, atol=2e-2)


@pytest.mark.parametrize("case", ["32 bits", "hole", "dropout", "causal"])
def test_elsewhere_pytorch_attends(case: str, calls: list[int]) -> None:
    ours, reference = encoders(dropout=0.5 if case == "dropout" else 0.0)
    tokens, mask = ids([11, 6, 8])
    if case == "hole":
        mask = mask.clone()
        mask[0, 3] = False
    if case == "causal":
        for model in (ours, reference):
            for layer in model.encoder.layer:
                layer.attention.self.is_causal = True
        tokens, mask = tokens[:1], mask[:1]  # without padding there is no mask, and attention is causal by itself
    results = []
    for model in (ours, reference):
        model.train(case == "dropout")
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=case != "32 bits"):
            results.append(model(tokens, attention_mask=None if case == "causal" else mask).last_hidden_state)
    assert not calls
    assert torch.equal(results[0][mask], results[1][mask])
