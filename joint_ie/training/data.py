"""Which documents a run learns from, chooses its best checkpoint with, and is measured on."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from joint_ie.corpora import CORPORA, docred_schema, load_corpus, read_facts, training_facts
from joint_ie.corpora.facts import Fact
from joint_ie.corpora.label_regimes import hide_relations, keep_known
from joint_ie.corpora.registered import facts_path
from joint_ie.document import Document
from joint_ie.errors import InputError, UnknownLabel, check_range
from joint_ie.evaluation.fingerprints import corpus_fingerprint
from joint_ie.schema import Schema

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingCorpus:
    """One source of training documents."""

    corpus: str
    """A registered name or a path."""
    reader: str | None = None
    """The format, if it cannot be recognised."""
    share: float = 1.0
    """Probability that a document is part of an epoch."""
    relations: bool = True
    """False: leave the relation annotation aside (known to be incomplete, say); the rest still teaches."""
    limit: int | None = None
    """Use the first documents only."""
    facts: str | None = None
    """Keep only relations that this DocRED ``.fact`` file (a path, or below the data folder) has, by name."""
    hide: float = 0.0
    """Share of the relation labels that is hidden, once for all epochs, as if nobody had found them."""
    hide_seed: int = 1
    """Which ones are hidden; other seeds than ``training.seed``, so that both can be varied alone."""

    def __post_init__(self) -> None:
        check_range("share", self.share, above=0, high=1)
        check_range("limit", self.limit, 1)
        check_range("hide", self.hide, 0, 1)
        if not self.relations and (self.hide or self.facts):
            raise InputError("hide and facts have no effect with relations = false; leave them out")


@dataclass(frozen=True)
class DataSettings:
    """What is learned from, and what chooses the best checkpoint."""

    train: tuple[TrainingCorpus, ...]
    dev: str
    dev_reader: str | None = None
    dev_limit: int | None = None
    dev_within: str | None = None
    """A corpus: dev documents that it has not (by id) are left out. DocRED's dev holds Re-DocRED's dev and test."""
    test: str | None = None
    """Scored once, at the end, with the best checkpoint, into ``test.json``."""
    test_reader: str | None = None
    schema: str | None = None
    """A ``schema.json`` or a registered corpus; None: that of the first training corpus, else DocRED's labels."""

    def __post_init__(self) -> None:
        if not self.train:
            raise InputError("train is empty; name at least one corpus")
        check_range("dev_limit", self.dev_limit, 1)


def schema_for(data: DataSettings) -> Schema:
    """The labels that a model learns: those that ``data.schema`` names, else the first training corpus's."""
    if data.schema and data.schema not in CORPORA:
        return Schema.load(Path(data.schema))
    registered = CORPORA.get(data.schema or data.train[0].corpus)
    if registered and registered.schema:
        return registered.schema()
    if data.schema:
        raise InputError(f"data.schema = {data.schema!r} has no labels of its own; name a schema.json")
    return docred_schema()


@contextmanager
def explained_labels(data: DataSettings) -> Iterator[None]:
    """Where nobody named a schema, an unknown label's error says so, and how to get one."""
    try:
        yield
    except UnknownLabel as error:
        registered = CORPORA.get(data.train[0].corpus)
        if data.schema or (registered and registered.schema):
            raise
        own = dict.fromkeys(name for name in (*(s.corpus for s in data.train), data.dev) if name not in CORPORA)
        raise InputError(
            f"{error}; these labels are DocRED's, because data.schema is not given: write those of your documents by "
            f"`joint-ie data schema {' '.join(own)} -o schema.json`, and set data.schema=schema.json"
        ) from None


def load_documents(corpus: str, schema: Schema, reader: str | None = None, limit: int | None = None) -> list[Document]:
    """A corpus whose labels are all in the schema."""
    documents = load_corpus(corpus, reader=reader)[:limit]
    for document in documents:
        try:
            document.validate(schema)
        except InputError as error:
            raise type(error)(f"{corpus}: {error}") from None
    return documents


def training_documents(sources: Sequence[TrainingCorpus], schema: Schema) -> tuple[list[Document], list[float]]:
    """All documents that can teach something, with the labels that the sources leave them, and their shares."""
    documents: list[Document] = []
    shares: list[float] = []
    for source in sources:
        found = labelled_documents(source, schema)
        usable = [document for document in found if document.entities]
        if len(usable) < len(found):
            logger.warning("%s: %d documents without entities are left out", source.corpus, len(found) - len(usable))
        documents += [hide_relations(document, source.hide, source.hide_seed) for document in usable]
        shares += [source.share] * len(usable)
    return documents, shares


def labelled_documents(source: TrainingCorpus, schema: Schema) -> list[Document]:
    """The documents of a source before any label is hidden."""
    documents = load_documents(source.corpus, schema, source.reader, source.limit)
    if not source.relations:
        return [replace(document, relations=None) for document in documents]
    if source.facts:
        facts = read_facts(facts_path(source.facts))
        return [keep_known(document, facts) for document in documents]
    return documents


def known_facts(data: DataSettings, schema: Schema) -> frozenset[Fact]:
    """What the training corpora say, hidden labels included, so that Ign F1 means the same for every ``hide``."""
    return training_facts(document for source in data.train for document in labelled_documents(source, schema))


def dev_documents(data: DataSettings, schema: Schema, limit: int | None = None) -> list[Document]:
    """The first ``limit`` documents that choose the best checkpoint."""
    if data.dev_within is None:
        return load_documents(data.dev, schema, data.dev_reader, limit)
    wanted = {document.id for document in load_corpus(data.dev_within)}
    documents = [document for document in load_documents(data.dev, schema, data.dev_reader) if document.id in wanted]
    if not documents:
        raise InputError(f"{data.dev}: no document is in {data.dev_within}, by id; name the right dev_within, or none")
    return documents[:limit]


def fingerprints(
    documents: Sequence[Document], shares: Sequence[float], schema: Schema, dev: Sequence[Document]
) -> dict[str, str]:
    """Digests of all that was read and decides how a run ends, by what errors call it; see `training.loop.train`."""
    learned = f"{corpus_fingerprint(documents)} {list(map(float, shares))}"
    labels = [[label.id for label in kind] for kind in (schema.entity_types, schema.relation_types)]
    return {
        "training documents": _digest(learned),
        "labels": _digest(repr(labels)),
        "validation documents": corpus_fingerprint(dev),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def check_unseen(test: Sequence[Document], seen: Sequence[Document], corpus: str) -> None:
    """Warn if texts of the test corpus were seen before; regimes with labels of two sources invite that."""
    if repeated := _repeated(test, seen):
        logger.warning("%s: %d of its %d texts are in the training or dev documents, too", corpus, repeated, len(test))


def check_dev_apart(dev: Sequence[Document], training: Sequence[Document], corpus: str) -> None:
    """Warn if texts that choose are learned from, too; a mistake, unless a model shall learn them by heart."""
    if repeated := _repeated(dev, training):
        logger.warning(
            "%s: %d of its %d documents are trained on, so that scores on it, and the checkpoint and thresholds it "
            "chooses, say little about texts that the model has not seen; name other documents as data.dev",
            corpus,
            repeated,
            len(dev),
        )


def _repeated(documents: Sequence[Document], others: Sequence[Document]) -> int:
    """How many of the documents have the text of one of the others."""
    texts = {document.text for document in others}
    return sum(document.text in texts for document in documents)
