"""DWIE's scorer, end to end (Zaporojets et al. 2021; golden joint_and_scoring README 2.4)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, Literal, TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from joint_ie.document import Document, Span
from joint_ie.evaluation.coreference import compare, partition
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally, by_label, total

_Item = TypeVar("_Item")

Cluster = tuple[Span, ...]
"""The mentions of an entity, as a list: DWIE's hard scores compare their order."""
Fact = tuple[str, tuple[Cluster, Cluster]]
"""A relation with the clusters of its head and tail."""


Variant = Literal["dwie", "dwie-as-published", "dwie-as-listed"]
_FAULTS: Mapping[Variant, str] = {
    "dwie": "",
    "dwie-as-published": "; copies of entities each count, a mention of several belongs to the last",
    "dwie-as-listed": "; the same, and mention lists in another order are other entities",
}


def dwie(variant: Variant = "dwie") -> Protocol:
    """DWIE's measures on sets: identical entities, relations and mentions count once, and order never matters.

    The original (``dwie-as-listed``) compares mention lists as they come: the same mentions in another order are a
    wrong entity (``ner_hard``, ``rel_hard``), and repeats weigh more. Copies of an entity each count, a mention of
    several entities belongs, in MUC and B-cubed, to the one listed last, and a relation of two mentions that two gold
    relations share is missed twice (``rel_mention``). ``dwie-as-published`` keeps that but sorts mention lists first.
    """
    return Protocol(
        name=variant,
        mode="end-to-end",
        description="DWIE: coreference, then names and relations by mention, in part (soft) and whole (hard)"
        + _FAULTS[variant],
        measures=(
            *("coref_muc", "coref_b_cubed", "coref_ceaf_e"),
            *("ner_mention", "ner_soft", "ner_hard"),
            *("rel_mention", "rel_soft", "rel_hard"),
        ),
        count=partial(count, variant=variant),
        labels=dict.fromkeys(("ner_mention", "ner_soft", "ner_hard", "rel_mention", "rel_soft", "rel_hard")),
        means={"coref_avg_f1": ("coref_muc", "coref_b_cubed", "coref_ceaf_e")},
    )


def count(gold: Document, predicted: Document, variant: Variant = "dwie") -> dict[Row, Tally]:
    """Tallies of one document; names have their entity's type, labels are entity types or relations."""
    references, predictions = (_entities(document, variant == "dwie-as-listed") for document in (gold, predicted))
    facts, found = _facts(gold, references), _facts(predicted, predictions)
    if variant == "dwie":
        references, predictions = _distinct(references), _distinct(predictions)
        facts, found = _distinct(facts), _distinct(found)
        compared = compare(_partition(references), _partition(predictions))
        tallies = {(f"coref_{name}", ""): compared[name, ""] for name in ("muc", "b_cubed", "ceaf_e")}
        names = [_distinct(_names(references)), _distinct(_names(predictions))]
    else:
        tallies = _coreference([cluster for _, cluster in references], [cluster for _, cluster in predictions])
        names = [_names(references), _names(predictions)]
    tallies |= {
        **_listed("ner_mention", names[0], names[1]),
        **_soft("ner_soft", [_parts(entity) for entity in references], [_parts(entity) for entity in predictions]),
        **_listed("ner_hard", references, predictions),
    }
    if gold.relations is not None:
        combined = [_combinations(fact) for fact in facts], [_combinations(fact) for fact in found]
        if variant == "dwie":
            tallies |= by_label("rel_mention", set().union(*combined[0]), set().union(*combined[1]))
        else:
            tallies |= _mention_relations(*combined)
        tallies |= _soft("rel_soft", *combined)
        tallies |= _listed("rel_hard", facts, found)
    return tallies


def _entities(document: Document, as_listed: bool) -> list[tuple[str, Cluster]]:
    listed = [(entity.type, tuple(mention.span for mention in entity.mentions)) for entity in document.entities]
    return listed if as_listed else [(label, tuple(sorted(set(cluster)))) for label, cluster in listed]


def _distinct(items: Iterable[_Item]) -> list[_Item]:
    return list(dict.fromkeys(items))


def _partition(entities: Iterable[tuple[str, Cluster]]) -> list[frozenset[Span]]:
    return partition([frozenset(cluster) for _, cluster in entities])


def _facts(document: Document, entities: Sequence[tuple[str, Cluster]]) -> list[Fact]:
    """Relations as listed, without repeats; those between copies of an entity are no repeats."""
    distinct = dict.fromkeys((relation.type, relation.head, relation.tail) for relation in document.relations or ())
    return [(label, (entities[head][1], entities[tail][1])) for label, head, tail in distinct]


