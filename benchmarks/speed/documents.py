"""Documents of so many words or entities."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

from joint_ie.corpora import load_corpus
from joint_ie.document import Document, Entity
from joint_ie.schema import Schema

FICTIONAL = Path(__file__).parents[2] / "data" / "fictional"


def corpus(name: str | None) -> list[Document]:
    """A corpus by name or path; the package's own invented one if there is none."""
    if name:
        return load_corpus(name)
    return [document for part in sorted(FICTIONAL.glob("*.jsonl")) for document in load_corpus(str(part))]


def of_words(source: Sequence[Document], words: int, number: int = 0) -> Document:
    """Sentences of the corpus one after the other, from document ``number`` on, cut at so many words."""
    sentences: list[list[str]] = []
    left = words
    for sentence in _sentences(source, number):
        sentences.append(sentence[:left])
        left -= len(sentences[-1])
        if not left:
            return Document.from_words(f"{words} words, {number}", sentences)
    raise AssertionError("sentences never end")


def of_entities(source: Sequence[Document], schema: Schema, entities: int, mentions: int = 3) -> Document:
    """So many entities with one to ``mentions`` mentions each, spread over ten words for every entity."""
    document = of_words(source, 10 * entities)
    places: list[list[int]] = [[] for _ in range(entities)]
    for number in range(entities):
        for mention in range(1 + number % mentions):
            places[(number + 7 * mention) % entities].append(10 * number + 3 * mention)
    kinds = cycle(kind.id for kind in schema.entity_types)
    made = []
    for kind, starts in zip(kinds, places, strict=False):
        found = tuple(document.mention(start, start + 1) for start in sorted(starts))
        made.append(Entity(kind, found[0].text, found))
    return document.with_annotations(made, ())


def _sentences(source: Sequence[Document], number: int) -> Iterator[list[str]]:
    for document in cycle([*source[number:], *source[:number]]):
        for start, end in document.sentence_spans:
            yield list(document.words[start:end])
