"""Mentions as tags, end to end: what named entity recognition reports (seqeval, strict mode, IOB2)."""

from seqeval.scheme import IOB2, Entities

from joint_ie.document import Document, Span
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.tally import Row, Tally, by_label


def tags(document: Document) -> tuple[list[list[str]], int]:
    """IOB2 tags of every sentence (``B-PER I-PER O``), and how many mentions have none.

    A mention has its own type, or else its entity's. Tags cannot overlap or cross the end of a sentence: of mentions
    that overlap the longest is tagged, of those the earliest, of those the type that is first in the alphabet. The
    same mention with the same type is tagged once and never counts as left out.
    """
    mentions = {
        (mention.span, mention.type or entity.type) for entity in document.entities for mention in entity.mentions
    }
    flat = ["O"] * len(document.tokens)
    left_out = 0
    for (start, end), label in sorted(mentions, key=_longest_earliest):
        crosses = document.token_sentence[start] != document.token_sentence[end - 1]
        if crosses or any(tag != "O" for tag in flat[start:end]):
            left_out += 1
        else:
            flat[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return [flat[start:end] for start, end in document.sentence_spans], left_out


def _longest_earliest(mention: tuple[Span, str]) -> tuple[int, int, str]:
    (start, end), label = mention
    return start - end, start, label


def count(gold: Document, predicted: Document) -> dict[Row, Tally]:
    """``mentions`` by type, as seqeval reads them from tags.

    Those that tags cannot hold are neither right nor wrong. Types are what seqeval makes of tags: without hyphens at
    either end.
    """
    return by_label("mentions", _read(tags(gold)[0]), _read(tags(predicted)[0]))


def _read(sentences: list[list[str]]) -> set[tuple[str, tuple[int, int, int]]]:
    """Type, sentence and place of every mention."""
    found = Entities(sentences, scheme=IOB2).entities
    return {(item.tag, (item.sent_id, item.start, item.end)) for entities in found for item in entities}


TAGGING = Protocol(
    name="tagging",
    mode="end-to-end",
    description="Mention tagging by seqeval (strict, IOB2, per sentence); mentions that tags cannot hold are left out",
    measures=("mentions",),
    count=count,
    labels={"mentions": None},
    counts={
        "untagged_gold": lambda gold, _: tags(gold)[1],
        "untagged_predicted": lambda _, predicted: tags(predicted)[1],
    },
)
