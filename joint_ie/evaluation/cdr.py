"""CDR and GDA: pairs of chemical (gene) and disease, with and without the hypernym filter (golden README 4)."""

from dataclasses import replace

from joint_ie.document import Document
from joint_ie.evaluation.gold_facts import facts
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.scores import Score
from joint_ie.evaluation.tally import Row, Tally


def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
    """Facts (chemical or gene, disease, relation), as sets.

    The hypernym filter takes out negative pairs whose concepts are more general than those of a positive pair, so that
    finding the general one is no mistake; what is left are `Document.candidates`. ``relations`` counts facts about
    candidates only, gold and predicted, as results on the filtered files do; ``relations_unfiltered`` counts all facts.
    """
    if gold.relations is None:
        return {}
    everything = replace(gold, candidates=None)
    return {
        ("relations", ""): Tally.of_sets(facts(gold).keys(), facts(predicted, gold).keys()),
        ("relations_unfiltered", ""): Tally.of_sets(facts(everything).keys(), facts(predicted, everything).keys()),
    }


def as_published(score: Score, epsilon: float = 1e-5) -> Score:
    """The same counts, divided as ATLOP's scorer does, which adds ``epsilon`` to all three denominators.

    It computes in float32; F1 comes out about 5e-6 below the true one.
    """
    precision = score.true_positives / (score.predicted + epsilon)
    recall = score.true_positives / (score.gold + epsilon)
    f1 = 2 * precision * recall / (precision + recall + epsilon)
    return replace(score, precision=precision, recall=recall, f1=f1)


CDR = Protocol(
    name="cdr",
    mode="gold-entities",
    description="CDR and GDA: facts about candidate pairs (hypernyms filtered), and about all pairs",
    measures=("relations", "relations_unfiltered"),
    count=count,
)
