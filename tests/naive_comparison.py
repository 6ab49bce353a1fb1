"""Results of `joint_ie` and of `benchmarks/naive` side by side; run by `runpy` from the tests that need it."""

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.heads import pair_contexts
from joint_ie.models import coreference, mention_detectors, stages
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor
from joint_ie.models.stages import Stages

FOLDER = Path(__file__).parents[1] / "benchmarks" / "naive"
spec = importlib.util.spec_from_file_location("naive", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
naive = sys.modules["naive"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(naive)

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mention_detectors, "SPANS", 997)
    monkeypatch.setattr(coreference, "MENTION_PAIRS", 101)
    monkeypatch.setattr(stages, "ENTITY_PAIRS", 97)
    monkeypatch.setattr(pair_contexts, "BLOCK", 24)
    monkeypatch.setattr(pair_contexts, "ELEMENTS", 24 * 3 * 17)
    monkeypatch.setattr(pair_contexts, "KEPT", 100)


def naive_results(model: JointModel, collator: Collator, documents: list[Document], given: bool = False) -> list:
    """The annotated document, the pairs, their logits, of every document."""
    slow = naive.eager_copy(model)
    annotate = naive.naive_gold_entities if given else naive.naive_extract
    score = naive.naive_gold_scores if given else naive.naive_end_to_end_scores
    done = annotate(slow, collator, documents)
    scored = [score(slow, collator, document) for document in documents]
    return [(d, s.pairs, s.logits) for d, s in zip(done, scored, strict=True)]


def our_results(model: JointModel, collator: Collator, documents: list[Document], given: bool = False) -> list:
    """As `naive_results`, of one batch."""
    predictor, steps = Predictor(model, collator), Stages(model, collator)
    done = (predictor.gold_entities if given else predictor.end_to_end)(documents)
    with torch.no_grad():
        batch = steps.batch(documents, given=given)
        if given:
            encoded, found = steps.given(batch)
        else:
            encoded, mentions = steps.mentions(batch)
            found = steps.entities(batch, mentions)
        scored = steps.pairs(batch, encoded, found, given=given)
        logits = scored.logits() if len(scored.pairs) else torch.zeros(0, 1 + len(model.schema.relation_types))
    first, results = 0, []
    for number, document in enumerate(done):
        rows = scored.pairs.document == number
        heads, tails = (scored.pairs.head[rows] - first).tolist(), (scored.pairs.tail[rows] - first).tolist()
        results.append((document, list(zip(heads, tails, strict=True)), logits[rows]))
        first += len(found[number])
    return results


def assert_equal(ours: list, slow: list) -> None:
    for (document, pairs, logits), (slow_document, slow_pairs, slow_logits) in zip(ours, slow, strict=True):
        entities, slow_entities = document.entities, slow_document.entities
        assert [replace(e, score=None) for e in entities] == [replace(e, score=None) for e in slow_entities]
        assert [e.score for e in entities] == pytest.approx([e.score for e in slow_entities], abs=1e-5)
        assert pairs == slow_pairs
        torch.testing.assert_close(logits, slow_logits, **CLOSE)
        facts = [(r.head, r.tail, r.type, r.label) for r in document.relations]
        assert facts == [(r.head, r.tail, r.type, r.label) for r in slow_document.relations]
        scores = [r.score for r in document.relations]
        assert scores == pytest.approx([r.score for r in slow_document.relations], abs=1e-5)
        assert document.candidates == slow_document.candidates


def batches(documents: Sequence, size: int) -> Iterator[slice]:
    return (slice(i, i + size) for i in range(0, len(documents), size))
