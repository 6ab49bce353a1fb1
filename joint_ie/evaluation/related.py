"""Rela: is a pair of entities related at all (the PAEE paper; golden joint_and_scoring README 3)."""

from joint_ie.document import Document
from joint_ie.evaluation.gold_facts import facts, pairs_asked
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally


def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
    """Ordered pairs that have at least one relation (``related``), and the decision about every pair (``decisions``).

    **No public code computes this score**, and the paper does not say which number it means; its values fit the F1 of
    ``related``. ``decisions`` are about all ordered pairs of different entities (the candidates, where a corpus names
    them), with the labels ``related`` and ``unrelated``: its micro scores are the accuracy, its macro F1 is the mean
    of both classes. A predicted fact of an entity with itself is a wrong pair in ``related``, and no decision.
    """
    if gold.relations is None:
        return {}
    wanted = {fact[:2] for fact in facts(gold)}
    found = {fact[:2] for fact in facts(predicted, gold)}
    asked = pairs_asked(gold)
    return {
        ("related", ""): Tally.of_sets(wanted, found),
        ("decisions", "related"): Tally.of_sets(asked & wanted, asked & found),
        ("decisions", "unrelated"): Tally.of_sets(asked - wanted, asked - found),
    }


RELATED = Protocol(
    name="related",
    mode="gold-entities",
    description="Pairs of entities with any relation against pairs with none; no public code exists",
    measures=("related", "decisions"),
    count=count,
    labels={"decisions": ("related", "unrelated")},
)
