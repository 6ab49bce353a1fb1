"""The same results as the obvious slow way (`benchmarks/naive`): given entities, markers, odd documents, training."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.models.joint import JointModel

comparison = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "naive_comparison.py")))
assert_equal, batches, make_small = comparison.assert_equal, comparison.batches, comparison.make_small
naive, naive_results, our_results = comparison.naive, comparison.naive_results, comparison.our_results

VARIANTS = {
    "as-bundled": {
        "encoder": {"casing": True},
        "mentions": {"detector": "crf", "threshold": 0.3},
        "coreference": {"linkage": "average", "threshold": 0.5, "typical_mentions": 10},
        "relations": {"pool_spans": True, "typed": True, "max_word_distance": 6, "shift": 0.7},
    },
    "spans": {
        "encoder": {"casing": True},
        "mentions": {"overlap": False, "threshold": 0.3},
        "relations": {"pool_spans": True, "typed": True, "max_word_distance": 6, "shift": 0.7},
    },
    "one-pass": {"mentions": {"threshold": 0.9}, "relations": {"top_k": 2}},
    "markers": {"mentions": {"threshold": 0.9}, "relations": {"input": "markers", "max_word_distance": 9}},
    "markers-spans": {
        "encoder": {"casing": True, "special_tokens": False, "max_length": 30, "overlap": 7},
        "mentions": {"overlap": False, "threshold": 0.3},
        "relations": {"input": "markers", "pool_spans": True, "typed": True, "shift": 0.7},
    },
}


@pytest.fixture(params=[False, True], ids=["whole", "chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        make_small(monkeypatch)
    return request.param


def variant(toy, name: str) -> tuple[JointModel, Collator]:
    model = toy.model(3, **({"coreference": {"threshold": 0.5}} | VARIANTS[name]))
    with torch.no_grad():
        model.relation_scorer.bilinear.weight.mul_(5)
        if model.settings.mentions.detector == "crf":  # tags that words differ in
            model.mention_scorer.out.weight.mul_(20)
            torch.nn.init.normal_(model.mention_scorer.transitions)
        if model.encoder.casing is not None:
            torch.nn.init.normal_(model.encoder.casing.weight, std=0.3)
    return model, toy.collator(model)


def odd_documents(toy) -> list[Document]:
    """Mentions that nest, overlap and repeat, no or one entity, no relation annotation, few candidates."""
    made = [toy.document(seed, sentences=4, entities=6, relations=5) for seed in range(5)]
    asked = [(1, 0), (0, 3), (2, 4)]
    few = replace(made[0], id="few", relations=made[0].relations[:0], candidates=tuple(asked))
    alone = toy.document(6, entities=1, relations=0)
    return [few, *made, toy.document(5, entities=0, relations=0), alone, toy.document(7, relations=None)]


@pytest.mark.parametrize("name", VARIANTS)
def test_gold_entities(toy, name: str, chunks: bool) -> None:
    model, collator = variant(toy, name)
    documents = odd_documents(toy)
    slow = naive_results(model, collator, documents, given=True)
    assert 20 < sum(len(document.relations) for document, _, _ in slow) < sum(len(pairs) for _, pairs, _ in slow) * 3
    for size in (1, 4, 9):
        for part in batches(documents, size):
            assert_equal(our_results(model, collator, documents[part], given=True), slow[part])


@pytest.mark.parametrize("name", VARIANTS)
def test_end_to_end(toy, name: str) -> None:
    """With the pipeline's second pass over marked documents, and with mentions that overlap."""
    model, collator = variant(toy, name)
    documents = [replace(document, candidates=None) for document in odd_documents(toy)]
    slow = naive_results(model, collator, documents)
    assert sum(len(document.relations) for document, _, _ in slow) > 20
    for size in (1, 4, 9):
        for part in batches(documents, size):
            assert_equal(our_results(model, collator, documents[part]), slow[part])


def without_ties(document: Document) -> Document:
    """No two mentions of an entity overlap, so that no token is the maximum of several."""
    entities = []
    for entity in document.entities:
        kept: list = []
        for mention in entity.mentions:
            if all(mention.end <= other.start or other.end <= mention.start for other in kept):
                kept.append(mention)
        entities.append(replace(entity, mentions=tuple(kept)))
    return replace(document, entities=tuple(entities))


def assert_equal_steps(toy, name: str, dtype: torch.dtype, documents: list[Document], elements: int = 2**22) -> None:
    """Losses and all gradients."""
    model, collator = variant(toy, name)
    model = model.to(dtype)
    model.relation_scorer.bilinear.max_elements = elements
    slow = naive.eager_copy(model)
    batch = toy.training_set(model, documents).batch([(i,) for i in range(len(documents))], 0)
    found, expected = model(batch), naive.naive_training_loss(slow, collator, batch)
    close = 1e-5 if dtype == torch.float32 else 1e-12
    assert found.losses.keys() == expected.losses.keys() == {"mentions", "coreference", "entity_types", "relations"}
    for task, loss in expected.losses.items():
        assert found.losses[task].item() == pytest.approx(loss.item(), rel=close)
    assert found.loss.item() == pytest.approx(expected.loss.item(), rel=close)
    found.loss.backward()
    expected.loss.backward()
    gradients = {key: p.grad for key, p in slow.named_parameters() if p.grad is not None}
    assert len(gradients) > 0.9 * len(list(model.parameters()))
    largest = max(gradient.abs().max().item() for gradient in gradients.values())
    for key, parameter in model.named_parameters():
        if key not in gradients:
            assert parameter.grad is None or not parameter.grad.any()
            continue
        # the biases of keys have rounding errors for a gradient
        scale = max(gradients[key].abs().max().item(), 1e-2 * largest)
        assert (parameter.grad - gradients[key]).abs().max().item() <= close * scale, key


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_training(toy, name: str, dtype: torch.dtype) -> None:
    """In 64 bits to far more digits."""
    assert_equal_steps(toy, name, dtype, [without_ties(document) for document in odd_documents(toy)])


@pytest.mark.parametrize("name", VARIANTS)
def test_training_in_chunks(toy, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With contexts that are computed again in backward."""
    make_small(monkeypatch)
    documents = [without_ties(document) for document in odd_documents(toy)]
    assert_equal_steps(toy, name, torch.float64, documents, elements=2 * 4**2 * 19)


def test_training_on_nested_mentions(toy) -> None:
    for name in ("as-bundled", "spans"):
        assert_equal_steps(toy, name, torch.float64, odd_documents(toy))
