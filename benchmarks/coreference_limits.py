"""What would make clusters better, given the mentions? Other linkages, both orders of a pair, features of the strings.

python benchmarks/coreference_limits.py [--model FOLDER] [--corpus redocred/dev] [--limit N] [--copies N | --joined N]
    [--sentences N] [--typical N]

Scores all mention pairs of the documents with a model's pairwise classifier, and asks three questions about them. Is
there a better way from its scores to clusters? Does a classifier that sees more than the scores know better which pairs
are one entity: gradient boosting, fitted on one half of the documents and scored on the other, both ways? (It is fitted
to the annotation of held-out documents, which the model is not, so that its gain is an upper bound.) And what is wrong
with the clusters that are wrong? Every row is the F1 of exact clusters at its best threshold; of linkages also at
the model's own, and with a threshold that rises with the number of mentions (`clustering.threshold_in`).

Annotated documents are short. Long ones, in which names recur often, are made of them: the same document several times
in a row, or several documents in a row; entities of equal type and name are then one. Short ones, as people type them,
are the first sentences of documents.
"""

import argparse
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.ensemble import HistGradientBoostingClassifier

import joint_ie
from joint_ie.corpora import load_corpus
from joint_ie.document import Document
from joint_ie.encoding.distances import edit_distances
from joint_ie.encoding.joining import join
from joint_ie.extraction import Extractor
from joint_ie.heads.coreference import PairwiseCoreferenceScorer
from joint_ie.models.clustering import threshold_in
from joint_ie.models.joint import JointModel
from joint_ie.models.precision import autocast
from joint_ie.models.prediction import Predictor

logger = logging.getLogger("coreference_limits")

THRESHOLDS = np.arange(0.05, 0.96, 0.05)
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """The mentions of a document: the gold ``entity`` [mentions] of each, and what is known about their pairs, (0, 1),
    (0, 2), ... (1, 2), ...: ``logits`` [pairs, 2] in both orders, ``strings`` and ``places`` [pairs, features].
    """

    entity: NDArray[np.int64]
    logits: Numbers
    strings: Numbers
    places: Numbers

    @property
    def mentions(self) -> int:
        """How many."""
        return len(self.entity)

    @property
    def same(self) -> NDArray[np.bool_]:
        """[pairs], whether it is one entity."""
        first, second = np.triu_indices(self.mentions, 1)
        same: NDArray[np.bool_] = self.entity[first] == self.entity[second]
        return same


def beginning(document: Document, sentences: int) -> Document:
    """The first so many sentences, with the mentions in them."""
    spans = document.sentence_spans[:sentences]
    text = Document.from_words(document.id, [list(document.words[start:end]) for start, end in spans])
    entities = []
    for entity in document.entities:
        mentions = tuple(text.mention(*m.span) for m in entity.mentions if m.end <= len(text.tokens))
        if mentions:
            entities.append(replace(entity, mentions=mentions))
    return replace(text, entities=tuple(entities))


@torch.no_grad()
def scored(extractor: Extractor, document: Document) -> Scored:
    """What the model says about the gold mentions of a document."""
    predictor = extractor._predictor
    scorer = predictor.model.coreference_scorer if isinstance(predictor, Predictor) else None
    if not isinstance(predictor, Predictor) or not isinstance(scorer, PairwiseCoreferenceScorer):
        raise SystemExit("this model has no pairwise coreference; name one that has")
    stages = predictor.stages
    [found] = stages.mentions(stages.batch([document]), given=True)[1]
    texts = [document.slice(*span) for span in found.spans]
    first, second = np.triu_indices(len(texts), 1)
    pairs = torch.from_numpy(np.stack((first, second), axis=1))
    distance = edit_distances(texts, pairs)
    prepared = scorer.prepare(found.vectors)
    logits = [scorer.score(prepared, order, distance).double().numpy() for order in (pairs, pairs.flip(1))]
    entity = {(m.start, m.end): i for i, e in enumerate(document.entities) for m in e.mentions}
    sentence = [document.token_sentence[start] for start, _ in found.spans]
    places = [(abs(sentence[i] - sentence[j]), abs(found.spans[i][0] - found.spans[j][0])) for i, j in pairs.tolist()]
    return Scored(
        np.array([entity[span] for span in found.spans], dtype=np.int64),
        np.stack(logits, axis=1),
        np.column_stack((distance.numpy(), features(texts, pairs.tolist()))),
        np.array(places, dtype=np.float64).reshape(-1, 2),
    )


def features(texts: Sequence[str], pairs: Sequence[Sequence[int]]) -> Numbers:
    """[pairs, 11]: equality, common words and letters, first and last words, initials, lengths."""
    folded = [text.casefold() for text in texts]
    words = [text.split() for text in folded]
    initials = ["".join(word[0] for word in listed) if len(listed) > 1 else "" for listed in words]
    rows = []
    for i, j in pairs:
        common = len(set(words[i]) & set(words[j]))
        shorter, longer = sorted((len(words[i]), len(words[j])))
        rows.append(
            (
                folded[i] == folded[j],
                folded[i] in folded[j] or folded[j] in folded[i],
                common,
                common / shorter,
                common / longer,
                words[i][0] == words[j][0],
                words[i][-1] == words[j][-1],
                initials[i] == folded[j].replace(".", "") or initials[j] == folded[i].replace(".", ""),
                shorter,
                longer,
                any(map(str.isdigit, folded[i])) + any(map(str.isdigit, folded[j])),
            )
        )
    return np.array(rows, dtype=np.float64).reshape(-1, 11)


