"""The two ways to score the mentions of a document pair by pair, from which they are clustered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from joint_ie.document import Span
from joint_ie.encoding.antecedents import TextOrder
from joint_ie.encoding.distances import edit_distances
from joint_ie.heads.antecedents import AntecedentScorer
from joint_ie.heads.coreference import PairwiseCoreferenceScorer
from joint_ie.heads.workers import on_every_core
from joint_ie.models.clustering import BestAntecedents, LikelyPairs
from joint_ie.models.compared import Pairs, compared_pairs
from joint_ie.models.settings import CoreferenceSettings, ModelSettings

MENTION_PAIRS = 1 << 12  # scored together: few enough to stay in a cache
UNLIKELY = 0.05  # mention pairs up to this probability are forgotten at once, unless the threshold is lower

CoreferenceScorer = PairwiseCoreferenceScorer | AntecedentScorer
Numbers = NDArray[np.float64]


def coreference_scorer(settings: ModelSettings, width: int) -> CoreferenceScorer:
    """The scorer that the settings name; ``width`` is that of the encoder's hidden states."""
    chosen = settings.coreference
    sizes = (width, settings.embedding_size, chosen.distances, settings.dropout)
    if chosen.method == "antecedent":
        return AntecedentScorer(*sizes)
    return PairwiseCoreferenceScorer(*sizes, chosen.product)


def coreference(
    scorer: CoreferenceScorer,
    vectors: Tensor,
    spans: Sequence[Span],
    texts: Sequence[str],
    settings: CoreferenceSettings,
) -> LikelyPairs | BestAntecedents:
    """What the scorer's method clusters the mentions of a document by, with any threshold from the settings' one on.

    ``vectors`` [mentions, d], ``spans`` and ``texts`` [mentions], in candidate order.
    """
    if isinstance(scorer, AntecedentScorer):
        return best_antecedents(scorer, vectors, spans, texts)
    return likely_pairs(scorer, vectors, texts, settings)


def likely_pairs(
    scorer: PairwiseCoreferenceScorer, vectors: Tensor, texts: Sequence[str], settings: CoreferenceSettings
) -> LikelyPairs:
    """The pairs above the threshold or `UNLIKELY` of mentions in candidate order: ``vectors`` [mentions, d]."""
    floor = min(UNLIKELY, settings.threshold)
    prepared = scorer.prepare(vectors)

    def likely(_: Pairs, __: Numbers, probability: Numbers) -> NDArray[np.intp]:
        return np.flatnonzero(~(probability <= floor))  # a diverged model's NaN is kept and reported

    found = _compare(lambda pairs, distance: scorer.score(prepared, pairs, distance), likely, texts, vectors.device)
    first, second = found.pairs.T
    return LikelyPairs(
        mentions=len(texts),
        first=first,
        second=second,
        score=found.probability,
        floor=floor,
        left_out=found.left_out(len(texts)),
        linkage=settings.linkage,
        typical_mentions=settings.typical_mentions,
    )


def best_antecedents(
    scorer: AntecedentScorer, vectors: Tensor, spans: Sequence[Span], texts: Sequence[str]
) -> BestAntecedents:
    """The best antecedent of every mention, of equal ones the nearest: ``vectors`` [mentions, d], ``spans`` each once.

    Mentions are compared with as many as by the other method. ``max_antecedents`` has no part in it: it bounds the
    softmax of training, and here the best antecedent and none are all that matters.
    """
    order = TextOrder.of(torch.tensor(spans, dtype=torch.long).view(-1, 2)).place.argsort()
    prepared = scorer.prepare(vectors[order.to(vectors.device)])

    def score(pairs: Tensor, distance: Tensor) -> Tensor:
        return scorer.score(prepared, pairs, distance, pairs[:, 1] - pairs[:, 0])

    def best(compared: Pairs, logits: Numbers, _: Numbers) -> NDArray[np.intp]:
        mention = compared[:, 1]  # whose antecedents stand together, the nearest last; NaN is sorted last and reported
        return np.lexsort((logits, mention))[np.flatnonzero(np.diff(mention, append=-1))]

    row = order.numpy()
    found = _compare(score, best, [texts[i] for i in row], vectors.device)
    antecedent, mention = row[found.pairs.T]
    return BestAntecedents(len(texts), mention, antecedent, found.probability, found.left_out(len(texts)))


@dataclass(frozen=True)
class _Chosen:
    """The ``pairs`` [n, 2] that were chosen, and their ``probability`` [n], of so many that were ``compared``."""

    pairs: Pairs
    probability: Numbers
    compared: int

    def left_out(self, mentions: int) -> int:
        """How many pairs of ``mentions`` mentions were not compared."""
        return mentions * (mentions - 1) // 2 - self.compared


def _compare(
    score: Callable[[Tensor, Tensor], Tensor],
    choose: Callable[[Pairs, Numbers, Numbers], NDArray[np.intp]],
    texts: Sequence[str],
    device: torch.device,
) -> _Chosen:
    """What is chosen of the `compared_pairs`, of which few exist at once.

    ``score`` gives the logits [n] of pairs [n, 2] and their edit distances [n]; ``choose`` the rows to keep of pairs
    [n, 2], their logits [n] and probabilities [n].
    """

    def piece(compared: Pairs) -> _Chosen:
        pairs = torch.from_numpy(compared)
        distance = edit_distances(texts, pairs)
        asked = (part.to(device).split(MENTION_PAIRS) for part in (pairs, distance))
        logits = torch.cat([score(*part) for part in zip(*asked, strict=True)]).double()
        probability = logits.sigmoid().cpu().numpy()
        rows = choose(compared, logits.cpu().numpy(), probability)
        return _Chosen(compared[rows], probability[rows], len(compared))

    found = [_Chosen(np.zeros((0, 2), dtype=np.int64), np.zeros(0), 0)]
    found += on_every_core(device, piece, compared_pairs(texts))
    return _Chosen(
        np.concatenate([part.pairs for part in found]),
        np.concatenate([part.probability for part in found]),
        sum(part.compared for part in found),
    )
