"""RDF: what is written is read back by rdflib and pyoxigraph as the same triples in every format."""

import io
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.graph import GraphStore
from joint_ie.graph.jsonld import write_jsonld
from joint_ie.graph.ntriples import write_ntriples
from joint_ie.graph.rdf import resources
from joint_ie.graph.turtle import write_turtle
from joint_ie.graph.vocabulary import BASE, Names

rdflib = pytest.importorskip("rdflib")
pyoxigraph = pytest.importorskip("pyoxigraph")

HOSTILE = '"\\ \n\r\t<script>alert(1)</script> \x00\x07\x1b\x7f\x85\u2028\ufffe\U0001f600 a^^b @en }>> .'
IE = "https://joint-ie.invalid/vocabulary#"
NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"


def born(
    id: str, person: str, place: str, *, type: str = "P19", score: float | None = 0.5, **fields: object
) -> Document:
    """``person`` was born in ``place``, said in the second of two sentences."""
    bare = Document.from_words(id, [["Hello", "."], [person, "was", "born", "in", place, "."]])
    people = Entity("PER", person, (bare.mention(2, 3),), 0.9)
    places = Entity("LOC", place, (bare.mention(6, 7),))
    relation = Relation(0, 1, type, fields.get("label", "place of birth"), score, (1,), fields.get("evidence_kind"))
    return bare.with_annotations([people, places], [relation])


DOCUMENTS = [
    born("doc-1", "Curie", "Warsaw", score=0.8, evidence_kind="attention"),
    born("doc-2", "curie", "Warsaw", score=0.5),
    born("doc/3 ü?#", "Müller", "Köln", type="CID", label=None, score=None),
    born("..", 'O\'Hara "x"', "東京", score=1e-7),
    born("doc-5", HOSTILE, "<b>\ud800", type="r e/l\n", label=HOSTILE),
    Document.from_words("empty", []),
]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    with GraphStore.create(tmp_path_factory.mktemp("graph") / "g.sqlite") as graph:
        graph.add(DOCUMENTS)
        yield graph


def written(graph: GraphStore, names: Names, rdf12: bool = False) -> dict[str, str]:
    turtle, ntriples, jsonld = io.StringIO(), io.StringIO(), io.StringIO()
    write_turtle(resources(graph, names, rdf12), names, turtle)
    write_ntriples(resources(graph, names, rdf12), ntriples)
    if not rdf12:
        write_jsonld(resources(graph, names), names, jsonld)
    return {"turtle": turtle.getvalue(), "nt": ntriples.getvalue(), "json-ld": jsonld.getvalue()}


def by_rdflib(data: str, form: str) -> set[tuple]:
    return set(rdflib.Graph().parse(data=data.encode(), format=form))


def by_oxigraph(data: str, form: str) -> set[str]:
    known = {
        "turtle": pyoxigraph.RdfFormat.TURTLE,
        "nt": pyoxigraph.RdfFormat.N_TRIPLES,
        "json-ld": pyoxigraph.RdfFormat.JSON_LD,
    }
    return {str(quad) for quad in pyoxigraph.parse(data.encode(), known[form])}


def expected(graph: GraphStore, names: Names) -> set[tuple]:
    """The triples in rdflib's terms, without any writer."""

    def term(value: object) -> object:
        if isinstance(value, str):
            return rdflib.URIRef(value)
        return rdflib.Literal(value.value, datatype=value.datatype and rdflib.URIRef(value.datatype))

    return {
        (rdflib.URIRef(resource.iri), rdflib.URIRef(predicate), term(object))
        for resource in resources(graph, names)
        for predicate, object in resource.properties
    }


@pytest.mark.parametrize("base", [BASE, "http://example.org:8080/kg/", "urn:example:kg:"])
def test_all_formats_hold_the_same_triples(graph: GraphStore, base: str) -> None:
    texts = written(graph, Names(base))
    triples = expected(graph, Names(base))
    assert len(triples) > 100
    for form, text in texts.items():
        assert by_rdflib(text, form) == triples, form
    assert by_oxigraph(texts["turtle"], "turtle") == by_oxigraph(texts["nt"], "nt")
    assert by_oxigraph(texts["json-ld"], "json-ld") == by_oxigraph(texts["nt"], "nt")


words = st.text(min_size=1, max_size=8)
rows = st.tuples(words, words, words, words, words)


@settings(max_examples=25)
@given(st.lists(rows, min_size=1, max_size=3, unique_by=lambda row: row[0].encode("utf-8", "replace")))
@example([("%2e", "//", HOSTILE, "@id", "a:b"), ("\\", "_:b", "..", "@type", "-.")])
def test_any_text_is_read_back(said: list[tuple[str, ...]]) -> None:
    documents = [born(id, person, place, type=type, label=label) for id, person, place, type, label in said]
    with tempfile.TemporaryDirectory() as folder, GraphStore.create(Path(folder) / "g.sqlite") as graph:
        graph.add(documents)
        texts = written(graph, Names())
        triples = expected(graph, Names())
    for form, text in texts.items():
        assert by_rdflib(text, form) == triples, form
        assert by_oxigraph(text, form) == by_oxigraph(texts["nt"], "nt"), form


