"""Coreference of predicted mentions by either method."""

import json
import math
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.heads.antecedents import AntecedentScorer
from joint_ie.models import compared
from joint_ie.models.checkpoint import collator_for, continued_model, load_checkpoint, save_checkpoint
from joint_ie.models.clustering import BestAntecedents, cluster
from joint_ie.models.coreference import best_antecedents
from joint_ie.models.prediction import Predictor

NAMES = ["Ann Lee", "Ann", "Bob", "Oslo", "Lee"]


def mentions(seed: int, count: int) -> tuple[torch.Tensor, list[tuple[int, int]], list[str]]:
    """Different spans with random vectors and names."""
    random = Random(seed)
    spans = random.sample([(start, start + width) for start in range(3 * count) for width in (1, 2)], count)
    vectors = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return vectors, spans, [random.choice(NAMES) for _ in spans]


def scorer(seed: int = 0) -> AntecedentScorer:
    torch.manual_seed(seed)
    made = AntecedentScorer(6, 4, 10, 0.0).double().eval()
    with torch.no_grad():
        made.out.weight *= 5
    return made


def by_loops(made: AntecedentScorer, vectors, spans, texts) -> dict[int, tuple[int, float]]:
    """The best antecedent of every mention but the first, with its probability against none."""
    order = sorted(range(len(spans)), key=spans.__getitem__)
    found = {}
    for j, mention in enumerate(order):
        best = (-math.inf, -1)
        for i, antecedent in enumerate(order[:j]):
            distance = Levenshtein.distance(texts[antecedent], texts[mention])
            pair = torch.tensor([[antecedent, mention]])
            score = made(vectors, pair, torch.tensor([distance]), torch.tensor([j - i])).item()
            best = max(best, (score, i))
        if j:
            found[mention] = (order[best[1]], 1 / (1 + math.exp(-best[0])))
    return found


def entities(spans, found: BestAntecedents, threshold: float) -> set[frozenset[tuple[int, int]]]:
    return {frozenset(spans[i] for i in part) for part in cluster(found, threshold)}


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_the_best_antecedent_of_every_mention(count: int) -> None:
    vectors, spans, texts = mentions(count, count)
    vectors, made = vectors.double(), scorer()
    with torch.no_grad():
        found = best_antecedents(made, vectors, spans, texts)
        expected = by_loops(made, vectors, spans, texts)
    assert (found.mentions, found.left_out) == (count, 0)
    assert dict(zip(found.mention.tolist(), found.antecedent.tolist(), strict=True)) == {
        mention: antecedent for mention, (antecedent, _) in expected.items()
    }
    assert found.score.tolist() == pytest.approx([expected[mention][1] for mention in found.mention.tolist()])


@given(st.integers(0, 50), st.integers(0, 14), st.randoms(use_true_random=False), st.floats(0, 1))
def test_the_order_of_candidates_does_not_matter(seed: int, count: int, random: Random, threshold: float) -> None:
    vectors, spans, texts = mentions(seed, count)
    vectors, made = vectors.double(), scorer()
    other = random.sample(range(count), count)
    with torch.no_grad():
        found = best_antecedents(made, vectors, spans, texts)
        moved = best_antecedents(made, vectors[other], [spans[i] for i in other], [texts[i] for i in other])
    assert entities(spans, found, threshold) == entities([spans[i] for i in other], moved, threshold)


def test_of_equal_antecedents_the_nearest() -> None:
    made = scorer()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        found = best_antecedents(made, torch.zeros(4, 6).double(), [(3, 4), (0, 1), (2, 3), (1, 2)], ["x"] * 4)
    assert dict(zip(found.mention.tolist(), found.antecedent.tolist(), strict=True)) == {3: 1, 2: 3, 0: 2}


@given(st.integers(0, 9), st.randoms(use_true_random=False), st.floats(0, 1))
def test_entities_are_what_links_connect(count: int, random: Random, threshold: float) -> None:
    names = random.sample(range(count), count)  # the text order
    links = [(names[j], names[random.randrange(j)], random.random()) for j in range(1, count)]
    mention, antecedent, score = (np.array(column) for column in zip(*links, strict=True)) if links else ([], [], [])
    found = BestAntecedents(count, *(np.array(c, dtype=np.int64) for c in (mention, antecedent)), np.array(score))
    owner = list(range(count))
    for one, other, probability in links:
        if probability > threshold:
            owner = [owner[one] if who == owner[other] else who for who in owner]
    expected = sorted([i for i in range(count) if owner[i] == who] for who in set(owner))
    assert cluster(found, threshold) == expected
    finer = cluster(found, min(1.0, threshold + 0.2))
    assert all(any(set(part) <= set(whole) for whole in expected) for part in finer)


def test_one_half_is_the_better_of_none_and_the_best() -> None:
    score = torch.tensor([-1e-6, 1e-6], dtype=torch.float64).sigmoid().numpy()
    found = BestAntecedents(3, np.array([1, 2]), np.array([0, 1]), score)
    assert cluster(found, 0.5) == [[0], [1, 2]]
    assert cluster(found, 0.0) == [[0, 1, 2]] and cluster(found, 1.0) == [[0], [1], [2]]


