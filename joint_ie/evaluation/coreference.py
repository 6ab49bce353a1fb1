"""Coreference scores: MUC, B-cubed, CEAF, LEA, and their CoNLL average (golden joint_and_scoring README 2.5)."""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from joint_ie.document import Document, Span
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally

Cluster = frozenset[Span]
MEASURES = ("muc", "b_cubed", "ceaf_e", "ceaf_m", "lea")
CONLL = ("muc", "b_cubed", "ceaf_e")
"""The measures that the CoNLL shared tasks average."""

Counts = NDArray[np.int64]


def coreference(singletons: bool = True, as_listed: bool = False) -> Protocol:
    """Clusters of spans, without regard to entity types.

    Without ``singletons``, clusters of one span are first removed on both sides, as CoNLL 2012 does. All measures
    need every span in one cluster at most: `partition` sees to that. ``as_listed`` takes the clusters as they come
    instead, as published scorers do; where a span is in two of them, scores may then exceed 1.
    """
    name = "coreference" + ("" if singletons else "-no-singletons") + ("-as-listed" if as_listed else "")
    return Protocol(
        name=name,
        mode="end-to-end",
        description=(
            "How mentions are grouped, whatever their types"
            + ("" if singletons else "; clusters of one mention are removed first")
            + ("; a mention of two entities counts in both, and scores may exceed 1" if as_listed else "")
        ),
        measures=MEASURES,
        count=partial(_count, singletons=singletons, as_listed=as_listed),
        means={"conll": CONLL},
    )


def partition(clusters: Iterable[Cluster]) -> list[Cluster]:
    """The clusters with every span in one of them: the largest that has it, of equals the one with the first spans.

    What remains of a cluster stays a cluster, copies vanish, and the order of the clusters does not matter.
    """
    taken: set[Span] = set()
    kept = []
    for cluster in sorted(clusters, key=lambda cluster: (-len(cluster), sorted(cluster))):
        if rest := cluster - taken:
            kept.append(rest)
            taken |= rest
    return kept


def compare(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> dict[Row, Tally]:
    """Tallies of all measures for the clusters of one document; sums over documents are scores of a corpus.

    * MUC (Vilain et al. 1995): the links that keep a cluster together, ``size - 1`` of them.
    * B-cubed (Bagga and Baldwin 1998): for every mention the part of its cluster that is right.
    * CEAF (Luo 2005): every cluster is aligned with one of the other side at most; CEAF-m counts the mentions that
      aligned clusters share, CEAF-e is Luo's phi 4, ``2 * shared / (size + size)``.
    * LEA (Moosavi and Strube 2016): clusters weigh their size; each is right to the part of its links, all pairs of
      its mentions, that the other side has. A cluster of one mention has a link to itself.
    """
    overlap = np.array([[len(one & other) for other in predicted] for one in gold], dtype=np.int64)
    overlap = overlap.reshape(len(gold), len(predicted))
    sizes, others = _sizes(gold), _sizes(predicted)
    shared = _aligned(overlap)
    similar = _aligned(2 * overlap / (sizes[:, None] + others))
    tallies = {
        "muc": Tally(*_muc(overlap.T, others), *_muc(overlap, sizes)),
        "b_cubed": Tally(*_b_cubed(overlap.T, others), *_b_cubed(overlap, sizes)),
        "ceaf_e": Tally(similar, len(predicted), similar, len(gold)),
        "ceaf_m": Tally(shared, int(others.sum()), shared, int(sizes.sum())),
        "lea": Tally(*_lea(overlap.T, others, sizes), *_lea(overlap, sizes, others)),
    }
    return {(measure, ""): tally for measure, tally in tallies.items()}


def clusters_of(document: Document) -> list[Cluster]:
    """The spans of every entity."""
    return [frozenset(mention.span for mention in entity.mentions) for entity in document.entities]


def _count(gold: Document, predicted: Document, singletons: bool, as_listed: bool) -> dict[Row, Tally]:
    sides = (clusters_of(document) for document in (gold, predicted))
    references, predictions = (
        [cluster for cluster in (side if as_listed else partition(side)) if singletons or len(cluster) > 1]
        for side in sides
    )
    return compare(references, predictions)


def _sizes(clusters: Sequence[Cluster]) -> Counts:
    return np.array([len(cluster) for cluster in clusters], dtype=np.int64)


def _aligned(similarity: NDArray[np.float64] | Counts) -> float:
    """The largest sum over a one-to-one choice of rows and columns."""
    return float(similarity[linear_sum_assignment(similarity, maximize=True)].sum())


# Each of these gives what is right, and of how much, on one side: ``overlap`` counts the mentions that its clusters
# (rows, with their ``sizes``) share with those of the other side (columns, ``others``).


def _muc(overlap: Counts, sizes: Counts) -> tuple[int, int]:
    return int(np.maximum(overlap - 1, 0).sum()), int((sizes - 1).sum())


def _b_cubed(overlap: Counts, sizes: Counts) -> tuple[float, int]:
    return float(((overlap**2).sum(axis=1) / sizes).sum()), int(sizes.sum())


def _lea(overlap: Counts, sizes: Counts, others: Counts) -> tuple[float, int]:
    links = np.where((sizes[:, None] == 1) & (others == 1), overlap, overlap * (overlap - 1) // 2)
    possible = np.where(sizes == 1, 1, sizes * (sizes - 1) // 2)
    return float((sizes * (links.sum(axis=1) / possible)).sum()), int(sizes.sum())
