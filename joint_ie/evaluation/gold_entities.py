"""Relation scores with gold entities, and predicted facts that belong to no gold document."""

from collections.abc import Iterable, Mapping, Set
from itertools import groupby

from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation.docred import divided_as_published, docred
from joint_ie.evaluation.gold_facts import NamedFact
from joint_ie.evaluation.protocol import Protocol, Scores, evaluate
from joint_ie.evaluation.tally import Row, Tallies, Tally, total

Stray = tuple[str, int, int, str]
"""Document id, position of the head entity, position of the tail entity, relation id; nowhere in gold."""


def gold_entities(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    training_facts: Set[NamedFact] | None = None,
    ign_epsilon: float = 0.0,
    strays: Tallies | None = None,
) -> Scores:
    """Compare the relations of documents that share their entities, by the `docred` protocol.

    Documents are paired by id, entities by position. With ``training_facts`` (see `joint_ie.corpora.training_facts`)
    Ign F1 as well; ``ign_epsilon``: see `divided_as_published`; ``strays``: see `stray_tallies`. Raises `InputError`
    for repeated or unknown ids and for a prediction with other entities.
    """
    scores = evaluate(docred(training_facts), gold, predicted, strays)
    return divided_as_published(scores, ign_epsilon)


def stray_tallies(
    protocol: Protocol, gold: Iterable[Document], facts: Iterable[Stray], sentences: Mapping[str, int] | None = None
) -> Tallies:
    """What a gold-entities protocol counts for ``facts`` about unknown documents or entities: all are wrong.

    The published scorers leave them in what precision divides by (golden joint_and_scoring README 3). They are neither
    within nor across sentences, and in no triangle. ``sentences`` counts, by document id, the evidence sentences that
    lie outside of the gold document; they count where the document's evidence does.
    """
    counted: list[Tallies] = []
    gold = list(gold)
    unannotated = {document.id for document in gold if document.relations is None}
    facts = [fact for fact in facts if fact[0] not in unannotated]  # nobody scores relations there
    for _, same_pair in groupby(sorted(facts), key=lambda fact: fact[:3]):
        counted.append(protocol.count(*_nowhere([relation for _, _, _, relation in same_pair])))
    outside = sentences or {}
    row: Row = ("evidence", "")
    for document in gold:
        if document.id in outside and row in protocol.count(document, document):
            counted.append({row: Tally(predicted=outside[document.id])})
    return total(counted)


def _nowhere(relations: Iterable[str]) -> tuple[Document, Document]:
    """Wrong facts about one pair of entities, as a gold document without words and its prediction.

    An entity related to itself is no pair that could have been right, and without mentions it is near nothing.
    """
    gold = Document("", "", (), (), (Entity("", "", ()),), ())
    found = tuple(Relation(0, 0, relation) for relation in relations)
    return gold, Document("", "", (), (), gold.entities, found)
