"""A graph as descriptions of resources, one after the other, for every writer of RDF and for the store."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter

from joint_ie.graph.elements import Edge, Node, Provenance
from joint_ie.graph.store import GraphStore
from joint_ie.graph.vocabulary import (
    DCTERMS,
    DOUBLE,
    INTEGER,
    NIF,
    PROV,
    RDF,
    RDFS,
    REIFIES,
    SKOS,
    TYPE,
    VOCABULARY,
    Literal,
    Names,
    Resource,
    Term,
    TripleTerm,
)

_SURROGATE = re.compile("[\ud800-\udfff]")


def resources(graph: GraphStore, names: Names, rdf12: bool = False) -> Iterator[Resource]:
    """The whole graph, every subject once, in an order that depends on the graph alone.

    Memory holds one node with the ends of its edges, one edge, and the types; nodes come ordered by id and edges by
    head, so that they are merged on the way. Sentences and documents that were described are remembered on disk.
    """
    described = Seen()
    types: set[str] = set()
    relations: defaultdict[str, set[str]] = defaultdict(set)
    heads = groupby(graph.edges(), key=attrgetter("head"))
    head, edges = next(heads, (None, iter(())))
    for node in graph.nodes():
        types.add(node.type)
        properties = _node(node, names)
        for document in sorted({member.document for member in graph.members(node.id)}):
            properties.append((PROV + "wasDerivedFrom", names.document(document)))
            if described.add(names.document(document)):
                yield _document(document, names)
        if head == node.id:
            properties += [(names.relation(edge.type), names.entity(edge.tail)) for edge in edges]
            head, edges = next(heads, (None, iter(())))
        yield _resource(names.entity(node.id), properties)
    for edge in graph.edges():
        relations[edge.type].add(edge.label or edge.type)
        yield _statement(edge, names, rdf12)
        yield from _extractions(edge, names)
        for provenance in edge.provenance:
            for sentence in _sentences(provenance, names):
                if described.add(sentence.iri):
                    yield sentence
    for type in sorted(types):
        yield _resource(names.type(type), [(TYPE, RDFS + "Class"), (RDFS + "label", _text(type))])
    for type, labels in sorted(relations.items()):
        said = [(RDFS + "label", _text(label)) for label in sorted(labels)]
        yield _resource(names.relation(type), [(TYPE, RDF + "Property"), *said])


class Seen:
    """A set of strings that may outgrow memory: SQLite's temporary file keeps a digest of each."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript("PRAGMA journal_mode = OFF; CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, text: str) -> bool:
        """Remember ``text``; whether it is new."""
        return self._file.execute("INSERT OR IGNORE INTO seen VALUES (?)", (_digest(text),)).rowcount == 1

    def __contains__(self, text: str) -> bool:
        return self._file.execute("SELECT 1 FROM seen WHERE key = ?", (_digest(text),)).fetchone() is not None


def _node(node: Node, names: Names) -> list[tuple[str, Term]]:
    properties: list[tuple[str, Term]] = [(TYPE, VOCABULARY + "Entity"), (TYPE, names.type(node.type))]
    properties.append((RDFS + "label", _text(node.name)))
    properties += [(SKOS + "altLabel", _text(name)) for name in node.names if name != node.name]
    if node.concept is not None:
        properties.append((DCTERMS + "identifier", _text(node.concept)))
    return properties + _confidence(node.score)


def _document(id: str, names: Names) -> Resource:
    return _resource(names.document(id), [(TYPE, NIF + "Context"), (DCTERMS + "identifier", _text(id))])


def _statement(edge: Edge, names: Names, rdf12: bool) -> Resource:
    triple = names.entity(edge.head), names.relation(edge.type), names.entity(edge.tail)
    properties: list[tuple[str, Term]] = []
    if rdf12:
        properties.append((REIFIES, TripleTerm(*triple)))
    else:
        properties.append((TYPE, RDF + "Statement"))
        properties += zip((RDF + "subject", RDF + "predicate", RDF + "object"), triple, strict=True)
    properties += _confidence(edge.confidence)
    properties.append((VOCABULARY + "support", _number(edge.support)))
    for provenance in edge.provenance:
        properties += _origins(provenance, names)
        extraction = names.extraction(provenance.document, provenance.head, edge.type, provenance.tail)
        properties.append((VOCABULARY + "extraction", extraction))
    return _resource(names.statement(edge.head, edge.type, edge.tail), properties)


def _extractions(edge: Edge, names: Names) -> Iterator[Resource]:
    """One of each pair of entities; a document that says the same of them twice has both scores there."""
    described: defaultdict[str, list[tuple[str, Term]]] = defaultdict(list)
    for provenance in edge.provenance:
        iri = names.extraction(provenance.document, provenance.head, edge.type, provenance.tail)
        properties = described[iri]
        properties.append((TYPE, VOCABULARY + "Extraction"))
        properties.append((DCTERMS + "source", names.document(provenance.document)))
        properties += _confidence(provenance.score)
        if provenance.evidence_kind is not None:
            properties.append((VOCABULARY + "evidenceKind", _text(provenance.evidence_kind)))
        properties += _origins(provenance, names)
    for iri, properties in described.items():
        yield _resource(iri, properties)


def _origins(provenance: Provenance, names: Names) -> list[tuple[str, Term]]:
    iris = [names.sentence(provenance.document, start, end) for _, start, end in provenance.sentences]
    return [(PROV + "wasDerivedFrom", iri) for iri in iris or [names.document(provenance.document)]]


def _sentences(provenance: Provenance, names: Names) -> Iterator[Resource]:
    for (number, start, end), text in zip(provenance.sentences, provenance.texts, strict=True):
        yield _resource(
            names.sentence(provenance.document, start, end),
            [
                (TYPE, NIF + "Sentence"),
                (NIF + "referenceContext", names.document(provenance.document)),
                (NIF + "beginIndex", _number(start)),
                (NIF + "endIndex", _number(end)),
                (VOCABULARY + "sentence", _number(number)),
                (NIF + "anchorOf", _text(text)),
            ],
        )


def _resource(iri: str, properties: Iterable[tuple[str, Term]]) -> Resource:
    return Resource(iri, tuple(dict.fromkeys(properties)))


def _text(text: str) -> Literal:
    """A string; a lone surrogate, which no encoding of RDF can hold, becomes the replacement character."""
    return Literal(_SURROGATE.sub("\ufffd", text))


def _number(number: int) -> Literal:
    # NIF asks for xsd:nonNegativeInteger, of which Oxigraph's store makes an xsd:integer: the same everywhere is better
    return Literal(str(number), INTEGER)


def _confidence(score: float | None) -> list[tuple[str, Term]]:
    return [] if score is None else [(VOCABULARY + "confidence", Literal(repr(float(score)), DOUBLE))]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
