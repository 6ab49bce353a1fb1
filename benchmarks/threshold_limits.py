"""One threshold for all relations or one for each, and what choosing them on the documents that are scored is worth.

python benchmarks/threshold_limits.py [--model FOLDER] [--corpus redocred/dev] [--limit N] [--splits N]

Thresholds are chosen on one half of the documents and scored on the other, both ways, for several ways to halve them:

- learned: as the loss has learned it;
- one: the best for all relations (`model.relations.thresholds: global`);
- own: for each relation the best of its own F1 (`per-class`);
- micro: for each relation that which, with those of all others, has the best F1 over all facts.

The rows "chosen there" are chosen on the documents that are scored, as `joint-ie tune` and studies do. In percent.
"""

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

import joint_ie
from joint_ie.corpora import load_corpus
from joint_ie.document import Document
from joint_ie.losses import RELATION_LOSSES
from joint_ie.models.precision import autocast
from joint_ie.models.prediction import Predictor
from joint_ie.models.relation_settings import RelationSettings, Shift
from joint_ie.models.shifts import LARGEST, GlobalShift, PerClassShift, shifted
from joint_ie.models.tuning import Tuner

logger = logging.getLogger("threshold_limits")


@dataclass(frozen=True)
class Scored:
    """Pairs of entities: ``logits`` [pairs, 1 + relations], which relations are right, ``labels`` [pairs, relations]
    bool, and how many facts of each there are, ``wanted`` [relations + 1], the last of relations nobody knows.
    """

    logits: Tensor
    labels: Tensor
    wanted: NDArray[np.int64]

    def f1(self, settings: RelationSettings, shift: Shift) -> float:
        """Over all facts, in percent."""
        decided = _decided(settings, shifted(self.logits, shift))
        right = int((decided & self.labels).sum())
        return 200 * right / max(int(decided.sum()) + int(self.wanted.sum()), 1)


def together(parts: Sequence[Scored]) -> Scored:
    """The pairs of all of them."""
    return Scored(
        torch.cat([part.logits for part in parts]),
        torch.cat([part.labels for part in parts]),
        np.sum([part.wanted for part in parts], axis=0),
    )


@torch.no_grad()
def scored(predictor: Predictor, documents: Sequence[Document], gold: bool) -> list[Scored]:
    """Each document's pairs; pairs whose relations no shift that is tried decides for are left out."""
    settings = predictor.model.settings.relations
    tuner = Tuner(predictor.model, predictor.stages.collator, [])
    found = []
    for document in tqdm(documents, desc="gold entities" if gold else "end to end"):
        wanted, parts = tuner.scored_pairs([document], gold)
        relations = len(wanted) - 1
        kept = [(torch.zeros(0, 1 + relations), torch.zeros(0, relations, dtype=torch.bool))]
        for logits, labels in parts:
            some = _decided(settings, shifted(logits, LARGEST)).any(dim=1)
            kept.append((logits[some].float().cpu(), labels[some].cpu()))
        found.append(Scored(*map(torch.cat, zip(*kept, strict=True)), wanted))
    return found


def _decided(settings: RelationSettings, logits: Tensor) -> Tensor:
    return RELATION_LOSSES[settings.loss].decide(logits, settings.threshold, settings.top_k)


def one(pairs: Scored, settings: RelationSettings) -> Shift:
    """The shift of `GlobalShift`."""
    return _searched(GlobalShift(settings), pairs)


def own(pairs: Scored, settings: RelationSettings) -> Shift:
    """The shifts of `PerClassShift`."""
    return _searched(PerClassShift(settings), pairs)


def _searched(search: GlobalShift, pairs: Scored) -> Shift:
    search.add(pairs.logits, pairs.labels)
    return search.best(pairs.wanted)[0]


