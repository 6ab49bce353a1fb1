"""Scores of a model on held-out documents while it trains."""

from collections.abc import Iterator, Mapping, Sequence, Set

from tqdm import tqdm

from joint_ie.corpora.facts import Fact
from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.grouping import by_length
from joint_ie.evaluation import Scores, end_to_end, gold_entities, gold_mentions
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor
from joint_ie.models.seq2seq_prediction import Seq2SeqPredictor

_TASKS = ("clusters", "entities", "relations", "relations_strict")
METRICS: Mapping[str, tuple[str, ...]] = {
    "end-to-end": ("mentions", *_TASKS),
    "gold-mentions": tuple(f"gold_mentions_{task}" for task in _TASKS),
    "gold-entities": ("gold_entities",),
}
"""What `validate` measures in each mode."""


def validate(
    model: JointModel, collator: Collator, documents: Sequence[Document], modes: Sequence[str]
) -> dict[str, float]:
    """F1 of every task; see `measure`."""
    return measure(Predictor(model, collator), documents, modes)


def measure(
    predictor: Predictor | Seq2SeqPredictor, documents: Sequence[Document], modes: Sequence[str]
) -> dict[str, float]:
    """F1 of every task by the names of `METRICS`: with given mentions they begin with ``gold_mentions_``."""
    metrics: dict[str, float] = {}
    for mode, scores in scores_by_mode(predictor, documents, modes).items():
        if mode == "gold-entities":
            metrics["gold_entities"] = scores["relations"].f1
        else:
            metrics |= {name: scores[name.removeprefix("gold_mentions_")].f1 for name in METRICS[mode]}
    return metrics


def scores_by_mode(
    predictor: Predictor | Seq2SeqPredictor,
    documents: Sequence[Document],
    modes: Sequence[str],
    training_facts: Set[Fact] | None = None,
) -> dict[str, Scores]:
    """Documents are annotated and scored in every one of ``modes``; with ``training_facts`` for Ign F1, too."""
    scores: dict[str, Scores] = {}
    if "end-to-end" in modes:
        predicted = [d for group in grouped(documents) for d in predictor.end_to_end(group)]
        scores["end-to-end"] = end_to_end(documents, predicted)
    if "gold-mentions" in modes:
        predicted = [d for group in grouped(documents) for d in predictor.gold_mentions(group)]
        scores["gold-mentions"] = gold_mentions(documents, predicted)
    if "gold-entities" in modes:
        annotated = [d for d in documents if d.relations is not None]
        predicted = [d for group in grouped(annotated) for d in predictor.gold_entities(group)]
        scores["gold-entities"] = gold_entities(annotated, predicted, training_facts)
    return scores


def grouped(documents: Sequence[Document], words: int = 3000) -> Iterator[list[Document]]:
    """Documents in batches of so many words at most, padding included; those without words are left out."""
    chosen = [i for i, document in enumerate(documents) if document.tokens]
    groups = list(by_length([len(document.tokens) for document in documents], words, chosen))
    for group in tqdm(groups, desc="held-out documents", disable=None, leave=False):
        yield [documents[i] for i in group]