def test_a_diverged_model_is_reported() -> None:
    vectors, spans, texts = mentions(1, 5)
    vectors[spans.index(min(spans)), 0] = math.nan
    with torch.no_grad(), pytest.raises(InputError, match="coreference scores should be finite"):
        cluster(best_antecedents(scorer().float(), vectors, spans, texts), 0.5)


def test_long_documents_compare_likely_pairs_and_count_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "EXACT", 20)
    monkeypatch.setattr(compared, "NEAR", 3)
    monkeypatch.setattr(compared, "TOGETHER", 50)
    vectors, spans, texts = mentions(4, 60)
    order = sorted(range(60), key=spans.__getitem__)
    pairs = {(order[i], order[j]) for part in compared.compared_pairs([texts[i] for i in order]) for i, j in part}
    with torch.no_grad():
        found = best_antecedents(scorer().float(), vectors, spans, texts)
    assert found.left_out == 60 * 59 // 2 - len(pairs) > 0
    assert set(zip(found.antecedent.tolist(), found.mention.tolist(), strict=True)) <= pairs
    assert sorted(found.mention.tolist()) == sorted(order[1:])


def ranked(toy, **settings):
    coreference = {"method": "antecedent", "threshold": 0.5}
    model = toy.model(coreference=coreference, mentions={"threshold": 0.5}, **settings)
    predictor = Predictor(model, toy.collator(model))
    with torch.no_grad():  # half of the links are above the threshold
        _, (found,) = predictor.stages.mentions(predictor.stages.batch([toy.document(2)]))
        model.coreference_scorer.out.bias -= torch.from_numpy(found.pairs.score).quantile(0.5).logit()
    return predictor


def spans_of(document: Document) -> list[list[tuple[int, int]]]:
    return [[m.span for m in entity.mentions] for entity in document.entities]


def test_a_batch_finds_what_its_documents_find(toy) -> None:
    predictor = ranked(toy)
    documents = [toy.document(i, sentences=1 + i) for i in range(4)]
    together = predictor.end_to_end(documents)
    assert [spans_of(d) for d in together] == [spans_of(d) for one in documents for d in predictor.end_to_end([one])]
    sizes = {len(entity) for document in together for entity in spans_of(document)}
    assert 1 in sizes and max(sizes) > 1  # without a link a mention is an entity
    for document in together:
        starts = [entity[0] for entity in spans_of(document)]
        assert starts == sorted(starts)
        assert all(a < b for entity in spans_of(document) for a, b in pairwise(entity))
    assert predictor.uncompared_mentions == 0


def test_checkpoints(toy, tmp_path: Path) -> None:
    predictor = ranked(toy)
    documents = [toy.document(1), toy.document(2)]
    save_checkpoint(predictor.model, toy.tokenizer(), tmp_path)
    loaded, tokenizer = load_checkpoint(tmp_path)
    assert loaded.settings.coreference.method == "antecedent"
    again = Predictor(loaded, collator_for(loaded, tokenizer))
    assert again.end_to_end(documents) == predictor.end_to_end(documents)
    pairwise = toy.model(mentions={"threshold": 0.5}).settings
    with pytest.raises(InputError, match="has other parts than the model settings describe"):
        continued_model(pairwise, toy.SCHEMA, tmp_path)


def test_a_checkpoint_that_names_no_method_is_pairwise(toy, tmp_path: Path) -> None:
    model = toy.model(mentions={"threshold": 0.5})
    save_checkpoint(model, toy.tokenizer(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for newer in ("method", "max_antecedents", "product"):
        del config["model"]["coreference"][newer]
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded, tokenizer = load_checkpoint(tmp_path)
    assert loaded.settings == model.settings
    documents = [toy.document(1), toy.document(2)]
    before, after = Predictor(model, toy.collator(model)), Predictor(loaded, collator_for(loaded, tokenizer))
    assert before.end_to_end(documents) == after.end_to_end(documents)


def test_it_learns_a_document_by_heart(toy) -> None:
    """Entities that names do not give away."""
    weights = {"mentions": 1.0, "coreference": 1.0, "entity_types": 0.0, "relations": 0.0}
    model = toy.model(coreference={"method": "antecedent", "threshold": 0.5}, task_weights=weights, dropout=0.0)
    document = toy.document(5, sentences=4, entities=4, most_mentions=3)
    batch = toy.training_set(model, [document]).batch([(0,)], 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss = model(batch).losses["coreference"]
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02
    stages = Predictor(model, toy.collator(model)).stages
    spans = sorted({m.span for entity in document.entities for m in entity.mentions})
    with torch.no_grad():
        encoded, _ = stages.given(stages.batch([document], given=True))
        vectors = encoded.words(torch.tensor(spans))
        texts = [document.slice(*span) for span in spans]
        found = best_antecedents(model.coreference_scorer, vectors, spans, texts)
    gold = {frozenset(m.span for m in entity.mentions) for entity in document.entities}
    assert sum(map(len, gold)) == len(spans) > len(gold)  # no span in two entities here
    assert entities(spans, found, 0.5) == gold