def micro(pairs: Scored, settings: RelationSettings) -> Shift:
    """The shifts with the best F1 over all facts, as far as ``top_k`` takes nothing away.

    F1 = 2 right / (predicted + wanted) is at its highest value f where 2 right - f predicted is, which every relation
    can have at its highest by itself (Dinkelbach 1967); f is found by starting with a lower one.
    """
    margin = RELATION_LOSSES[settings.loss].margin
    ranked = []
    for relation in range(pairs.labels.shape[1]):
        score = margin(pairs.logits[:, [0, 1 + relation]], settings.threshold, None)[:, 0].double()
        score, order = score.sort(descending=True)
        ranked.append((score.numpy(), np.cumsum(pairs.labels[:, relation][order].numpy())))
    f1, found = 0.0, -1.0
    shifts: list[float] = []
    while f1 > found:
        found = f1
        taken = [_most(score, right, found) for score, right in ranked]
        shifts = [shift for shift, _, _ in taken]
        predicted, right = (sum(counts) for counts in list(zip(*taken, strict=True))[1:])
        f1 = 2 * right / max(predicted + int(pairs.wanted.sum()), 1)
    return tuple(shifts)


def _most(score: NDArray[np.float64], right: NDArray[np.int64], f1: float) -> tuple[float, int, int]:
    """Where 2 right - f1 predicted is highest: the shift, and how many facts are predicted and right then.

    Scores and how many of those and the higher ones are right, [pairs], from the highest score on.
    """
    gain = 2 * right - f1 * np.arange(1, len(score) + 1)
    gain[:-1][score[:-1] == score[1:]] = -np.inf  # equal scores are taken together
    if not len(gain) or gain.max() <= 0:
        return -LARGEST if not len(score) else float(-score[0]) - 1.0, 0, 0
    best = int(gain.argmax())
    below = score[best + 1] if best + 1 < len(score) else score[best] - 1.0
    return float(-(score[best] + below) / 2), best + 1, int(right[best])


WAYS: dict[str, Callable[[Scored, RelationSettings], Shift]] = {
    "learned": lambda pairs, settings: 0.0,
    "one": one,
    "own": own,
    "micro": micro,
}


def compare(documents: Sequence[Scored], settings: RelationSettings, splits: int, seed: int) -> dict[str, list[float]]:
    """By way, the F1 of every half with thresholds chosen on the other."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    random = np.random.default_rng(seed)
    for _ in tqdm(range(splits), desc="halves"):
        parts = np.array_split(random.permutation(len(documents)), 2)
        halves = [together([documents[i] for i in part]) for part in parts]
        for chosen_on, scored_on in (halves, halves[::-1]):
            for name, way in WAYS.items():
                found[name].append(scored_on.f1(settings, way(chosen_on, settings)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder; default: the bundled model")
    parser.add_argument("--corpus", default="redocred/dev")
    parser.add_argument("--limit", type=int, help="the first documents only")
    parser.add_argument("--splits", type=int, default=10, help="how many ways to halve the documents")
    parser.add_argument("--seed", type=int, default=0, help="of the halves")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    extractor = joint_ie.load(args.model) if args.model else joint_ie.load()
    predictor = extractor._predictor
    if not isinstance(predictor, Predictor):
        raise SystemExit("this model has no thresholds of relations; name one that classifies pairs")
    corpus = [document for document in load_corpus(args.corpus) if document.relations is not None][: args.limit]
    settings = predictor.model.settings.relations
    weights = predictor.model.settings.task_weights
    for gold in (True, False) if weights.mentions and weights.coreference else (True,):
        with autocast(predictor.model.device):
            documents = scored(predictor, corpus, gold)
        logger.info("\n%s, %d documents", "gold entities" if gold else "end to end, strict", len(documents))
        whole = together(documents)
        for name, way in WAYS.items():
            logger.info("%-8s chosen there            F1 %.2f", name, whole.f1(settings, way(whole, settings)))
        found = compare(documents, settings, args.splits, args.seed)
        for name, scores in found.items():
            gap = np.subtract(scores, found["one"])
            line = "%-8s chosen on other halves  F1 %.2f; against one %+.2f ± %.2f"
            logger.info(line, name, np.mean(scores), gap.mean(), gap.std())


if __name__ == "__main__":
    main()
