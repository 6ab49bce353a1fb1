"""An annotated Document for people: a table of its triples, and its entities below."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice
from typing import TextIO

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from joint_ie.cli.tables import wide_console
from joint_ie.document import Document, Entity, Relation, Sentence
from joint_ie.models.evidence import BOTH, CONTEXT, NEAREST

WORDS = 30  # a longer sentence is shortened to so many words or the surroundings of its mentions
AROUND = 6  # words on either side of a mention
SENTENCES = 3

_MARKS = {
    BOTH: ("●", "head and tail stand in this sentence"),
    CONTEXT: ("◐", "head or tail stand here: nearest mentions, and where the model's context points"),
    NEAREST: ("○", "sentences of the two nearest mentions"),
}
_CONTROL = {i: " " for i in (*range(32), *range(127, 160))}  # a text must not steer the terminal


def print_documents(documents: Iterable[Document], file: TextIO) -> None:
    """Every document as soon as it comes; with its id as title, if there are several."""
    console = wide_console(file)
    waiting = iter(documents)
    head = list(islice(waiting, 2))
    for number, document in enumerate(chain(head, waiting)):
        if number:
            console.print()
        _print(console, document, titled=len(head) > 1)


def _print(console: Console, document: Document, titled: bool) -> None:
    if titled:
        console.print(_plain(document.id), style="bold")
    if document.relations:
        console.print(_relations(document))
    else:
        empty = "" if document.tokens else " (the text is empty)"
        console.print(f"no relations found{empty}")
    if document.entities:
        console.print(_entities(document))
    console.file.flush()


def _relations(document: Document) -> Table:
    relations = document.relations or ()
    kinds = {relation.evidence_kind for relation in relations}
    legend = [f"{mark} {meaning}" for kind, (mark, meaning) in _MARKS.items() if kind in kinds]
    table = Table(
        "head",
        "relation",
        "tail",
        Column("score", justify="right", no_wrap=True),
        "evidence",
        caption=Text("evidence: " + ", ".join(legend)) if legend else None,
        caption_justify="left",
    )
    for relation in relations:
        table.add_row(
            _plain(document.entities[relation.head].name),
            _plain(relation.label or relation.type),
            _plain(document.entities[relation.tail].name),
            "" if relation.score is None else f"{relation.score:.2f}",
            _plain(_evidence(document, relation)),
        )
    return table


def _entities(document: Document) -> Table:
    table = Table("entity", "type", "mentions", title="entities", title_justify="left")
    for entity in document.entities:
        counts = Counter(_clean(mention.text) for mention in entity.mentions)
        mentions = ", ".join(f"{text} ×{count}" if count > 1 else text for text, count in counts.items())
        table.add_row(_plain(entity.name), _plain(entity.type), _plain(mentions))
    return table


def _evidence(document: Document, relation: Relation) -> str:
    entities = (document.entities[relation.head], document.entities[relation.tail])
    shown = [shortened(document, document.sentences[i], entities) for i in relation.evidence[:SENTENCES]]
    if len(relation.evidence) > SENTENCES:
        shown.append(f"and {len(relation.evidence) - SENTENCES} more")
    mark, _ = _MARKS.get(relation.evidence_kind or "", ("", ""))
    return f"{mark} {' | '.join(shown)}".strip()


def shortened(document: Document, sentence: Sentence, entities: Iterable[Entity]) -> str:
    """A sentence; of a long one, the words around the first mention of each of the entities, or its beginning."""
    if sentence.end - sentence.start <= WORDS:
        return sentence.text
    inside = [[m for m in e.mentions if sentence.start <= m.start < sentence.end] for e in entities]
    pieces = sorted(
        [max(mentions[0].start - AROUND, sentence.start), min(mentions[0].end + AROUND, sentence.end)]
        for mentions in inside
        if mentions
    ) or [[sentence.start, sentence.start + WORDS]]
    joined = pieces[:1]
    for start, end in pieces[1:]:
        if start <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([start, end])
    text = " … ".join(document.slice(start, end) for start, end in joined)
    before = "… " if joined[0][0] > sentence.start else ""
    return before + text + (" …" if joined[-1][1] < sentence.end else "")


def _plain(text: str) -> Text:
    """Literally, whatever looks like markup in it."""
    return Text(_clean(text))


def _clean(text: str) -> str:
    return " ".join(text.translate(_CONTROL).split())
