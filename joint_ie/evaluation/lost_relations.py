"""End to end: at which stage a relation was lost.

A fact is an item of JEREX's strict relations (`joint_ie.evaluation.jerex`): its type and, for head and tail, the set of
spans and the entity type. Its class is the first of these that is true of its head or of its tail:

- ``no_mention``: none of the entity's mentions is a mention of any entity on the other side,
- ``some_mentions``: some are, but not all,
- ``clusters``: all are, but no entity on the other side has exactly these mentions,
- ``types``: one has, but not with this type,

and if both entities are right, one of the classes with gold entities (`joint_ie.evaluation.error_classes`): correct,
wrong, and missed or spurious. So the classes of the gold facts add up to JEREX's number of gold relations, those
of the predicted facts to its number of predicted ones, and "correct" is its number of right ones on either side.
"""

from collections.abc import Collection, Mapping

from joint_ie.document import Document
from joint_ie.evaluation.error_classes import STAGES, End, Fact, Judged, gold_classes, listed, predicted_classes


def judge_end_to_end(gold: Document, predicted: Document) -> Judged:
    """Classes of the facts of two documents in which everything may differ but the tokens."""
    gold_ends, predicted_ends = _ends(gold), _ends(predicted)
    gold_listed, predicted_listed = listed(gold, gold_ends), listed(predicted, predicted_ends)
    if gold.relations is None:
        return Judged({}, {}, gold_listed, predicted_listed)
    return Judged(
        _with_stages(gold_classes(gold_listed, predicted_listed), gold_ends, predicted_ends),
        _with_stages(predicted_classes(gold_listed, predicted_listed), predicted_ends, gold_ends),
        gold_listed,
        predicted_listed,
    )


def _ends(document: Document) -> list[End]:
    return [End(entity.type, frozenset(mention.span for mention in entity.mentions)) for entity in document.entities]


def _with_stages(classes: Mapping[Fact, str], own: Collection[End], other: Collection[End]) -> dict[Fact, str]:
    """The classes, but the stage where the head or the tail is not among ``other``."""
    stages = _stages(own, other)
    changed = {}
    for fact, error in classes.items():
        lost = [stages[end] for end in fact.pair if end in stages]
        changed[fact] = min(lost, key=STAGES.index) if lost else error
    return changed


def _stages(own: Collection[End], other: Collection[End]) -> dict[End, str]:
    """The stage of every entity that the other side does not have."""
    right, clusters = set(other), {end.spans for end in other}
    spans = {span for end in other for span in end.spans}
    stages = {}
    for end in own:
        if end in right:
            continue
        if end.spans.isdisjoint(spans):
            stages[end] = "no_mention"
        elif not end.spans <= spans:
            stages[end] = "some_mentions"
        else:
            stages[end] = "types" if end.spans in clusters else "clusters"
    return stages