def test_what_an_edge_says(graph: GraphStore) -> None:
    """The whole chain from an edge to the characters, asked in SPARQL."""
    read = rdflib.Graph().parse(data=written(graph, Names())["turtle"], format="turtle")
    found = read.query(
        """SELECT ?property ?confidence ?support ?document ?score ?kind ?start ?end ?text ?number WHERE {
             ?statement rdf:subject ?head ; rdf:predicate wdt:P19 ; rdf:object ?tail ; ie:confidence ?confidence ;
                        ie:support ?support ; ie:extraction ?extraction ; prov:wasDerivedFrom ?sentence .
             ?head a type:PER ; wdt:P19 ?tail ; skos:altLabel|rdfs:label "curie" .
             wdt:P19 rdfs:label ?property .
             ?extraction dcterms:source ?source ; prov:wasDerivedFrom ?sentence ; ie:confidence ?score .
             OPTIONAL { ?extraction ie:evidenceKind ?kind }
             ?sentence a nif:Sentence ; nif:referenceContext ?source ; nif:beginIndex ?start ; nif:endIndex ?end ;
                       nif:anchorOf ?text ; ie:sentence ?number .
             ?source dcterms:identifier ?document
           } ORDER BY ?document""",
        initNs=Names().prefixes,
    )
    rows = [tuple(None if value is None else value.toPython() for value in row) for row in found]
    assert rows == [
        ("place of birth", 0.9, 2, "doc-1", 0.8, "attention", 8, 34, "Curie was born in Warsaw .", 1),
        ("place of birth", 0.9, 2, "doc-2", 0.5, None, 8, 34, "curie was born in Warsaw .", 1),
    ]
    assert DOCUMENTS[0].text[8:34] == "Curie was born in Warsaw ."


def test_counts_are_those_of_the_graph(graph: GraphStore) -> None:
    read = rdflib.Graph().parse(data=written(graph, Names())["nt"], format="nt")
    counts = graph.counts()

    def number(iri: str) -> int:
        return len(set(read.subjects(rdflib.RDF.type, rdflib.URIRef(iri))))

    assert number(IE + "Entity") == counts.nodes
    assert number(str(rdflib.RDF.Statement)) == counts.edges
    assert number(IE + "Extraction") == counts.statements
    assert number(NIF + "Context") == counts.documents - 1  # the one without entities


def test_every_subject_is_described_once(graph: GraphStore) -> None:
    subjects = [resource.iri for resource in resources(graph, Names())]
    assert len(subjects) == len(set(subjects))


def test_the_order_of_documents_does_not_matter(graph: GraphStore, tmp_path: Path) -> None:
    with GraphStore.create(tmp_path / "g.sqlite") as other:
        other.add(reversed(DOCUMENTS))
        assert written(other, Names()) == written(graph, Names())


def test_names_concepts_and_relations_without_evidence(tmp_path: Path) -> None:
    document = born("d", "Curie", "Warsaw", type="P19b")
    entities = (replace(document.entities[0], id="D003409"), document.entities[1])
    (relation,) = document.relations
    bare = replace(
        document, entities=entities, relations=(replace(relation, evidence=()), replace(relation, score=0.1))
    )
    with GraphStore.create(tmp_path / "g.sqlite") as graph:
        graph.add([bare])
        read = rdflib.Graph().parse(data=written(graph, Names())["turtle"], format="turtle")
    statement = read.value(predicate=rdflib.RDF.predicate, object=rdflib.URIRef(BASE + "relation/P19b"))
    origins = set(read.objects(statement, rdflib.PROV.wasDerivedFrom))
    assert origins == {rdflib.URIRef(BASE + "document/d"), rdflib.URIRef(BASE + "document/d#char=8,34")}
    assert list(read.subjects(rdflib.DCTERMS.identifier, rdflib.Literal("D003409")))
    scores = {value.toPython() for value in read.objects(predicate=rdflib.URIRef(IE + "confidence"))}
    assert scores == {0.9, 0.5, 0.1}


def test_rdf12_speaks_of_the_same_triples(graph: GraphStore) -> None:
    """RDF 1.2 differs in the four triples of reification alone; pyoxigraph reads both forms of it alike."""
    texts = written(graph, Names(), rdf12=True)
    assert by_oxigraph(texts["turtle"], "turtle") == by_oxigraph(texts["nt"], "nt")
    store = pyoxigraph.Store()
    store.load(texts["turtle"].encode(), pyoxigraph.RdfFormat.TURTLE)
    found = store.query(
        "SELECT ?h ?r ?t { ?s rdf:reifies <<( ?h ?r ?t )>> . ?h ?r ?t }", prefixes={"rdf": str(rdflib.RDF)}
    )
    assert len(list(found)) == graph.counts().edges
    with pytest.raises(InputError, match="JSON-LD has no terms for triples"):
        write_jsonld(resources(graph, Names(), rdf12=True), Names(), io.StringIO())


@pytest.mark.parametrize(
    "base", ["", "kg/", "http://x", "http://x/#", "http://x/ y/", "http://x/%zz/", "urn:x:", "<a:b>"]
)
def test_a_base_must_be_one(base: str) -> None:
    with pytest.raises(InputError, match=r"base .* should be an address"):
        Names(base)
