"""Nodes and edges of the members and statements of all documents, made in SQL so that any number of them fits.

Only the different names of one type are held in memory, and only for fuzzy merging.
"""

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby

from joint_ie.graph.merging import UNNAMED, MergeRule, node_id
from joint_ie.graph.similar import groups

# Every key gets the class of names that it belongs to. What a member is follows from its key and concept: the concept
# if it has one, else the only concept that the names of its class are linked to, else the class.
_IDENTITIES = """
CREATE TEMP TABLE identity AS
WITH pair AS (SELECT DISTINCT key, concept FROM member),
named AS (
    SELECT pair.key, pair.concept, key.type, class.name
    FROM pair JOIN key ON key.number = pair.key JOIN class ON class.key = pair.key
),
linked AS (
    SELECT type, name, MIN(concept) AS concept FROM named
    WHERE concept IS NOT NULL GROUP BY type, name HAVING COUNT(DISTINCT concept) = 1
)
SELECT named.key, named.concept AS own, named.type, COALESCE(named.concept, linked.concept) AS concept,
    node_id(named.type, named.name, COALESCE(named.concept, linked.concept)) AS id
FROM named LEFT JOIN linked USING (type, name);
CREATE INDEX temp.identity_of ON identity (key, own);
"""


def settle(connection: sqlite3.Connection, rule: MergeRule) -> None:
    """Replace all nodes and edges; the caller's transaction makes it all or nothing."""
    connection.create_function("node_id", 3, node_id, deterministic=True)
    for statement in (
        "DELETE FROM link",
        "DELETE FROM node",
        "DELETE FROM key WHERE number NOT IN (SELECT key FROM member)",  # of documents that were replaced
        "DROP TABLE IF EXISTS temp.class",
        "DROP TABLE IF EXISTS temp.identity",
        "CREATE TEMP TABLE class (key INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO class SELECT number, text FROM key",
    ):
        connection.execute(statement)
    if rule.name == "fuzzy":
        _join_similar(connection, rule.threshold)
    for statement in _IDENTITIES.split(";"):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO node (id, type, names, members, documents, concept) "
        "SELECT id, MIN(type), '[]', 0, 0, MIN(concept) FROM identity GROUP BY id ORDER BY id"
    )
    connection.execute(
        "UPDATE member SET node = (SELECT node.number FROM identity JOIN node USING (id) "
        "WHERE identity.key = member.key AND identity.own IS member.concept)"
    )
    connection.execute(
        "INSERT INTO link SELECT head.node, type, tail.node, statement.document, position FROM statement "
        "JOIN member AS head ON head.document = statement.document AND head.entity = statement.head "
        "JOIN member AS tail ON tail.document = statement.document AND tail.entity = statement.tail"
    )
    connection.executemany(
        "UPDATE node SET names = ?, members = ?, documents = ?, score = ? WHERE number = ?", _described(connection)
    )
    connection.execute("DROP TABLE temp.class")
    connection.execute("DROP TABLE temp.identity")


def _join_similar(connection: sqlite3.Connection, threshold: float) -> None:
    for (type,) in connection.execute("SELECT DISTINCT type FROM key ORDER BY type").fetchall():
        texts = (text for (text,) in connection.execute("SELECT text FROM key WHERE type = ?", (type,)))
        joined = groups((text for text in texts if not text.startswith(UNNAMED)), threshold)
        connection.executemany(
            "UPDATE class SET name = ? WHERE key = (SELECT number FROM key WHERE type = ? AND text = ?)",
            ((first, type, text) for text, first in joined.items()),
        )


def _described(connection: sqlite3.Connection) -> Iterator[tuple[str, int, int, float | None, int]]:
    """Names (most frequent first, then the longest, then by the alphabet), counts and score of every node."""
    totals = connection.execute(
        "SELECT node, COUNT(*), COUNT(DISTINCT document), MAX(score) FROM member GROUP BY node ORDER BY node"
    )
    named = connection.execute("SELECT node, name, COUNT(*) FROM member GROUP BY node, name ORDER BY node")
    by_node = groupby(named, key=lambda row: row[0])
    for (node, members, documents, score), (_, rows) in zip(totals, by_node, strict=True):
        names = sorted(((name, count) for _, name, count in rows), key=lambda item: (-item[1], -len(item[0]), item[0]))
        yield json.dumps([name for name, _ in names], ensure_ascii=False), members, documents, score, node
