"""The same results as the obvious slow way (`benchmarks/naive`), however documents are batched, chunked and cut."""

import runpy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import BertConfig

from joint_ie.corpora import read_corpus
from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.heads.word_tags import WordTagScorer
from joint_ie.models.checkpoint import collator_for, load_tokenizer
from joint_ie.models.config import JointConfig
from joint_ie.models.joint import JointModel
from joint_ie.models.settings import ModelSettings
from joint_ie.models.sources import find_model
from joint_ie.models.stages import Stages
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping

ROOT = Path(__file__).parents[2]
comparison = SimpleNamespace(**runpy.run_path(str(ROOT / "tests" / "naive_comparison.py")))
assert_equal, batches, make_small = comparison.assert_equal, comparison.batches, comparison.make_small
naive, naive_results, our_results = comparison.naive, comparison.naive_results, comparison.our_results

# as the bundled model's, where weights are not learned; with spans for mentions, of which random weights find more
SETTINGS = {
    "encoder": {"name": "tiny", "casing": True},
    "mentions": {"overlap": False, "threshold": 0.66},
    "coreference": {"threshold": 0.5},
    "relations": {
        "embedding_size": 16,
        "block_size": 4,
        "pool_spans": True,
        "typed": True,
        "top_k": 4,
        "shift": -0.4,
        "dropout": 0.1,
    },
}


def excerpt(document: Document, first: int, last: int) -> Document:
    words = [list(document.words[start:end]) for start, end in document.sentence_spans[first:last]]
    return Document.from_words(f"{document.id}-{first}", words)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    """Fifty of one to four sentences."""
    whole = list(read_corpus(ROOT / "data" / "fictional" / "chronicle.jsonl"))
    parts = [excerpt(document, 0, 4) for document in whole] + [excerpt(document, 4, 6) for document in whole[:9]]
    return [*parts, excerpt(whole[9], 4, 5)]


def made_with(settings: Mapping[str, Any]) -> JointModel:
    """Random weights that find something everywhere, and not everything."""
    torch.manual_seed(2)
    encoder = BertConfig(
        vocab_size=30522,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        max_position_embeddings=512,
        initializer_range=0.3,  # attention far from uniform
    )
    schema = Schema.load(ROOT / "data" / "fictional" / "schema.json")
    made = JointModel(JointConfig.build(from_mapping(ModelSettings, settings), encoder, schema)).eval()
    with torch.no_grad():
        torch.nn.init.normal_(made.encoder.casing.weight, std=0.3)
        if isinstance(made.mention_scorer, WordTagScorer):
            torch.nn.init.normal_(made.mention_scorer.transitions)
        else:
            made.mention_scorer.size_embedding.weight.mul_(0.3)  # else all mentions have the same few widths
        for layer in (made.mention_scorer.out, made.coreference_scorer.out, made.relation_scorer.bilinear):
            layer.weight.mul_(5)
            layer.bias.zero_()
        for layer in (made.mention_scorer.out, made.coreference_scorer.out):
            layer.weight -= layer.weight.mean()
    return made


@pytest.fixture(scope="module")
def model() -> JointModel:
    return made_with(SETTINGS)


@pytest.fixture(scope="module")
def collator(model: JointModel) -> Collator:
    return collator_for(model, load_tokenizer(find_model("default"), model.encoder.model.config))


@pytest.fixture(scope="module")
def expected(model: JointModel, collator: Collator, documents: list[Document]) -> list:
    return naive_results(model, collator, documents)


