"""The DocRED scores of relations between gold entities (Yao et al. 2019; golden joint_and_scoring README 3)."""

from collections.abc import Mapping, Set
from dataclasses import replace

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation.gold_facts import Fact, NamedFact, facts, is_known
from joint_ie.evaluation.protocol import Protocol, Scores
from joint_ie.evaluation.scores import Score, harmonic, ratio
from joint_ie.evaluation.tally import Row, Tally, by_label

IGN_EPSILON = 1e-5
"""What the scorers after DocRED's own (ATLOP, KD-DocRE, DREEAM, Re-DocRED) add to what the Ign precision divides by."""

Evidence = Mapping[Fact, frozenset[int]]


def docred(training_facts: Set[NamedFact] | None = None, as_published: bool = False) -> Protocol:
    """F1 of facts, of evidence, and of facts within and across sentences; with ``training_facts`` Ign F1, too.

    ``relations``: a fact is a pair of entities and a relation; repeats count once. ``relations_ign``: right facts that
    are known from training bring no precision; with ``c`` right ones of ``s`` predicted facts, ``k`` of the right ones
    known::

        Ign precision = (c - k) / (s - k)        Ign recall = recall

    Ign F1 never exceeds F1: c <= s gives (c - k) / (s - k) <= c / s, recall is shared, and F1 is monotone in precision.

    ``evidence``: the sentences of every predicted fact, of which those of a right fact that gold lists are right.
    Documents in which gold lists no evidence at all are left out and counted (``without_evidence``): nobody looked
    there. ``as_published`` scores them, too, as the published scorers do, so that every sentence predicted for them is
    wrong, and adds `IGN_EPSILON` to what the Ign precision divides by.

    ``intra`` and ``inter``: facts, gold and predicted, whose entities have mentions in a common sentence, and
    the others.
    """

    def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
        if gold.relations is None:
            return {}
        wanted, found = facts(gold), facts(predicted, gold)
        tallies = by_label("relations", _labelled(wanted), _labelled(found))
        if training_facts is not None:
            tallies["relations_ign", ""] = _ign(gold, wanted, found, training_facts)
        if as_published or _lists_evidence(gold):
            tallies["evidence", ""] = _evidence(wanted, found)
        return tallies | _by_distance(gold, wanted, found)

    def known(gold: Document, predicted: Document) -> int:
        return len(_known(gold, facts(gold).keys() & facts(predicted, gold).keys(), training_facts or frozenset()))

    def without_evidence(gold: Document, _: Document) -> int:
        return gold.relations is not None and not _lists_evidence(gold)

    ign = () if training_facts is None else ("relations_ign",)
    return Protocol(
        name="docred-as-published" if as_published else "docred",
        mode="gold-entities",
        description="Facts between gold entities; Ign F1 without what training data says already"
        + ("; evidence where nobody looked for it is wrong" if as_published else ""),
        measures=("relations", *ign, "evidence", "intra", "inter"),
        count=count,
        labels={"relations": None},
        counts={**({"known": known} if ign else {}), "without_evidence": without_evidence},
        epsilons={"relations_ign": IGN_EPSILON} if as_published else {},
        options=training_facts if training_facts is None else frozenset(training_facts),
    )


def divided_as_published(scores: Scores, ign_epsilon: float = IGN_EPSILON, spare_evidence: int = 0) -> Scores:
    """The same counts, divided as the scorers after DocRED's own do (ATLOP, KD-DocRE, DREEAM, Re-DocRED).

    They add 1e-5 to what the Ign precision divides by; DocRED's own script adds nothing. Re-DocRED's starts counting
    gold evidence at 1 (``spare_evidence``).
    """
    if ign_epsilon < 0:
        raise InputError(f"epsilon = {ign_epsilon} is negative; use 0, or 1e-5 as the scorers after DocRED's do")
    changed: dict[str, Score] = {}
    if "relations_ign" in scores.micro:
        ign = scores["relations_ign"]
        precision = ratio(ign.true_positives, ign.predicted + ign_epsilon)
        changed["relations_ign"] = replace(ign, precision=precision, f1=harmonic(precision, ign.recall))
    if spare_evidence:
        evidence = scores["evidence"]
        gold = evidence.gold + spare_evidence
        recall = ratio(evidence.true_positives, gold)
        changed["evidence"] = replace(evidence, recall=recall, f1=harmonic(evidence.precision, recall), gold=gold)
    return replace(scores, micro={**scores.micro, **changed})


def _labelled(found: Evidence) -> set[tuple[str, tuple[int, int]]]:
    return {(relation, (head, tail)) for head, tail, relation in found}


def _ign(gold: Document, wanted: Evidence, found: Evidence, training_facts: Set[NamedFact]) -> Tally:
    right = wanted.keys() & found.keys()
    known = len(_known(gold, right, training_facts))
    tally = Tally(len(right) - known, len(found) - known, len(right), len(wanted))
    assert tally.score().f1 <= Tally.of_sets(wanted.keys(), found.keys()).score().f1, "Ign F1 exceeds F1"
    return tally


def _known(gold: Document, right: Set[Fact], training_facts: Set[NamedFact]) -> set[Fact]:
    return {
        (head, tail, relation)
        for head, tail, relation in right
        if is_known(gold.entities[head], gold.entities[tail], relation, training_facts)
    }


def _lists_evidence(gold: Document) -> bool:
    return any(relation.evidence for relation in gold.relations or ())


def _evidence(wanted: Evidence, found: Evidence) -> Tally:
    right = sum(len(wanted[fact] & sentences) for fact, sentences in found.items() if fact in wanted)
    return Tally(right, sum(map(len, found.values())), right, sum(map(len, wanted.values())))


def _by_distance(gold: Document, wanted: Evidence, found: Evidence) -> dict[Row, Tally]:
    """Facts of entities that have no mention are in neither."""
    sentences = [{gold.token_sentence[mention.start] for mention in entity.mentions} for entity in gold.entities]

    def near(fact: Fact) -> bool:
        return not sentences[fact[0]].isdisjoint(sentences[fact[1]])

    def far(fact: Fact) -> bool:
        return bool(sentences[fact[0]] and sentences[fact[1]]) and not near(fact)

    return {
        (measure, ""): Tally.of_sets(set(filter(chosen, wanted)), set(filter(chosen, found)))
        for measure, chosen in (("intra", near), ("inter", far))
    }
