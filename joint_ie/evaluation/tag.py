"""The measures of TaG (Zhang et al. 2023), made right, and as published (golden joint_and_scoring README 2.3)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence, Set
from functools import partial

import numpy as np
from scipy.optimize import linear_sum_assignment

from joint_ie.document import Document, Relation, Span
from joint_ie.evaluation.coreference import CONLL, clusters_of, compare, partition
from joint_ie.evaluation.gold_facts import NamedFact, is_known
from joint_ie.evaluation.protocol import Pairs, Protocol
from joint_ie.evaluation.scores import Score, ratio
from joint_ie.evaluation.tally import Row, Tally, by_label, total

EPSILON = 1e-7
"""Added to denominators by the published scorer."""


def tag(training_facts: Set[NamedFact] | None = None, as_published: bool = False) -> Protocol:
    """Mentions, clusters and relations between clusters, whatever the types of entities, and coreference.

    ``relations_ign``, given ``training_facts``: right relations that training already held leave the precision; recall
    is that of ``relations``. A gold relation is known if any name of its head, any name of its tail and its type are
    among the facts (see `joint_ie.corpora.training_facts`).

    All items are sets and coreference is that of `joint_ie.evaluation.coreference`. ``as_published`` is the original
    scorer: B-cubed takes every cluster of one mention for right, CEAF-e compares documents in place of clusters,
    repeats count, so that recall may exceed 1, and `EPSILON` lowers everything a little. Its scores have no intervals
    of confidence. Gold without any item scores 0, where the original divides by zero.
    """
    measures: tuple[str, ...] = ("mentions", "clusters", *CONLL, "relations")
    if training_facts is not None:
        measures += ("relations_ign",)
    means = {"coref_avg_f1": CONLL}
    options = None if training_facts is None else frozenset(training_facts)
    if not as_published:
        return Protocol(
            name="tag",
            mode="end-to-end",
            description="Mentions, clusters and relations between right clusters, without types, and coreference",
            measures=measures,
            count=partial(_count, training_facts=training_facts),
            labels={"relations": None},
            means=means,
            options=options,
        )
    count = partial(_count_published, training_facts=training_facts)
    return Protocol(
        name="tag-as-published",
        mode="end-to-end",
        description=(
            "TaG's scorer with its faults: B-cubed takes every cluster of one mention for right, CEAF-e compares "
            "documents in place of clusters, and repeats count"
        ),
        measures=measures,
        count=count,
        means=means,
        options=options,
        whole={measure: partial(_score_published, measure=measure, count=count) for measure in measures}
        | {"ceaf_e": _ceaf_e_published},
    )


def _count(gold: Document, predicted: Document, training_facts: Set[NamedFact] | None) -> dict[Row, Tally]:
    references, predictions = clusters_of(gold), clusters_of(predicted)
    coreference = compare(partition(references), partition(predictions))
    tallies = {
        ("mentions", ""): Tally.of_sets(set().union(*references), set().union(*predictions)),
        ("clusters", ""): Tally.of_sets(set(references), set(predictions)),
        **{(measure, ""): coreference[measure, ""] for measure in CONLL},
    }
    if gold.relations is None:
        return tallies
    wanted = {_fact(relation, references) for relation in gold.relations}
    found = {_fact(relation, predictions) for relation in predicted.relations or ()}
    tallies |= by_label("relations", wanted, found)
    if training_facts is not None:
        known = {_fact(relation, references) for relation in _known(gold, training_facts)}
        tallies["relations_ign", ""] = _without(Tally.of_sets(wanted, found), len(found & known))
    return tallies


def _fact(relation: Relation, clusters: Sequence[frozenset[Span]]) -> tuple[str, tuple[frozenset[Span], ...]]:
    return relation.type, (clusters[relation.head], clusters[relation.tail])


def _known(gold: Document, training_facts: Set[NamedFact]) -> list[Relation]:
    return [
        relation
        for relation in gold.relations or ()
        if is_known(gold.entities[relation.head], gold.entities[relation.tail], relation.type, training_facts)
    ]


def _without(relations: Tally, known: int) -> Tally:
    """Ign F1 never exceeds F1: with k of c <= s taken away, (c - k) / (s - k) <= c / s, and recall is shared."""
    return Tally(relations.right_predicted - known, relations.predicted - known, relations.right_gold, relations.gold)


# As published. Spans become numbers, and a cluster a list of them, in which order and repeats matter.

Listed = list[tuple[int, ...]]


def _numbered(gold: Document, predicted: Document) -> tuple[Listed, Listed]:
    """Gold clusters as listed, -1 for spans that were not predicted; predicted clusters sorted, without repeats.

    Predicted spans are numbered by position, those that are gold spans before the others.
    """
    wanted = set().union(*clusters_of(gold))
    found = set().union(*clusters_of(predicted))
    number = {span: i for i, span in enumerate([*sorted(found & wanted), *sorted(found - wanted)])}
    keys = [tuple(number.get(mention.span, -1) for mention in entity.mentions) for entity in gold.entities]
    return keys, [tuple(sorted(number[span] for span in cluster)) for cluster in clusters_of(predicted)]


def _count_published(gold: Document, predicted: Document, training_facts: Set[NamedFact] | None) -> dict[Row, Tally]:
    keys, responses = _numbered(gold, predicted)
    first: dict[frozenset[int], int] = {}  # a predicted cluster stands for the first gold cluster with its spans
    for i, key in enumerate(keys):
        first.setdefault(frozenset(key), i)
    meant = [first.get(frozenset(response)) for response in responses]
    right = sum(position is not None for position in meant)
    spans = (set().union(*clusters_of(document)) for document in (gold, predicted))
    tallies = {
        ("mentions", ""): Tally.of_sets(*spans),
        ("clusters", ""): Tally(right, len(responses), right, len(keys)),
        ("muc", ""): Tally(*_muc(responses, keys), *_muc(keys, responses)),
        ("b_cubed", ""): Tally(*_b_cubed(responses, keys), *_b_cubed(keys, responses)),
    }
    if gold.relations is None:
        return tallies
    found = [(meant[r.head], meant[r.tail], r.type) for r in predicted.relations or ()]
    wanted = {(r.head, r.tail, r.type) for r in gold.relations}
    hits = [fact for fact in found if fact in wanted]
    relations = Tally(len(hits), len(found), len(hits), len(gold.relations))
    tallies["relations", ""] = relations
    if training_facts is not None:
        known = {(r.head, r.tail, r.type) for r in _known(gold, training_facts)}
        tallies["relations_ign", ""] = _without(relations, sum(fact in known for fact in hits))
    return tallies


def _counterparts(others: Listed) -> dict[int, int]:
    """The cluster of every number; the last one where several have it."""
    return {number: i for i, other in enumerate(others) for number in other}


def _muc(clusters: Listed, others: Listed) -> tuple[int, int]:
    """Links kept, and links, of the clusters; a number that no other cluster has stands alone."""
    counterpart = _counterparts(others)
    met = [[counterpart[number] for number in cluster if number in counterpart] for cluster in clusters]
    return sum(len(those) - len(set(those)) for those in met), sum(len(cluster) - 1 for cluster in clusters)


def _b_cubed(clusters: Listed, others: Listed) -> tuple[float, int]:
    """A cluster of one mention is right, whether or not the other side has that mention."""
    counterpart = _counterparts(others)
    right = 0.0
    for cluster in clusters:
        overlaps = Counter(counterpart[number] for number in set(cluster) if number in counterpart).values()
        right += 1 if len(cluster) == 1 else sum(overlap**2 for overlap in overlaps) / len(cluster)
    return right, sum(len(cluster) for cluster in clusters)


def _score_published(pairs: Pairs, measure: str, count: Callable[[Document, Document], dict[Row, Tally]]) -> Score:
    """The sum over documents, with `EPSILON` in what precision and F1 divide by, and in recall for coreference."""
    tally = total(count(gold, predicted) for gold, predicted in pairs).get((measure, ""), Tally())
    precision = ratio(tally.right_predicted, tally.predicted + EPSILON)
    recall = ratio(tally.right_gold, tally.gold + (EPSILON if measure in CONLL else 0))
    return _with_f1(precision, recall, tally)


def _ceaf_e_published(pairs: Pairs) -> Score:
    """Gold documents (rows) aligned with predicted ones, by the clusters that are equal as lists."""
    documents = [_numbered(gold, predicted) for gold, predicted in pairs]
    holders = defaultdict(list)
    for j, (_, responses) in enumerate(documents):
        for response in set(responses):
            holders[response].append(j)
    equal = np.zeros((len(documents), len(documents)))
    for i, (keys, _) in enumerate(documents):
        for j, count in Counter(j for key in keys for j in holders[key]).items():
            equal[i, j] = count
    sizes = np.array([len(keys) for keys, _ in documents])[:, None] + [len(responses) for _, responses in documents]
    similarity = 2 * equal / np.maximum(sizes, 1)
    right = float(similarity[linear_sum_assignment(similarity, maximize=True)].sum())
    share = right / (len(documents) + EPSILON)
    return _with_f1(share, share, Tally(right, len(documents), right, len(documents)))


def _with_f1(precision: float, recall: float, tally: Tally) -> Score:
    f1 = 2 * precision * recall / (precision + recall + EPSILON)
    return Score(precision, recall, f1, tally.right_predicted, tally.predicted, tally.gold)