@pytest.fixture(params=[False, True], ids=["whole", "chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param:
        make_small(monkeypatch)
    return request.param


def test_there_is_something_to_compare(expected: list) -> None:
    assert len(expected) == 50
    found = [document for document, _, _ in expected]
    clusters = [[len(entity.mentions) for entity in document.entities] for document in found]
    assert sum(map(sum, clusters)) > 24 * 50 and min(map(sum, clusters)) > 3
    assert sum(max(sizes) > 2 for sizes in clusters) > 40
    assert len({m.end - m.start for d in found for e in d.entities for m in e.mentions}) > 4
    pairs, relations = sum(len(pairs) for _, pairs, _ in expected), sum(len(d.relations) for d in found)
    assert 24 * 50 < relations < pairs
    assert len({r.type for d in found for r in d.relations}) > 4


def test_all_candidates(
    model: JointModel, collator: Collator, documents: list[Document], chunks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of all widths that are no mentions."""
    slow, chosen = naive.eager_copy(model), documents[::6]
    every = replace(model.settings, mentions=replace(model.settings.mentions, overlap=True))
    monkeypatch.setattr(model, "settings", every)
    steps = Stages(model, collator)
    with torch.no_grad():
        batch = steps.batch(chosen)
        _, found = steps.candidates(batch)
        spans, probability = found.spans, found.probability
        for document, first in zip(chosen, batch.words.offset.tolist(), strict=False):
            here = (spans[:, 0] >= first) & (spans[:, 0] < first + len(document.tokens))
            places = [(start - first, end - first) for start, end in spans[here].tolist()]
            expected = {
                (start, start + width)
                for begin, end in document.sentence_spans
                for start in range(begin, end)
                for width in range(1, min(10, end - start) + 1)
            }
            assert len(places) == len(expected) and set(places) == expected
            logits = naive.scores.mention_logits(slow, naive.encoding.encode(slow, collator, document), places)
            torch.testing.assert_close(probability[here], logits.sigmoid(), **comparison.CLOSE)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_batches(model: JointModel, collator: Collator, documents: list[Document], expected: list, size: int) -> None:
    for part in batches(documents, size):
        assert_equal(our_results(model, collator, documents[part]), expected[part])


def test_other_company(model: JointModel, collator: Collator, documents: list[Document], expected: list) -> None:
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1)).tolist()
    for part in batches(order, 7):
        chosen = order[part]
        assert_equal(our_results(model, collator, [documents[i] for i in chosen]), [expected[i] for i in chosen])


def test_chunks(
    model: JointModel, collator: Collator, documents: list[Document], expected: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_small(monkeypatch)
    monkeypatch.setattr(model.relation_scorer.bilinear, "max_elements", 2 * 4**2 * 19)
    assert_equal(our_results(model, collator, documents), expected)


def test_products_of_mentions(model: JointModel, collator: Collator, documents: list[Document], expected: list) -> None:
    other = made_with(SETTINGS | {"coreference": {"threshold": 0.5, "product": True}})
    found = naive_results(other, collator, documents[:12])
    assert_equal(our_results(other, collator, documents[:12]), found)
    entities = [[len(entity.mentions) for entity in document.entities] for document, _, _ in found]
    assert sum(max(sizes) > 2 for sizes in entities) > 6
    assert entities != [[len(entity.mentions) for entity in document.entities] for document, _, _ in expected[:12]]


@pytest.mark.parametrize("threshold", [0.0, 0.2])
def test_chains_of_tags_and_averages(
    collator: Collator, documents: list[Document], threshold: float, chunks: bool
) -> None:
    """As the bundled model has them, with the best segmentation as it is, and with what is surer of it."""
    mentions = {"detector": "crf", "threshold": threshold}
    coreference = {"threshold": 0.5, "linkage": "average", "typical_mentions": 25}
    other = made_with(SETTINGS | {"mentions": mentions, "coreference": coreference})
    found = naive_results(other, collator, documents[:12])
    assert_equal(our_results(other, collator, documents[:12]), found)
    entities = [entity for document, _, _ in found for entity in document.entities]
    assert sum(len(entity.mentions) > 2 for entity in entities) > 6
    assert len({m.end - m.start for entity in entities for m in entity.mentions}) > 2


def test_windows(model: JointModel, collator: Collator, documents: list[Document], chunks: bool) -> None:
    """The same windows, documents of one to many of them in a batch; neighbours share a few tokens or many."""
    chosen = documents[22:26] + documents[45:]
    for length, overlap in ((50, 5), (40, 22)):
        short = Collator(collator.tokeniser, length, overlap)
        windows = short.plain(chosen).windows.document.bincount()
        assert windows.min() == 1 and windows.max() > 2
        assert_equal(our_results(model, short, chosen), naive_results(model, short, chosen))


def test_larger_windows(model: JointModel, collator: Collator, documents: list[Document], expected: list) -> None:
    """What fits into one window is the same with a window of just its size, and beside documents that are cut."""
    lengths = [len(subwords.ids) for subwords in collator.tokeniser.plain(documents)]
    middle = sorted(lengths)[25]
    fitting = [i for i, length in enumerate(lengths) if length <= middle]
    short = Collator(collator.tokeniser, middle, 8)
    found = our_results(model, short, documents)
    assert_equal([found[i] for i in fitting], [expected[i] for i in fitting])
