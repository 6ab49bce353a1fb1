"""A graph as RDF: terms and vocabulary.

The vocabulary (prefixes as in `Names.prefixes`; ``BASE`` is `Names.base`)

=====================================================  ==============================================================
``entity:ID`` (``BASE`` + ``entity/``)                 a node: `rdf:type` ``ie:Entity`` and ``type:PER``; `rdfs:label`
                                                       its name, `skos:altLabel` other names, `dcterms:identifier` its
                                                       concept (``D003409``), ``ie:confidence``; `prov:wasDerivedFrom`
                                                       the documents of its members
``entity:A wdt:P19 entity:B``                          an edge. A relation type of ``P`` and digits is a property of
                                                       Wikidata, any other is ``relation:TYPE``
``wdt:P19``, ``relation:TYPE``                         a `rdf:Property` with its labels; ``type:PER`` a `rdfs:Class`
``BASE`` + ``statement/HEAD/TYPE/TAIL``                where an edge comes from: a `rdf:Statement` (`rdf:subject`,
                                                       `rdf:predicate`, `rdf:object`) with ``ie:confidence``,
                                                       ``ie:support`` (documents), `prov:wasDerivedFrom` its sentences
                                                       and ``ie:extraction`` its extractions
``BASE`` + ``extraction/DOCUMENT/HEAD/TYPE/TAIL``      what one document says (positions of its entities): an
                                                       ``ie:Extraction`` with `dcterms:source` the document,
                                                       ``ie:confidence`` there, ``ie:evidenceKind``,
                                                       `prov:wasDerivedFrom` its sentences
``document:ID``                                        a ``nif:Context``, `dcterms:identifier` the id
``document:ID#char=0,42``                              a ``nif:Sentence``: ``nif:beginIndex`` and ``nif:endIndex``
                                                       (characters, half-open), ``nif:anchorOf`` its text,
                                                       ``nif:referenceContext`` the document, ``ie:sentence`` its number
=====================================================  ==============================================================

A statement or extraction without sentences is derived from the document. Sentences are described in NIF
(https://persistence.uni-leipzig.org/nlp2rdf/), provenance in PROV-O. All resources have IRIs that depend on the graph
alone, so that a graph written or loaded twice is the same graph; there are no blank nodes.

With ``rdf12`` a statement has, in place of the four triples of reification, one of RDF 1.2 (which replaces RDF-star):
``<statement> rdf:reifies <<( entity:A wdt:P19 entity:B )>>``. pyoxigraph reads that, rdflib 7 does not.

``BASE`` is ``https://joint-ie.invalid/`` unless another is given: the top-level domain ``.invalid`` belongs to nobody
(RFC 2606), so that nobody's address is used for what they did not say, and unlike a URN of a name space that is not
registered it is a usual IRI for all tools. ``ie:`` stays the same whatever the base, so that queries do, too.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from joint_ie.errors import InputError

BASE = "https://joint-ie.invalid/"
VOCABULARY = "https://joint-ie.invalid/vocabulary#"
WIKIDATA = "http://www.wikidata.org/prop/direct/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
PROV = "http://www.w3.org/ns/prov#"
DCTERMS = "http://purl.org/dc/terms/"
NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"

TYPE = RDF + "type"
DOUBLE = XSD + "double"
INTEGER = XSD + "integer"
STRING = XSD + "string"
REIFIES = RDF + "reifies"

_BASES = re.compile(
    r"https?://[a-z0-9.-]+(:[0-9]+)?/([\w.~@!$&'()*+,;=-]+/)*|urn:[a-z0-9][a-z0-9-]+:([\w.-]+[:/])*", re.A
)
_WIKIDATA_ID = re.compile(r"P[0-9]+", re.A)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value; ``datatype`` is an IRI, None for a string."""

    value: str
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class TripleTerm:
    """A triple that is spoken about (RDF 1.2); three IRIs."""

    subject: str
    predicate: str
    object: str


Term = str | Literal | TripleTerm  # a bare string is an IRI


@dataclass(frozen=True, slots=True)
class Resource:
    """All that is said about one subject: different (predicate, object) pairs."""

    iri: str
    properties: tuple[tuple[str, Term], ...]


@dataclass(frozen=True)
class Names:
    """The IRIs of a graph's resources; what is not plain in an id is percent-encoded."""

    base: str = BASE

    def __post_init__(self) -> None:
        if not _BASES.fullmatch(self.base):
            raise InputError(
                f'base {self.base!r}: should be an address that ends in "/", such as {BASE}, or a urn that ends in ":"'
            )

    @cached_property
    def prefixes(self) -> dict[str, str]:
        """What Turtle, JSON-LD and queries abbreviate."""
        own = {name: f"{self.base}{name}/" for name in ("entity", "type", "relation", "document")}
        shared = {"rdf": RDF, "rdfs": RDFS, "xsd": XSD, "skos": SKOS, "prov": PROV, "dcterms": DCTERMS, "nif": NIF}
        return {**own, "ie": VOCABULARY, "wdt": WIKIDATA, **shared}

    def entity(self, id: str) -> str:
        """A node."""
        return f"{self.base}entity/{_segment(id)}"

    def type(self, type: str) -> str:
        """A class of entities."""
        return f"{self.base}type/{_segment(type)}"

    def relation(self, type: str) -> str:
        """A property: Wikidata's, if the type is named as its properties are."""
        return WIKIDATA + type if _WIKIDATA_ID.fullmatch(type) else f"{self.base}relation/{_segment(type)}"

    def document(self, id: str) -> str:
        """A document."""
        return f"{self.base}document/{_segment(id)}"

    def sentence(self, document: str, start: int, end: int) -> str:
        """Characters ``[start, end)`` of a document, as in RFC 5147."""
        return f"{self.document(document)}#char={start},{end}"

    def statement(self, head: str, type: str, tail: str) -> str:
        """The reification of an edge."""
        return f"{self.base}statement/{_segment(head)}/{_segment(type)}/{_segment(tail)}"

    def extraction(self, document: str, head: int, type: str, tail: int) -> str:
        """A relation of a document, by the positions of its entities."""
        return f"{self.base}extraction/{_segment(document)}/{head}/{_segment(type)}/{tail}"


def _segment(id: str) -> str:
    """Part of an IRI; the steps "." and ".." would vanish where IRIs are resolved."""
    segment = quote(id, safe="", errors="surrogatepass")
    return segment.replace(".", "%2E") if segment in (".", "..") else segment
