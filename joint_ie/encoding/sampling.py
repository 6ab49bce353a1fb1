"""What a document teaches: positive examples, and negatives drawn anew at every visit (golden joint README 5.3)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from joint_ie.document import Document
from joint_ie.encoding.antecedents import antecedent_pairs
from joint_ie.encoding.distances import edit_distances
from joint_ie.encoding.segments import Integers, Segments, segments
from joint_ie.encoding.spans import all_spans


@dataclass(frozen=True)
class Negatives:
    """How many to draw per document; None takes all there are."""

    mentions: int | None = 200
    inside_share: float = 0.5
    coreference: int | None = 200
    relations: int | None = None


@dataclass(frozen=True)
class Examples:
    """Everything that can be learned from one document; positions count in that document.

    Shapes: ``gold_spans`` [mentions, 2] with repeats, ``inside`` and ``outside`` [n, 2] the spans that are no
    mentions and lie completely inside some mention, or not; ``same`` and ``different`` [n, 2] ordered mention
    pairs of one entity and of two, ``*_distance`` [n] their edit distances; ``pairs`` [pairs, 2] all ordered
    entity pairs that the document asks about, row-major, and ``labels`` [facts, 2] = (row, relation) of those among
    them, None without relation annotation. ``pairs`` are then None as well, unless a teacher will say what holds.
    ``evidence`` [n, 3] = (row, sentence, how many of the pair's relations cite it), None without relation annotation,
    too. ``segments`` are the mentions that share no word, None where nobody asks for them. ``left_out`` counts the
    mention pairs that are too far apart for `antecedent_pairs`.
    """

    gold_spans: Integers
    inside: Integers
    outside: Integers
    same: Integers
    same_distance: Integers
    different: Integers
    different_distance: Integers
    pairs: Integers | None
    labels: Integers | None
    evidence: Integers | None
    segments: Segments | None = None
    left_out: int = 0


@dataclass(frozen=True)
class Sample:
    """Drawn examples.

    ``spans`` [n, 2], of which the first ``gold`` are mentions; ``mention_pairs`` [n, 2], of which the first ``same``
    are coreferent, with ``edit_distance`` [n]; ``pair_rows`` rows of `Examples.pairs`, or None.
    """

    spans: Integers
    gold: int
    mention_pairs: Integers
    same: int
    edit_distance: Integers
    pair_rows: Integers | None


def examples(
    document: Document,
    relation_index: Mapping[str, int],
    max_width: int,
    unlabelled_pairs: bool = False,
    max_antecedents: int | None = None,
    segmenting: bool = False,
) -> Examples:
    """Collect the examples of a document; ``relation_index`` gives the column (from 0) of every relation type.

    With ``unlabelled_pairs`` documents without relation annotation have pairs, too. With ``max_antecedents`` mention
    pairs are those of `antecedent_pairs`, not all. ``segmenting`` asks for segments.
    """
    spans = np.array([m.span for e in document.entities for m in e.mentions], dtype=np.int64).reshape(-1, 2)
    texts = [m.text for e in document.entities for m in e.mentions]
    entity = np.repeat(np.arange(len(document.entities)), [len(e.mentions) for e in document.entities])
    inside, outside = _non_mentions(document, spans, max_width)
    left_out = 0
    if max_antecedents is None:
        i, j = np.nonzero(~np.eye(len(spans), dtype=bool))
        mention_pairs, coreferent = np.stack((i, j), axis=1), entity[i] == entity[j]
    else:
        compared = antecedent_pairs(spans, entity, max_antecedents)
        mention_pairs, coreferent, left_out = compared.pairs, compared.coreferent, compared.left_out
    distance = edit_distances(texts, torch.from_numpy(mention_pairs)).numpy()
    pairs = labels = evidence = None
    if document.relations is not None or unlabelled_pairs:
        asked = ~np.eye(len(document.entities), dtype=bool)
        if document.candidates is not None:
            head, tail = np.array(document.candidates, dtype=np.int64).reshape(-1, 2).T
            asked = asked & (np.bincount(head * len(asked) + tail, minlength=asked.size).reshape(asked.shape) > 0)
        head, tail = np.nonzero(asked)
        pairs = np.stack((head, tail), axis=1)
    if document.relations is not None:
        rows = np.cumsum(asked).reshape(asked.shape) - 1
        facts: dict[tuple[int, int], set[int]] = {}  # the sentences of every (row, relation)
        for r in document.relations:
            if asked[r.head, r.tail]:
                row = int(rows[r.head, r.tail])
                facts.setdefault((row, relation_index[r.type]), set()).update(r.evidence)
        labels = np.array(sorted(facts), dtype=np.int64).reshape(-1, 2)
        cited = Counter((row, sentence) for (row, _), sentences in facts.items() for sentence in sentences)
        counted = [(*place, count) for place, count in sorted(cited.items())]
        evidence = np.array(counted, dtype=np.int64).reshape(-1, 3)
    return Examples(
        spans,
        inside,
        outside,
        mention_pairs[coreferent],
        distance[coreferent],
        mention_pairs[~coreferent],
        distance[~coreferent],
        pairs,
        labels,
        evidence,
        segments(spans, np.array(document.token_sentence, dtype=np.int64), max_width) if segmenting else None,
        left_out,
    )


def draw(found: Examples, negatives: Negatives, random: np.random.Generator) -> Sample:
    """All positives and a draw of negatives, without replacement."""
    wanted = negatives.mentions
    if wanted is None:
        spans = np.concatenate((found.gold_spans, found.inside, found.outside))
    else:
        near = _choose(found.inside, int(wanted * negatives.inside_share), random)
        far = _choose(found.outside, wanted - len(near), random)
        spans = np.concatenate((found.gold_spans, near, far))
    chosen = _choose(np.arange(len(found.different)), negatives.coreference, random)
    rows = None
    if found.pairs is not None:
        positive = np.unique([] if found.labels is None else found.labels[:, 0]).astype(np.int64)
        negative = np.setdiff1d(np.arange(len(found.pairs)), positive, assume_unique=True)
        rows = np.sort(np.concatenate((positive, _choose(negative, negatives.relations, random))))
    return Sample(
        spans,
        len(found.gold_spans),
        np.concatenate((found.same, found.different[chosen])),
        len(found.same),
        np.concatenate((found.same_distance, found.different_distance[chosen])),
        rows,
    )


def _choose(items: Integers, count: int | None, random: np.random.Generator) -> Integers:
    """``count`` of the items, or all if there are no more than that."""
    if count is None or len(items) <= count:
        return items
    return items[np.sort(random.choice(len(items), size=count, replace=False))]


def _non_mentions(document: Document, gold: Integers, max_width: int) -> tuple[Integers, Integers]:
    """Spans that are no mentions: those completely inside some mention, and the others."""
    candidates = all_spans(torch.tensor(document.token_sentence, dtype=torch.long), max_width).numpy()
    words = len(document.tokens)
    is_gold = np.isin(candidates[:, 0] * (words + 1) + candidates[:, 1], gold[:, 0] * (words + 1) + gold[:, 1])
    candidates = candidates[~is_gold]
    # furthest[i]: the furthest end of the mentions that start at or before word i
    furthest = np.zeros(words + 1, dtype=np.int64)
    np.maximum.at(furthest, gold[:, 0], gold[:, 1])
    furthest = np.maximum.accumulate(furthest)
    contained = candidates[:, 1] <= furthest[candidates[:, 0]]
    return candidates[contained], candidates[~contained]
