"""The SQLite file of a graph: its tables, how it is made, and how it is told from other files."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from joint_ie.errors import InputError
from joint_ie.graph.merging import MergeRule

_SQLITE = b"SQLite format 3\0"  # how such files start
_APPLICATION = 0x6A6F6965  # "joie", in the header of the file
_VERSION = 1
WAIT = 30.0  # seconds for another process that writes

_TABLES = """
CREATE TABLE rule (name TEXT NOT NULL, threshold REAL NOT NULL);
CREATE TABLE settled (done INTEGER NOT NULL);
CREATE TABLE document (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, digest BLOB NOT NULL);
CREATE TABLE key (number INTEGER PRIMARY KEY, type TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (type, text));
CREATE TABLE member (
    document INTEGER NOT NULL, entity INTEGER NOT NULL, key INTEGER NOT NULL, concept TEXT, name TEXT NOT NULL,
    mentions TEXT NOT NULL, score REAL, node INTEGER, PRIMARY KEY (document, entity)
) WITHOUT ROWID;
CREATE INDEX member_of_node ON member (node);
CREATE TABLE statement (
    document INTEGER NOT NULL, position INTEGER NOT NULL, head INTEGER NOT NULL, type TEXT NOT NULL,
    tail INTEGER NOT NULL, label TEXT, score REAL, evidence_kind TEXT, sentences TEXT NOT NULL,
    PRIMARY KEY (document, position)
) WITHOUT ROWID;
CREATE TABLE node (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, names TEXT NOT NULL,
    members INTEGER NOT NULL, documents INTEGER NOT NULL, score REAL, concept TEXT
);
CREATE TABLE link (
    head INTEGER NOT NULL, type TEXT NOT NULL, tail INTEGER NOT NULL, document INTEGER NOT NULL,
    position INTEGER NOT NULL, PRIMARY KEY (head, type, tail, document, position)
) WITHOUT ROWID;
"""


def make_tables(path: Path, rule: MergeRule) -> None:
    """Make the tables of a new file, unless another process made them just now."""
    with closing(sqlite3.connect(path, timeout=WAIT, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in (
                f"PRAGMA application_id = {_APPLICATION}",
                f"PRAGMA user_version = {_VERSION}",
                *_TABLES.split(";"),
                f"INSERT INTO rule VALUES ('{rule.name}', {rule.threshold})",
                "INSERT INTO settled VALUES (1)",
            ):
                connection.execute(statement)
        connection.execute("COMMIT")


def read_rule(path: Path, connection: sqlite3.Connection) -> MergeRule:
    """The merge rule of a file, which is a graph that this version reads."""
    with path.open("rb") as file:
        application = 0
        if file.read(len(_SQLITE)) == _SQLITE:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION:
        raise InputError(f"{path}: is no graph of joint-ie; name another file")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION:
        raise InputError(f"{path}: has version {version} of the format, and {_VERSION} is read; build it again")
    return MergeRule(*connection.execute("SELECT name, threshold FROM rule").fetchone())


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """What SQLite and the system say about the file, as our error."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        raise InputError(f"{path}: cannot be used as a graph ({error}); check the file, its folder and disk") from None
