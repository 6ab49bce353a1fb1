"""A graph in one SQLite file, which grows document by document and never has to fit into memory.

Documents are kept as members (their entities) and statements (their relations). Nodes and edges follow from those of
all documents, whatever their order (`joint_ie.graph.settling`), when documents have been added; a run that was killed
before is made up for by adding the documents again, or by whoever reads next.

Lone surrogates, which no text file can hold, are stored as U+FFFD; offsets stay.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType
from typing import Any

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.graph.aggregation import edge_of
from joint_ie.graph.database import WAIT, make_tables, read_rule, sqlite_errors
from joint_ie.graph.elements import Added, Edge, GraphCounts, Member, Node
from joint_ie.graph.merging import MergeRule
from joint_ie.graph.settling import settle

_BATCH = 500  # documents a transaction
_SURROGATE = re.compile("[\ud800-\udfff]")


class GraphStore:
    """One graph. Close it, or use it as a context manager; one process writes at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection, rule: MergeRule) -> None:
        self.path = path
        self.rule = rule
        self._connection = connection

    @classmethod
    def create(cls, path: Path | str, rule: MergeRule | None = None) -> "GraphStore":
        """A new graph, or the one that is there if its rule is the same; the rule is ``normalised`` unless given."""
        path, rule = Path(path), rule or MergeRule()
        if not path.exists() or (path.is_file() and not path.stat().st_size):
            with sqlite_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                make_tables(path, rule)
        graph = cls.open(path)
        if graph.rule != rule:
            graph.close()
            raise InputError(
                f"{path}: was built with the merge rule {_told(graph.rule)}, not {_told(rule)}; "
                "give that rule, or another file"
            )
        return graph

    @classmethod
    def open(cls, path: Path | str) -> "GraphStore":
        """The graph of a file."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; build it with joint-ie graph build")
        with sqlite_errors(path):
            connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
            try:
                return cls(path, connection, read_rule(path, connection))
            except BaseException:
                connection.close()
                raise

    def __enter__(self) -> "GraphStore":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, documents: Iterable[Document]) -> Added:
        """Take in documents, a batch at a time; one with the id of an earlier one takes its place.

        Nodes and edges are made anew at the end, if anything changed.
        """
        added = Added()
        remaining = iter(documents)
        with sqlite_errors(self.path):
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS come (document INTEGER PRIMARY KEY)")
            self._connection.execute("DELETE FROM temp.come")
        while batch := list(islice(remaining, _BATCH)):
            with self._writing():
                for document in batch:
                    added = self._add(document, added)
        self._settle()
        return added

    def nodes(self) -> Iterator[Node]:
        """All nodes, ordered by id."""
        self._settle()
        rows = self._rows("SELECT id, type, names, members, documents, score, concept FROM node ORDER BY number")
        for id, type, names, members, documents, score, concept in rows:
            all_names = tuple(json.loads(names))
            yield Node(id, type, all_names[0], all_names, members, documents, score, concept)

    def edges(self) -> Iterator[Edge]:
        """All edges, ordered by head, type and tail."""
        self._settle()
        rows = self._rows(
            "SELECT head.id, link.type, tail.id, label, statement.score, document.id, statement.head, statement.tail, "
            "evidence_kind, sentences FROM link "  # cross joins: in this order, so that nothing has to be sorted
            "CROSS JOIN statement USING (document, position) CROSS JOIN document ON document.number = link.document "
            "CROSS JOIN node AS head ON head.number = link.head CROSS JOIN node AS tail ON tail.number = link.tail "
            "ORDER BY link.head, link.type, link.tail"
        )
        for (head, type, tail), group in groupby(rows, key=lambda row: row[:3]):
            yield edge_of(head, type, tail, [row[3:] for row in group])

    def members(self, node_id: str) -> Iterator[Member]:
        """The members of a node, ordered by document and position; none if there is no such node."""
        self._settle()
        rows = self._rows(
            "SELECT document.id, entity, name, mentions, member.score "
            "FROM node JOIN member ON member.node = node.number JOIN document ON document.number = member.document "
            "WHERE node.id = ? ORDER BY document.id, entity",
            node_id,
        )
        for document, entity, name, mentions, score in rows:
            yield Member(node_id, document, entity, name, tuple((a, b) for a, b in json.loads(mentions)), score)

    def counts(self) -> GraphCounts:
        """How much there is of everything."""
        self._settle()
        edges = "(SELECT DISTINCT head, type, tail FROM link)"
        (row,) = self._rows(
            "SELECT "
            + ", ".join(f"(SELECT COUNT(*) FROM {t})" for t in ("document", "node", edges, "member", "statement"))
        )
        return GraphCounts(*row)

    def _add(self, document: Document, added: Added) -> Added:
        document.validate()
        execute = self._connection.execute
        digest = hashlib.blake2b(json.dumps(document.to_dict()).encode(), digest_size=16).digest()
        id = _clean(document.id)
        earlier = execute("SELECT number, digest FROM document WHERE id = ?", (id,)).fetchone()
        if earlier and earlier[1] == digest:
            execute("INSERT OR IGNORE INTO temp.come VALUES (?)", earlier[:1])
            return replace(added, same=added.same + 1)
        execute("UPDATE settled SET done = 0")
        if earlier:
            number = earlier[0]
            execute("UPDATE document SET digest = ? WHERE number = ?", (digest, number))
            execute("DELETE FROM member WHERE document = ?", (number,))
            execute("DELETE FROM statement WHERE document = ?", (number,))
        else:
            number = execute("INSERT INTO document (id, digest) VALUES (?, ?)", (id, digest)).lastrowid
        self._add_members(document, id, number)
        self._add_statements(document, number)
        first = execute("INSERT OR IGNORE INTO temp.come VALUES (?)", (number,)).rowcount
        if earlier:
            return replace(added, replaced=added.replaced + 1, repeated=added.repeated + 1 - first)
        return replace(added, new=added.new + 1)

    def _add_members(self, document: Document, id: str, number: int) -> None:
        execute = self._connection.execute
        for position, entity in enumerate(document.entities):
            entity = replace(entity, type=_clean(entity.type), name=_clean(entity.name))
            concept = self.rule.concept(entity)
            wanted = (entity.type, self.rule.key(id, position, entity))
            execute("INSERT OR IGNORE INTO key (type, text) VALUES (?, ?)", wanted)
            (key,) = execute("SELECT number FROM key WHERE type = ? AND text = ?", wanted).fetchone()
            mentions = json.dumps([[m.char_start, m.char_end] for m in entity.mentions])
            execute(
                "INSERT INTO member VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (number, position, key, concept and _clean(concept), entity.name, mentions, entity.score),
            )

    def _add_statements(self, document: Document, number: int) -> None:
        for position, relation in enumerate(document.relations or ()):
            evidence = dict.fromkeys(relation.evidence)
            sentences = [[i, *_offsets(document, i), _clean(document.sentences[i].text)] for i in evidence]
            label = None if relation.label is None else _clean(relation.label)
            kind = None if relation.evidence_kind is None else _clean(relation.evidence_kind)
            row = (number, position, relation.head, _clean(relation.type), relation.tail, label, relation.score, kind)
            self._connection.execute(
                "INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, json.dumps(sentences, ensure_ascii=False)),
            )

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """What is read inside is of one moment; who adds documents meanwhile waits, for half a minute at most."""
        while True:
            self._settle()
            with sqlite_errors(self.path):
                self._connection.execute("BEGIN")
                if self._settled():
                    break
                self._connection.execute("ROLLBACK")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _settled(self) -> bool:
        return bool(self._connection.execute("SELECT done FROM settled").fetchone()[0])

    def _settle(self) -> None:
        """Make nodes and edges, if documents came since they were made."""
        with sqlite_errors(self.path):
            done = self._settled()
        if not done:
            with self._writing():
                if not self._settled():  # another process may have come first
                    settle(self._connection, self.rule)
                    self._connection.execute("UPDATE settled SET done = 1")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction: all of it or nothing."""
        with sqlite_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        with sqlite_errors(self.path), closing(self._connection.cursor()) as cursor:
            yield from cursor.execute(query, values)


def _offsets(document: Document, sentence: int) -> tuple[int, int]:
    """The characters ``[start, end)`` of a sentence."""
    start, end = document.sentence_spans[sentence]
    if start == end:  # without tokens: between its neighbours
        at = document.tokens[start - 1][1] if start else 0
        return at, at
    return document.tokens[start][0], document.tokens[end - 1][1]


def _clean(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def _told(rule: MergeRule) -> str:
    return f"{rule.name} {rule.threshold:g}" if rule.name == "fuzzy" else rule.name