def _names(entities: Iterable[tuple[str, Cluster]]) -> list[tuple[str, Span]]:
    return [(label, span) for label, cluster in entities for span in cluster]


def _parts(entity: tuple[str, Cluster]) -> set[tuple[str, Any]]:
    label, cluster = entity
    return {(label, span) for span in cluster}


def _combinations(fact: Fact) -> set[tuple[str, Any]]:
    label, (head, tail) = fact
    return {(label, spans) for spans in product(head, tail)}


def _coreference(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> dict[Row, Tally]:
    """MUC and B-cubed (both directions by the same rule) and CEAF-e; singletons are ordinary clusters."""
    home, predicted_home = _home(gold), _home(predicted)
    similar = _best_alignment(gold, predicted)
    return {
        ("coref_muc", ""): Tally(*_links(predicted, home), *_links(gold, predicted_home)),
        ("coref_b_cubed", ""): Tally(*_overlaps(predicted, home), *_overlaps(gold, predicted_home)),
        ("coref_ceaf_e", ""): Tally(similar, len(predicted), similar, len(gold)),
    }


def _home(clusters: Iterable[Cluster]) -> dict[Span, Cluster]:
    """The last cluster that lists a mention; clusters with the same list are the same."""
    return {span: cluster for cluster in clusters for span in cluster}


def _links(clusters: Iterable[Cluster], home: Mapping[Span, Cluster]) -> tuple[int, int]:
    """Links that survive when clusters are cut along ``home``, and all links that chain their mentions."""
    right = every = 0
    for cluster in clusters:
        known = [home[span] for span in cluster if span in home]
        right += len(known) - len(set(known))
        every += len(cluster) - 1
    return right, every


def _overlaps(clusters: Iterable[Cluster], home: Mapping[Span, Cluster]) -> tuple[float, int]:
    """For every mention the share of its cluster that ``home`` also puts together with it, and all mentions."""
    right, every = 0.0, 0
    for cluster in clusters:
        sizes = Counter(home[span] for span in cluster if span in home)
        right += sum(size * size for size in sizes.values()) / len(cluster)
        every += len(cluster)
    return right, every


def _best_alignment(gold: Sequence[Cluster], predicted: Sequence[Cluster]) -> float:
    """CEAF's similarity of clusters (Dice), summed over the best one-to-one alignment."""
    if not gold or not predicted:
        return 0.0
    members = [set(cluster) for cluster in predicted]
    similarity = np.array(
        [
            [
                2 * sum(span in found for span in cluster) / (len(cluster) + len(other))
                for other, found in zip(predicted, members, strict=True)
            ]
            for cluster in gold
        ]
    )
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    return float(similarity[rows, columns].sum())


def _listed(measure: str, gold: Sequence[Any], predicted: Sequence[Any]) -> dict[Row, Tally]:
    """(label, item) pairs: a predicted one is right if gold lists it, a gold one is missed if it was not predicted.

    Recall is right / (right + missed), with the right ones counted as predicted: repeats count there too.
    """
    reference, found = set(gold), set(predicted)
    right = {item: int(item in reference) for item in found}
    missed = {item: int(item not in found) for item in reference}
    return total(
        [
            *({(measure, item[0]): Tally(right[item], 1, right[item], right[item])} for item in predicted),
            *({(measure, item[0]): Tally(gold=missed[item])} for item in gold),
        ]
    )


def _soft(
    measure: str, gold: Sequence[set[tuple[str, Any]]], predicted: Sequence[set[tuple[str, Any]]]
) -> dict[Row, Tally]:
    """Every group of (label, item) pairs counts by the share of it that is anywhere on the other side."""
    reference, found = set().union(*gold), set().union(*predicted)
    return total(
        [
            *({(measure, _label(group)): Tally(len(group & reference) / len(group), 1)} for group in predicted),
            *({(measure, _label(group)): Tally(0, 0, len(group & found) / len(group), 1)} for group in gold),
        ]
    )


def _mention_relations(
    gold: Sequence[set[tuple[str, Any]]], predicted: Sequence[set[tuple[str, Any]]]
) -> dict[Row, Tally]:
    """Relations between mentions, each once; but one that two gold relations share is missed twice."""
    reference, found = set().union(*gold), set().union(*predicted)
    rows = [{("rel_mention", item[0]): Tally(0, 1)} for item in found - reference]
    rows += [{("rel_mention", item[0]): Tally(1, 1, 1, 1)} for item in found & reference]
    rows += [{("rel_mention", _label(group)): Tally(gold=len(group - found))} for group in gold]
    return total(rows)


def _label(group: Iterable[tuple[str, Any]]) -> str:
    """The label that all pairs of a group have."""
    return next(iter(group))[0]
