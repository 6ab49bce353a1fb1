"""What is written is read back, in every format with a writer."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus, read_docred, read_jsonl, write_jsonl
from joint_ie.corpora.docbin import read_docbin, write_docbin
from joint_ie.corpora.docred import docred_schema
from joint_ie.corpora.docred_writer import write_docred
from joint_ie.corpora.order import in_text_order
from joint_ie.document import Document, Entity, Relation

Read = Callable[[Path], Iterable[Document]]
Write = Callable[[Iterable[Document], Path], int]
EXACT: dict[str, tuple[Write, Read]] = {"jsonl": (write_jsonl, read_jsonl), "docbin": (write_docbin, read_docbin)}
ALL = {**EXACT, "docred": (write_docred, read_docred)}

# Composed and combining characters, other scripts and directions, characters outside of the first plane, and all kinds
# of white space and line ends, among them some that str.strip takes for white space and spaCy does not, or the reverse.
letters = st.sampled_from(list("aZé'-.ßИ語א\u0301\u200d😀\U0001f1eb\x00\x1f")) | st.characters(
    exclude_categories=["Cs"]
)
spaces = st.text(st.sampled_from(" \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\u3000\ufeff"), max_size=3)
words = st.text(letters, min_size=1, max_size=4)
scores = st.none() | st.floats(0, 1) | st.sampled_from([0, 1])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any document: text between tokens, empty and odd tokens, empty sentences, overlapping and repeated mentions."""
    text = draw(spaces)
    tokens: list[tuple[int, int]] = []
    sentences: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(0, 3))):
        first = len(tokens)
        for _ in range(draw(st.integers(0, 4))):
            word = draw(words | words | words | spaces)
            tokens.append((len(text), len(text) + len(word)))
            text += word + draw(st.sampled_from(["", " ", " ", " "]) | spaces | words)
        sentences.append((first, len(tokens)))
    bare = Document(draw(words | spaces), text, tuple(tokens), tuple(sentences))
    bare.validate()
    return draw(annotated(bare))


@st.composite
def annotated(draw: st.DrawFn, bare: Document) -> Document:
    if not bare.tokens:
        return draw(st.sampled_from([bare, bare.with_annotations([], []), bare.with_annotations([], [], [])]))
    spans = [
        (start, end)
        for first, last in bare.sentence_spans
        for start in range(first, last)
        for end in range(start + 1, last + 1)
    ]
    names = st.none() | words
    mention = st.builds(lambda span, name, type: bare.mention(*span, name, type), st.sampled_from(spans), names, names)
    mentions = st.lists(mention, min_size=1, max_size=3).map(tuple)
    entities = draw(st.lists(st.builds(Entity, words, words, mentions, scores, names), max_size=3))
    if not entities:
        return bare.with_annotations([], draw(st.sampled_from([None, []])))
    position = st.integers(0, len(entities) - 1)
    evidence = st.lists(st.integers(0, len(bare.sentence_spans) - 1), max_size=2).map(tuple)
    relation = st.builds(Relation, position, position, words, names, scores, evidence, names)
    pairs = st.lists(st.tuples(position, position), max_size=3)
    return bare.with_annotations(entities, draw(st.none() | st.lists(relation, max_size=3)), draw(st.none() | pairs))


def again(written: list[Document], format: str) -> list[Document]:
    write, read = ALL[format]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "documents"
        assert write(iter(written), path) == len(written)
        return list(read(path))


@pytest.mark.parametrize("format", EXACT)
@given(written=st.lists(documents(), max_size=3))
def test_any_document(format: str, written: list[Document]) -> None:
    assert again(written, format) == written


@given(documents())
def test_docred_keeps_what_it_says(document: Document) -> None:
    assert again([document], "docred") == [in_docred(document)]


def in_docred(document: Document) -> Document:
    """What `write_docred` says that is left of a document, for entities whose ids are no file positions."""
    labels = {label.id: label.name for label in docred_schema().relation_types}
    bare = Document.from_words(document.id, [document.words[start:end] for start, end in document.sentence_spans])
    entities = []
    for i, entity in enumerate(document.entities):
        mentions = tuple(
            bare.mention(
                m.start,
                m.end,
                m.name,
                None if j == 0 or m.type in (None, entity.type) else m.type,
            )
            for j, m in enumerate(entity.mentions)
        )
        # A mention without a character or a name cannot be told from one without a name.
        entities.append(Entity(entity.type, mentions[0].name or mentions[0].text, mentions, id=str(i)))
    relations = document.relations
    if relations is not None:
        relations = [replace(r, label=labels.get(r.type), score=None, evidence_kind=None) for r in relations]
    return bare.with_annotations(entities, relations)


@pytest.mark.parametrize("corpus", ["redocred/dev", "docred/extra", "docred-joint/dev", "docred/unlabelled"])
def test_real_documents(shared: Path, corpus: str) -> None:
    read = load_corpus(corpus, root=shared / "data")
    for format in ALL:
        some = read if format == "docred" else read[:40]
        assert [in_text_order(document) for document in again(some, format)] == some


def test_real_documents_in_file_order(shared: Path) -> None:
    read = list(read_docred(shared / "data/docred_joint/dev_joint_263.json"))
    assert again(read, "docred") == read
