"""Published corpora as Documents: a reader for each format, found by name or by what a file looks like."""

import codecs
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from joint_ie.corpora.bio import BIO
from joint_ie.corpora.bioc import BIOC
from joint_ie.corpora.brat import BRAT
from joint_ie.corpora.derive import derive_schema
from joint_ie.corpora.docbin import DOCBIN
from joint_ie.corpora.docred import DOCRED, HACRED, docred_schema, read_docred
from joint_ie.corpora.docred_writer import write_docred
from joint_ie.corpora.dwie import DWIE, DWIE_DOCRED, DWIE_TEST, DWIE_TRAIN
from joint_ie.corpora.eog import EOG
from joint_ie.corpora.facts import read_facts, training_facts
from joint_ie.corpora.files import decode, read_bytes, visible_files
from joint_ie.corpora.jsonl import JSONL, read_jsonl, write_jsonl
from joint_ie.corpora.label_studio import LABEL_STUDIO
from joint_ie.corpora.order import in_text_order
from joint_ie.corpora.origin import Corpus
from joint_ie.corpora.pubtator import PUBTATOR
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.registered import CORPORA, corpus, path_of
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.scierc import SCIERC
from joint_ie.corpora.spert import SPERT
from joint_ie.corpora.submission import is_submission, read_submission
from joint_ie.document import Document
from joint_ie.errors import InputError, nearest

__all__ = [
    "CORPORA",
    "READERS",
    "Corpus",
    "Reader",
    "Repairs",
    "derive_schema",
    "docred_schema",
    "is_submission",
    "load_corpus",
    "read_corpus",
    "read_docred",
    "read_facts",
    "read_jsonl",
    "read_submission",
    "recognise",
    "training_facts",
    "write_jsonl",
    "writer",
]

READERS: Mapping[str, Reader] = {
    reader.name: reader
    for reader in (
        JSONL,
        DWIE_DOCRED,  # asked before DOCRED, which recognises it as well
        replace(DOCRED, write=write_docred),
        HACRED,
        DWIE,
        DWIE_TRAIN,
        DWIE_TEST,
        EOG,
        PUBTATOR,
        BIOC,
        SCIERC,
        SPERT,
        BIO,
        DOCBIN,
        BRAT,
        LABEL_STUDIO,
    )
}
"""All formats; the first that recognises a file reads it."""

_log = logging.getLogger(__name__)
_HEAD = 1 << 16  # bytes looked at to recognise a format; a document has some 10,000


def recognise(path: Path | str) -> Reader:
    """The reader for a file or folder, by its content, else by its extension; `InputError` if no reader fits."""
    path = Path(path)
    if path.is_dir():
        endings = {file.suffix.lower() for file in visible_files(path, "**/*")}
        for reader in READERS.values():
            if reader.folder and endings.intersection(reader.extensions):
                return reader
        head = "".join(read_bytes(file, _HEAD).decode("utf-8", "replace") for file in visible_files(path, "*.json")[:1])
        for reader in READERS.values():
            if reader.folder and reader.recognises(head):
                return reader
        raise InputError(f"{path}: is a folder without files that a reader for folders knows; name a file in it")
    for reader in READERS.values():
        if reader.binary and path.suffix.lower() in reader.extensions:
            return reader
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
        if not reader.binary and reader.recognises(head):
            return reader
    for reader in READERS.values():
        if path.suffix.lower() in reader.extensions:
            return reader
    raise InputError(f"{path}: the format is not recognised; name it with --reader, one of {', '.join(READERS)}")


def writer(path: Path | str, name: str | None = None) -> Callable[[Iterable[Document], Path], int]:
    """What writes documents to a file: in the format of that name, else of the file's ending."""
    writers = {reader.name: reader for reader in READERS.values() if reader.write}
    if name is None:
        ending = Path(path).suffix.lower()
        named = {".json": DOCRED.name}
        fitting = [r.name for r in writers.values() if ending in r.extensions or named.get(ending) == r.name]
        if not fitting:
            raise InputError(f"{path}: its ending names no format; give one with --to: {', '.join(writers)}")
        name = fitting[0]
    if name not in writers or not (write := writers[name].write):
        raise InputError(f'format "{name}" cannot be written{nearest(name, writers)}; known are {", ".join(writers)}')
    return write


def read_corpus(
    name_or_path: str | Path,
    reader: str | None = None,
    root: Path | str | None = None,
    repairs: Repairs | None = None,
    text_order: bool = True,
) -> Iterator[Document]:
    """The documents of a registered corpus or of a file, one by one, each in text order (`in_text_order`).

    Without ``text_order`` as the file has them, for published scorers whose numbers depend on that order.

    Registered names are looked up under ``root`` (see `joint_ie.corpora.registered.data_root`); the format
    of a file is recognised, unless ``reader`` names it. What the reader repaired or left out is added to ``repairs``;
    where none are given, it is counted in a warning at the end.
    """
    if reader is not None and reader not in READERS:
        raise InputError(f'reader "{reader}" is unknown{nearest(reader, READERS)}; known are {", ".join(READERS)}')
    path = Path(name_or_path)
    named = str(name_or_path)
    if named in CORPORA or not (path.exists() or path.suffix):
        part = corpus(named)
        return _read(READERS[reader or part.reader], path_of(part, root), named, repairs, text_order)
    return _read(READERS[reader] if reader else recognise(path), path, named, repairs, text_order)


def _read(reader: Reader, path: Path, named: str, repairs: Repairs | None, text_order: bool) -> Iterator[Document]:
    made = Repairs() if repairs is None else repairs
    document = None
    for document in reader.read(path, made):
        yield in_text_order(document) if text_order else document
    if document is None:
        raise InputError(f"{path}: holds no document; fetch or write it again, or check the format ({reader.name})")
    if repairs is None and made.found:
        _log.warning('%s: %s; "joint-ie data check" lists them', named, made.summary())


def load_corpus(
    name_or_path: str | Path,
    reader: str | None = None,
    root: Path | str | None = None,
    repairs: Repairs | None = None,
    text_order: bool = True,
) -> list[Document]:
    """All documents of `read_corpus`."""
    return list(read_corpus(name_or_path, reader, root, repairs, text_order))
