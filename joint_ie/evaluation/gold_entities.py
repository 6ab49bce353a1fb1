"""Relation scores with gold entities: F1 and Ign F1 (the DocRED protocol; golden joint_and_scoring README 3)."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import product
from typing import Any

from joint_ie.document import Document, Entity
from joint_ie.errors import InputError
from joint_ie.evaluation.pairing import pair
from joint_ie.evaluation.scores import Score, harmonic, ratio

Fact = tuple[str, int, int, str]
"""Document id, position of the head entity, position of the tail entity, relation id."""

NamedFact = tuple[str, str, str]
"""Name of a head mention, name of a tail mention, relation id."""


@dataclass(frozen=True)
class FactScores:
    """F1, and Ign F1, in which the ``known`` right facts that training already held bring no precision.

    ``relations_ign`` counts right and predicted facts without the known ones; its recall is that of ``relations``.
    """

    relations: Score
    relations_ign: Score
    known: int


@dataclass(frozen=True)
class GoldEntityScores:
    """F1 and, where training facts were given, Ign F1 (None otherwise).

    ``known`` counts right facts known from training, ``missing`` gold documents without a prediction (scored as
    empty), ``without_relations`` gold documents that nobody annotated with relations (left out).
    """

    documents: int
    missing: int
    without_relations: int
    relations: Score
    relations_ign: Score | None
    known: int | None

    def to_dict(self) -> dict[str, Any]:
        """Fractions in full precision; Ign F1 and the number of known facts only where they were computed."""
        data: dict[str, Any] = {
            "protocol": "docred",
            "documents": self.documents,
            "missing": self.missing,
            "without_relations": self.without_relations,
            "relations": self.relations.to_dict(),
        }
        if self.relations_ign:
            data |= {"relations_ign": self.relations_ign.to_dict(), "known": self.known}
        return data


def gold_entities(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    training_facts: Set[NamedFact] | None = None,
    ign_epsilon: float = 0.0,
) -> GoldEntityScores:
    """Compare the relations of documents that share their entities (golden README 3).

    Documents are paired by id, entities by position. A gold fact is known from training if any name of its head,
    any name of its tail and its relation are in ``training_facts`` (see `joint_ie.corpora.training_facts`).
    ``ign_epsilon``: see `score_facts`. Raises `InputError` for repeated or unknown ids and for a prediction with
    another number of entities.
    """
    pairs = pair(gold, predicted)
    wanted: set[Fact] = set()
    found: set[Fact] = set()
    known: set[Fact] = set()
    for reference, prediction in pairs:
        if prediction and len(prediction.entities) != len(reference.entities):
            raise InputError(
                f"predicted document {reference.id!r} has {len(prediction.entities)} entities where gold has "
                f"{len(reference.entities)}; predict on gold entities, or score it end-to-end"
            )
        if reference.relations is None:
            continue
        facts = _facts(reference)
        wanted |= facts
        if prediction:
            found |= _facts(prediction)
        if training_facts:
            known |= {fact for fact in facts if _is_known(fact, reference.entities, training_facts)}
    scores = score_facts(wanted, found, known, ign_epsilon)
    return GoldEntityScores(
        documents=len(pairs),
        missing=sum(prediction is None for _, prediction in pairs),
        without_relations=sum(reference.relations is None for reference, _ in pairs),
        relations=scores.relations,
        relations_ign=None if training_facts is None else scores.relations_ign,
        known=None if training_facts is None else scores.known,
    )


def score_facts(
    gold_facts: Iterable[Fact],
    predicted_facts: Iterable[Fact],
    known_facts: Iterable[Fact] = (),
    epsilon: float = 0.0,
) -> FactScores:
    """F1 and Ign F1 of plain facts; repeats count once, and facts of unknown documents are wrong, not ignored.

    With ``c`` right ones of ``s`` predicted facts, ``k`` of the right ones known from training::

        Ign precision = (c - k) / (s - k + epsilon)        Ign recall = recall

    ``epsilon`` = 0 is the original DocRED script; the scorers after it (ATLOP, Re-DocRED and others) use 1e-5.
    Ign F1 never exceeds F1: c <= s gives (c - k) / (s - k) <= c / s, recall is shared, and `harmonic` is monotone.
    """
    if epsilon < 0:
        raise InputError(f"epsilon = {epsilon} is negative; use 0, or 1e-5 as the scorers after DocRED's do")
    wanted, found = set(gold_facts), set(predicted_facts)
    right = wanted & found
    known = len(right.intersection(known_facts))
    plain = Score.from_counts(len(right), len(found), len(wanted))
    precision = ratio(len(right) - known, len(found) - known + epsilon)
    ign = Score(
        precision,
        plain.recall,
        harmonic(precision, plain.recall),
        len(right) - known,
        len(found) - known,
        len(wanted),
    )
    return FactScores(plain, ign, known)


def _facts(document: Document) -> set[Fact]:
    return {(document.id, r.head, r.tail, r.type) for r in document.relations or ()}


def _is_known(fact: Fact, entities: tuple[Entity, ...], training_facts: Set[NamedFact]) -> bool:
    _, head, tail, relation = fact
    return any(
        (head_name, tail_name, relation) in training_facts
        for head_name, tail_name in product(_names(entities[head]), _names(entities[tail]))
    )


def _names(entity: Entity) -> set[str]:
    return {mention.name or mention.text for mention in entity.mentions}
