"""Published corpora as Documents: a reader for each format, found by name or by what a file looks like."""

import codecs
from collections.abc import Iterator, Mapping
from pathlib import Path

from joint_ie.corpora.docred import DOCRED, docred_schema, read_docred
from joint_ie.corpora.facts import read_facts, training_facts
from joint_ie.corpora.files import decode, read_bytes
from joint_ie.corpora.jsonl import JSONL, read_jsonl, write_jsonl
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.registered import CORPORA, Corpus, corpus
from joint_ie.document import Document
from joint_ie.errors import InputError, nearest

__all__ = [
    "CORPORA",
    "READERS",
    "Corpus",
    "Reader",
    "docred_schema",
    "load_corpus",
    "read_corpus",
    "read_docred",
    "read_facts",
    "read_jsonl",
    "recognise",
    "training_facts",
    "write_jsonl",
]

READERS: Mapping[str, Reader] = {reader.name: reader for reader in (JSONL, DOCRED)}

_HEAD = 1 << 16  # bytes looked at to recognise a format; a document has some 10,000


def recognise(path: Path | str) -> Reader:
    """The reader for a file, by its content, else by its extension; `InputError` if no reader fits."""
    path = Path(path)
    data = read_bytes(path, _HEAD)
    if not data.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise InputError(f"{path}: is empty; fetch or write it again")
    # The last character may be cut in two: an incremental decoder keeps it back.
    try:
        head = codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        decode(data, str(path))
        raise
    for reader in READERS.values():
        if reader.recognises(head):
            return reader
    for reader in READERS.values():
        if path.suffix.lower() in reader.extensions:
            return reader
    raise InputError(f"{path}: the format is not recognised; name it with --reader, one of {', '.join(READERS)}")


def read_corpus(
    name_or_path: str | Path, reader: str | None = None, root: Path | str | None = None
) -> Iterator[Document]:
    """The documents of a registered corpus or of a file, one by one.

    Registered names are looked up under ``root`` (see `joint_ie.corpora.registered.data_root`); the format
    of a file is recognised, unless ``reader`` names it.
    """
    if reader is not None and reader not in READERS:
        raise InputError(f'reader "{reader}" is unknown{nearest(reader, READERS)}; known are {", ".join(READERS)}')
    path = Path(name_or_path)
    named = str(name_or_path)
    if named in CORPORA or not (path.exists() or path.suffix):
        part = corpus(named)
        return READERS[reader or part.reader].read(part.path(root))
    return (READERS[reader] if reader else recognise(path)).read(path)


def load_corpus(name_or_path: str | Path, reader: str | None = None, root: Path | str | None = None) -> list[Document]:
    """All documents of `read_corpus`."""
    return list(read_corpus(name_or_path, reader, root))