def clusters(labels: NDArray[np.integer]) -> set[tuple[int, ...]]:
    """The mentions with one label each."""
    return {tuple(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@dataclass(frozen=True)
class Clustered:
    """Documents cut at the ``threshold`` with the best ``f1`` of exact clusters, in percent."""

    f1: float
    threshold: float
    gold: list[set[tuple[int, ...]]]
    found: list[set[tuple[int, ...]]]

    def wrong(self) -> Counter[str]:
        """The gold clusters that were not found, by what became of their mentions."""
        kinds: Counter[str] = Counter()
        for gold, found in zip(self.gold, self.found, strict=True):
            for cluster in gold - found:
                parts = [part for part in found if set(part) & set(cluster)]
                joined = any(set(part) - set(cluster) for part in parts)
                kinds["torn and joined" if joined and len(parts) > 1 else "joined" if joined else "torn"] += 1
        return kinds


def clustered(
    documents: Sequence[Scored],
    probability: Sequence[Numbers],
    method: str = "complete",
    thresholds: Sequence[float] = tuple(THRESHOLDS),
    typical: int | None = None,
) -> Clustered:
    """At the best of the thresholds, of texts with a ``typical`` number of mentions if there is one (`threshold_in`);
    ``probability`` [pairs] of every document.
    """
    gold = [clusters(document.entity) for document in documents]
    trees = [
        linkage(1 - p, method=method) if document.mentions > 1 else None
        for document, p in zip(documents, probability, strict=True)
    ]

    def cut(threshold: float) -> Clustered:
        cuts = [1 - threshold_in(document.mentions, threshold, typical) for document in documents]
        found = [
            clusters(fcluster(tree, cut, criterion="distance")) if tree is not None else wanted
            for tree, cut, wanted in zip(trees, cuts, gold, strict=True)
        ]
        correct = sum(len(a & b) for a, b in zip(found, gold, strict=True))
        f1 = 200 * correct / (sum(map(len, found)) + sum(map(len, gold)))
        return Clustered(f1, threshold, gold, found)

    return max(map(cut, thresholds), key=lambda clustered: clustered.f1)


def fitted(documents: Sequence[Scored], seen: Callable[[Scored], Numbers], seed: int) -> list[Numbers]:
    """Probabilities of the pairs of every document, from a classifier that was fitted on the other half of them."""
    halves = np.array_split(np.random.default_rng(seed).permutation(len(documents)), 2)
    probability: list[Numbers] = [np.zeros(0)] * len(documents)
    for held_out, others in (halves, halves[::-1]):
        classifier = HistGradientBoostingClassifier(
            max_iter=150, max_leaf_nodes=15, l2_regularization=5, random_state=0
        )
        known = [documents[i] for i in others]
        classifier.fit(np.concatenate([seen(d) for d in known]), np.concatenate([d.same for d in known]))
        for i in held_out:
            if documents[i].mentions > 1:
                probability[i] = classifier.predict_proba(seen(documents[i]))[:, 1]
    return probability


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder; default: the bundled model")
    parser.add_argument("--corpus", default="redocred/dev")
    parser.add_argument("--limit", type=int, help="the first documents only")
    parser.add_argument("--copies", type=int, default=1, help="every document so many times in a row")
    parser.add_argument("--joined", type=int, default=1, help="so many documents in a row")
    parser.add_argument("--sentences", type=int, help="the first sentences of every document only")
    parser.add_argument(
        "--typical", type=int, default=25, help="mentions for which thresholds that rise are as they are"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the halves")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    extractor = joint_ie.load(args.model) if args.model else joint_ie.load()
    corpus = list(load_corpus(args.corpus))[: args.limit]
    if args.sentences:
        corpus = [beginning(document, args.sentences) for document in corpus]
    count = len(corpus)
    corpus = [document for document in corpus if document.entities]
    logger.info("%d documents without mentions are left out", count - len(corpus))
    rows = [corpus[start : start + args.joined] for start in range(0, len(corpus), args.joined)]
    texts = [join(row * args.copies) for row in rows]
    with autocast(extractor.model.device):
        documents = [scored(extractor, document) for document in texts]
    assert isinstance(extractor.model, JointModel)  # or `scored` had refused
    own = extractor.model.settings.coreference
    probability = [1 / (1 + np.exp(-document.logits)) for document in documents]
    logger.info("%d documents, %d mentions", len(documents), sum(document.mentions for document in documents))
    for method in ("complete", "average", "single"):
        first = [p[:, 0] for p in probability]
        _say(f"{method} linkage", clustered(documents, first, method))
        _say(f"{method} linkage, rising", clustered(documents, first, method, typical=args.typical))
        _say(
            f"{method} linkage, the model's", clustered(documents, first, method, [own.threshold], own.typical_mentions)
        )
    _say("complete linkage, mean of both orders", clustered(documents, [p.mean(1) for p in probability]))
    columns: dict[str, Callable[[Scored], Numbers]] = {
        "logits": lambda document: document.logits,
        "logits, strings": lambda document: np.column_stack((document.logits, document.strings)),
        "logits, strings, places": lambda d: np.column_stack((d.logits, d.strings, d.places)),
    }
    for name, seen in columns.items():
        _say(f"fitted: {name}", clustered(documents, fitted(documents, seen, args.seed)))


def _say(name: str, found: Clustered) -> None:
    kinds = ", ".join(f"{kind} {count}" for kind, count in found.wrong().most_common())
    logger.info("%-38s F1 %.2f (threshold %.2f); wrong: %s", name, found.f1, found.threshold, kinds)


if __name__ == "__main__":
    main()
