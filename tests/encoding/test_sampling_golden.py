"""Pools of examples and the rules of drawing from them, against the golden JEREX samples (golden joint README 5.3)."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from joint_ie.corpora import read_docred
from joint_ie.document import Document
from joint_ie.encoding.sampling import Examples, Negatives, Sample, draw, examples
from joint_ie.encoding.subwords import Subwords, SubwordTokeniser
from joint_ie.models.checkpoint import load_tokenizer


@dataclass(frozen=True)
class Case:
    """A document with JEREX's sample of it and ours; spans are compared as subwords, which golden has."""

    document: Document
    golden: dict[str, Tensor]
    settings: dict[str, Any]
    subwords: Subwords
    found: Examples
    drawn: Sample

    def pieces(self, spans: NDArray[np.int64]) -> list[tuple[int, int]]:
        starts, ends = self.subwords.word_start[spans[:, 0]], self.subwords.word_end[spans[:, 1] - 1]
        return list(zip(starts.tolist(), ends.tolist(), strict=True))


@pytest.fixture(scope="module", params=(0, 1))
def case(request: pytest.FixtureRequest, shared: Path) -> Case:
    folder = shared / "golden" / "joint_and_scoring" / "d_jerex"
    document = list(read_docred(folder / "documents.json"))[request.param]
    config = json.loads((folder / "config.json").read_text())
    sampling = config["sampling"]
    index = {relation: i for i, relation in enumerate(config["relation_types"])}
    tokeniser = SubwordTokeniser(load_tokenizer(shared / "encoders" / "gte-small"), special_tokens=False)
    negatives = Negatives(
        mentions=sampling["neg_mention_count"],
        inside_share=sampling["neg_mention_overlap_ratio"],
        coreference=sampling["neg_coref_count"],
        relations=sampling["neg_rel_count"],
    )
    found = examples(document, index, sampling["max_span_size"])
    return Case(
        document,
        load_file(folder / f"train_sample_doc{request.param}.safetensors"),
        sampling,
        tokeniser.plain([document])[0],
        found,
        draw(found, negatives, np.random.default_rng(0)),
    )


def test_subwords(case: Case) -> None:
    assert case.subwords.ids.tolist() == case.golden["wordpiece_ids"].tolist()


def test_mentions(case: Case) -> None:
    spans = [tuple(span) for span in case.golden["span_wordpieces"].tolist()]
    is_mention = case.golden["span_is_mention"].bool().tolist()
    negative = [span for span, yes in zip(spans, is_mention, strict=True) if not yes]
    assert case.pieces(case.found.gold_spans) == [span for span, yes in zip(spans, is_mention, strict=True) if yes]
    inside, outside = set(case.pieces(case.found.inside)), set(case.pieces(case.found.outside))
    assert not inside & outside
    near = min(len(inside), case.settings["neg_mention_count"] // 2)
    assert set(negative[:near]) <= inside
    assert set(negative[near:]) <= outside
    ours = case.pieces(case.drawn.spans)
    assert ours[: case.drawn.gold] == spans[: sum(is_mention)]
    drawn = ours[case.drawn.gold :]
    assert len(drawn) == len(set(drawn)) == len(negative)
    assert sum(span in inside for span in drawn) == near


def test_every_span_is_in_one_pool(case: Case) -> None:
    """By brute force: all spans of up to ten words in a sentence, inside some mention or not."""
    gold = {mention.span for entity in case.document.entities for mention in entity.mentions}
    inside, outside = set(), set()
    for first, last in case.document.sentence_spans:
        for start in range(first, last):
            for end in range(start + 1, min(start + 10, last) + 1):
                if (start, end) not in gold:
                    contained = any(a <= start and end <= b for a, b in gold)
                    (inside if contained else outside).add((start, end))
    assert len(case.found.inside) == len(inside) and len(case.found.outside) == len(outside)
    assert {tuple(span) for span in case.found.inside.tolist()} == inside
    assert {tuple(span) for span in case.found.outside.tolist()} == outside


def test_coreference(case: Case) -> None:
    same = case.golden["coref_label"].bool()
    golden = _with_distance(case.golden["coref_pairs"], case.golden["coref_edit_distance"])
    positive = [pair for pair, yes in zip(golden, same.tolist(), strict=True) if yes]
    negative = [pair for pair, yes in zip(golden, same.tolist(), strict=True) if not yes]
    # golden refers to a mention that is annotated twice by the number of its first annotation
    listed = case.found.gold_spans.tolist()
    number = torch.tensor([listed.index(span) for span in listed])
    assert _with_distance(number[case.found.same], case.found.same_distance) == positive
    assert Counter(negative) <= Counter(_with_distance(number[case.found.different], case.found.different_distance))
    assert (len(case.drawn.mention_pairs), case.drawn.same) == (len(golden), len(positive))


def test_relations(case: Case) -> None:
    golden = {
        tuple(pair): torch.nonzero(row).squeeze(1).tolist()
        for pair, row in zip(case.golden["relation_pairs"].tolist(), case.golden["relation_labels"], strict=True)
    }
    pairs = [tuple(pair) for pair in case.found.pairs.tolist()]
    entities = range(len(case.document.entities))
    assert pairs == [(head, tail) for head in entities for tail in entities if head != tail]
    labelled: dict[tuple[int, ...], list[int]] = {}
    for row, relation in case.found.labels.tolist():
        labelled.setdefault(pairs[row], []).append(relation)
    assert labelled == {pair: relations for pair, relations in golden.items() if relations}
    assert set(golden) <= set(pairs)
    drawn = [pairs[row] for row in case.drawn.pair_rows]
    assert len(drawn) == len(set(drawn)) == len(golden)
    assert set(labelled) <= set(drawn)


def _with_distance(pairs: Tensor, distance: Any) -> list[tuple[int, ...]]:
    return [(*pair, d) for pair, d in zip(pairs.tolist(), distance.tolist(), strict=True)]
