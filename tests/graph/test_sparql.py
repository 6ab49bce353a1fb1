"""The store: it mirrors the graph, survives being killed, and answers as rdflib does on the Turtle."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from joint_ie.cli.main import main
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.graph import GraphStore
from joint_ie.graph.ntriples import write_ntriples
from joint_ie.graph.rdf import resources
from joint_ie.graph.sparql import query
from joint_ie.graph.triple_store import Loaded, load_graph, reading
from joint_ie.graph.turtle import write_turtle
from joint_ie.graph.vocabulary import Names

pyoxigraph = pytest.importorskip("pyoxigraph")

BORN = """SELECT ?person ?place ?sentence ?document WHERE {
  ?statement rdf:subject ?head ; rdf:predicate wdt:P19 ; rdf:object ?tail ; prov:wasDerivedFrom ?source .
  ?head a type:PER ; rdfs:label ?person .
  ?tail rdfs:label ?place .
  ?source nif:anchorOf ?sentence ; nif:referenceContext/dcterms:identifier ?document
}"""
HOSTILE = '"x"\\ <b>\n\r\t\x00\x1b[31m\ufffe\u0085'


def born(id: str, person: str, place: str, type: str = "P19", score: float = 0.5) -> Document:
    bare = Document.from_words(id, [["Hello", "."], [person, "was", "born", "in", place, "."]])
    people = Entity("PER", person, (bare.mention(2, 3),), 0.9)
    places = Entity("LOC", place, (bare.mention(6, 7),))
    return bare.with_annotations([people, places], [Relation(0, 1, type, "place of birth", score, (1,))])


DOCUMENTS = [
    born("doc-1", "Curie", "Warsaw"),
    born("doc-2", "curie", "Warsaw", score=1e-7),
    born("doc-3", "Müller", "Köln"),
    born("doc-4", HOSTILE, "O'Hara's"),
    born("doc-5", "Bohr", "Denmark", type="P27", score=1.0),
]


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., GraphStore]:
    def build(*documents: Document, name: str = "g.sqlite") -> GraphStore:
        graph = GraphStore.create(tmp_path / name)
        graph.add(documents)
        return graph

    return build


def held(store: Path) -> set[str]:
    """All triples of the default graph."""
    with reading(store) as (opened, _):
        return {f"{q.subject} {q.predicate} {q.object}" for q in opened if q.graph_name == pyoxigraph.DefaultGraph()}


def wanted(graph: GraphStore) -> set[str]:
    """What another store makes of the N-Triples."""
    file = io.StringIO()
    write_ntriples(resources(graph, Names()), file)
    store = pyoxigraph.Store()
    store.load(file.getvalue().encode(), pyoxigraph.RdfFormat.N_TRIPLES)
    return {f"{q.subject} {q.predicate} {q.object}" for q in store}


def rows(store: Path, text: str) -> list[tuple[str | None, ...]]:
    with query(store, text) as answer:
        return list(answer.rows())


def test_same_rows_as_rdflib(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    rdflib = pytest.importorskip("rdflib")
    graph = build(*DOCUMENTS)
    load_graph(graph, tmp_path / "store")
    file = io.StringIO()
    write_turtle(resources(graph, Names()), Names(), file)
    read = rdflib.Graph().parse(data=file.getvalue(), format="turtle")
    expected = sorted(tuple(map(str, row)) for row in read.query(BORN, initNs=Names().prefixes))
    assert sorted(rows(tmp_path / "store", BORN)) == expected
    assert ("Müller", "Köln", "Müller was born in Köln .", "doc-3") in expected
    assert len(expected) == 4


def test_a_second_load_changes_nothing(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    graph = build(*DOCUMENTS)
    first = load_graph(graph, tmp_path / "store")
    before = held(tmp_path / "store")
    assert before == wanted(graph)
    assert first == Loaded(new=len(list(resources(graph, Names()))))
    assert load_graph(graph, tmp_path / "store") == Loaded(same=first.new)
    assert held(tmp_path / "store") == before


def test_the_store_follows_the_graph(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    """Documents that came, went and changed; triples of one's own in named graphs stay."""
    load_graph(build(*DOCUMENTS), tmp_path / "store")
    mine = [pyoxigraph.NamedNode(f"http://example.org/{name}") for name in ("s", "p", "o", "graph")]
    store = pyoxigraph.Store(str(tmp_path / "store"))
    store.add(pyoxigraph.Quad(*mine))
    del store
    graph = build(born("doc-1", "Curie", "Paris"), born("doc-4", HOSTILE, "x\\u0022"), *DOCUMENTS[2:3], name="h.sqlite")
    loaded = load_graph(graph, tmp_path / "store")
    assert loaded.new and loaded.same and loaded.replaced and loaded.removed
    assert held(tmp_path / "store") == wanted(graph)
    assert rows(tmp_path / "store", "SELECT ?s { GRAPH <http://example.org/graph> { ?s ?p ?o } }") == [
        ("<http://example.org/s>",)
    ]


KILLED = """
import sys, time
from pathlib import Path
from joint_ie.graph import GraphStore, triple_store
triple_store.BATCH = 40
commit = triple_store._Batch.commit
def slow(batch):
    commit(batch)
    print("committed", flush=True)
    time.sleep({sleep})
triple_store._Batch.commit = slow
with GraphStore.open({graph!r}) as graph:
    triple_store.load_graph(graph, {store!r})
"""


def loading(graph: GraphStore, store: Path, sleep: float, transactions: int = 1) -> subprocess.Popen[str]:
    """Another process that loads, and has ended so many transactions."""
    code = KILLED.format(graph=str(graph.path), store=str(store), sleep=sleep)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(transactions):
        assert process.stdout.readline() == "committed\n"
    return process


@pytest.mark.parametrize(("sleep", "transactions"), [(0.0, 1), (0.1, 1), (0.1, 3)])
def test_a_killed_load_is_resumed(
    build: Callable[..., GraphStore], tmp_path: Path, sleep: float, transactions: int, caplog: pytest.LogCaptureFixture
) -> None:
    graph, store = build(*DOCUMENTS), tmp_path / "store"
    process = loading(graph, store, sleep, transactions)
    process.kill()
    process.communicate()
    part = held(store)
    assert "its last load was interrupted" in caplog.text
    assert len(part) > 0
    assert part <= wanted(graph)
    loaded = load_graph(graph, store)
    assert loaded.same > 0
    assert loaded.new > 0 or not sleep  # the quick one may have come to its end
    assert loaded.replaced == loaded.removed == 0  # a transaction holds whole resources
    assert held(store) == wanted(graph)
    caplog.clear()
    rows(store, BORN)
    assert not caplog.text


def test_nobody_reads_while_a_load_writes(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    graph, store = build(*DOCUMENTS), tmp_path / "store"
    process = loading(graph, store, sleep=60)
    try:
        with pytest.raises(InputError, match="store: is being loaded by another process; wait"):
            rows(store, BORN)
        with pytest.raises(InputError, match="store: is being read or loaded by another process; wait"):
            load_graph(graph, store)
    finally:
        process.kill()
        process.communicate()
    load_graph(graph, store)
    with query(store, BORN) as one, query(store, BORN) as two:  # readers do not mind each other
        assert sorted(one.rows()) == sorted(two.rows())
        with pytest.raises(InputError, match="is being read or loaded"):
            load_graph(graph, store)


def test_queries_only_read(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    store = tmp_path / "store"
    load_graph(build(*DOCUMENTS), store)
    files = {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in store.iterdir()}
    for update in ("DELETE WHERE { ?s ?p ?o }", "INSERT DATA { <a:b> <a:b> 1 }", "CLEAR ALL", "LOAD <file:///x>"):
        with pytest.raises(InputError, match="should be a SELECT, ASK, CONSTRUCT or DESCRIBE"):
            rows(store, update)
    with pytest.raises(InputError, match="query, line 1"):
        rows(store, "SELECT * { ?s ?p ?o } ; DELETE WHERE { ?s ?p ?o }")
    assert len(rows(store, BORN)) == 4
    assert {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in store.iterdir()} == files


SERVICES = [
    "SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ ?s ?p ?o .\n  service silent <{url}> {{ ?s ?p ?o }} }}",
    "ASK {{ FILTER EXISTS {{ Service<{url}>{{ ?s ?p ?o }} }} }}",
    "SELECT * {{ VALUES ?x {{ <{url}> }} SERVICE ?x {{ ?s ?p ?o }} }}",
    "PREFIX : <{url}> SELECT * {{ SERVICE:{{ ?s ?p ?o }} }}",
    "PREFIX service: <{url}> SELECT * {{ ?s service:p 'service' . SERVICE service: {{ ?s ?p ?o }} }}",
    "SELECT * {{ BIND(1 AS ?a) FILTER(?a<2)SERVICE#>\n<{url}>{{ ?s ?p ?o }} }}",  # not in an IRI
    "SELECT * {{ ?s ?p '#' . SERVICE <{url}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ ?s ?p '\\'' . SERVICE <{url}> {{ ?s ?p ?o }} # '\n}}",
    'SELECT * {{ ?s ?p """a"b\\"""" . {{ SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }} }} }}',
    "CONSTRUCT {{ ?s ?p ?o }} WHERE {{ OPTIONAL {{ SERVICE <{url}> {{ ?s ?p ?o }} }} }}",
    "SELECT * {{ ?s ?p 1SERVICE <{url}> {{ ?s ?p ?o }} }}",
    "SELECT * {{ \\u0053ERVICE <{url}> {{ ?s ?p ?o }} }}",
]


@pytest.mark.parametrize("text", SERVICES)
def test_queries_ask_nobody_else(build: Callable[..., GraphStore], tmp_path: Path, text: str) -> None:
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    load_graph(build(DOCUMENTS[0]), tmp_path / "store")
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(InputError, match=r"SERVICE would ask another server|is not SPARQL near") as caught:
                rows(tmp_path / "store", text.format(url=f"http://127.0.0.1:{server.server_port}/sparql"))
            if not any(odd in text for odd in ("1SERVICE", "SERVICE:", "u0053")):
                assert "SERVICE would ask another server" in str(caught.value)
        finally:
            server.shutdown()
            thread.join()
    assert asked == []


def test_service_may_be_a_name(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    load_graph(build(DOCUMENTS[0]), tmp_path / "store")
    for text in (
        "SELECT ?service { ?service rdfs:label 'Warsaw' } # SERVICE <http://localhost/> { }",
        "PREFIX service: <http://joint-ie.invalid/service/> SELECT ?s { ?s rdfs:label 'Warsaw' "
        "OPTIONAL { ?s service:SERVICE ?Service } OPTIONAL { ?s <http://localhost/SERVICE> '''SERVICE''' } }",
    ):
        assert rows(tmp_path / "store", text) == [("entity:loc-warsaw",)]
    for wrong in ("SELECT ?service FOO { ?service ?p ?o }", "SELECT * { ?s ?p 'service' FOO }"):
        with pytest.raises(InputError, match="is not SPARQL near"):
            rows(tmp_path / "store", wrong)


@pytest.mark.parametrize("start", ["file", "http"])
def test_graphs_are_not_fetched(build: Callable[..., GraphStore], tmp_path: Path, start: str) -> None:
    """``FROM`` names graphs of the store only; an update such as ``LOAD`` is no query at all."""
    (tmp_path / "x.nt").write_text("<a:b> <a:b> <a:b> .")
    url = (tmp_path / "x.nt").as_uri() if start == "file" else "http://127.0.0.1:9/x"
    load_graph(build(DOCUMENTS[0]), tmp_path / "store")
    assert rows(tmp_path / "store", f"SELECT * FROM <{url}> FROM NAMED <{url}> {{ ?s ?p ?o }}") == []
    assert rows(tmp_path / "store", f"SELECT * {{ GRAPH <{url}> {{ ?s ?p ?o }} }}") == []
    for update in (f"LOAD <{url}>", f"LOAD SILENT <{url}> INTO GRAPH <a:select>", f"# SELECT\nLOAD <{url}>"):
        with pytest.raises(InputError, match="query"):
            rows(tmp_path / "store", update)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT ?x WHERE {\n  ?x foo:bar ?y }", r"query, line 2, column 13: Prefix not found"),
        ("SELECT ?x { ?x ?p ?o } WHERE", r"query, line 1, column 29: is not SPARQL near .* } WHERE'"),
        ("SELECT ?x { ?x ?p ?o }\nNONSENSE\nhere", r"query, line 2, column 7: is not SPARQL near 'NONSENSE here'"),
        (
            "ASK { ?x ?p ?o } #\u2028x\u2028x\u2028x\u2028x\u2028x\u2028\nNONSENSE\nhere",
            r"query, line 2, column 7: .* near 'NONSENSE here'",
        ),
        ("SELECT ?x { ?x ?p ?o", r"query, line 1, column 21: is not SPARQL near "),
        ("SELECT ?x ?z { ?x ?y ?z } GROUP BY ?x", r"query, line 1, column 38: .* variable that is unbound"),
        ("", r"query: should be a SELECT"),
        ("SELECT ?x { ?x ?p '\ud800' }", r"query: holds half a character"),
    ],
)
def test_an_error_says_where(build: Callable[..., GraphStore], tmp_path: Path, text: str, message: str) -> None:
    load_graph(build(DOCUMENTS[0]), tmp_path / "store")
    with pytest.raises(InputError, match=message) as caught:
        rows(tmp_path / "store", text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


def test_places_that_are_no_store(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    graph = build(DOCUMENTS[0])
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    with pytest.raises(InputError, match="file: is a file; name a folder"):
        load_graph(graph, tmp_path / "file")
    with pytest.raises(InputError, match="folder: is a folder of something else"):
        load_graph(graph, tmp_path / "folder")
    for place in ("file", "folder", "nothing"):
        with pytest.raises(InputError, match="is no store; make one with joint-ie graph load"):
            rows(tmp_path / place, BORN)
    assert not (tmp_path / "nothing").exists()


def test_the_base_stays(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    graph, store = build(DOCUMENTS[0]), tmp_path / "store"
    with pytest.raises(InputError, match="base 'x': should be an address"):
        load_graph(graph, store, "x")
    first = load_graph(graph, store, "http://example.org/kg/")
    assert load_graph(graph, store).same == first.new
    with pytest.raises(InputError, match="was loaded with base http"):
        load_graph(graph, store, "http://example.org/other/")
    assert rows(store, "SELECT ?e { ?e a type:LOC }") == [("entity:loc-warsaw",)]


def test_a_broken_store_is_named(build: Callable[..., GraphStore], tmp_path: Path) -> None:
    graph, store = build(DOCUMENTS[0]), tmp_path / "store"
    load_graph(graph, store)
    (store / "CURRENT").write_text("nonsense\n")
    for use in (lambda: rows(store, BORN), lambda: load_graph(graph, store)):
        with pytest.raises(InputError, match="store: the store cannot be used"):
            use()


@pytest.mark.parametrize("text", ["[]", "3", '{"format": 1}', '{"format": 1, "base": 3}', '{"format": 2, "base": "x"}'])
def test_a_mark_of_something_else(build: Callable[..., GraphStore], tmp_path: Path, text: str) -> None:
    graph, store = build(DOCUMENTS[0]), tmp_path / "store"
    load_graph(graph, store)
    (store / "joint-ie.json").write_text(text)
    for use in (lambda: rows(store, BORN), lambda: load_graph(graph, store)):
        with pytest.raises(InputError, match="is of another version of joint-ie"):
            use()


def test_what_to_install(build: Callable[..., GraphStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyoxigraph", None)
    with pytest.raises(InputError, match=r"needs pyoxigraph; install it with: pip install 'joint-ie\[graph\]'"):
        load_graph(build(DOCUMENTS[0]), tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.fixture
def store(build: Callable[..., GraphStore], tmp_path: Path) -> str:
    with build(*DOCUMENTS) as graph:
        load_graph(graph, tmp_path / "store")
    return str(tmp_path / "store")


def test_commands(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "load", str(tmp_path / "g.sqlite"), str(tmp_path / "new" / "store")]) == 0
    assert "31 new resources, 0 as before" in capsys.readouterr().err
    assert main(["graph", "load", str(tmp_path / "g.sqlite"), store]) == 0
    assert f"{store}: 0 new resources" in capsys.readouterr().err
    (tmp_path / "born.rq").write_text(BORN)
    assert main(["graph", "query", store, str(tmp_path / "born.rq"), "--format", "csv"]) == 0
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert {"person": "Curie", "place": "Warsaw", "sentence": "Curie was born in Warsaw .", "document": "doc-1"} in read
    assert len(read) == 4
    assert main(["graph", "query", store, BORN, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["person"]["value"] for row in found["results"]["bindings"]} == {"Curie", "Müller", HOSTILE}
    assert main(["graph", "query", store, BORN, "--format", "table"]) == 0
    shown = capsys.readouterr().out
    assert "Müller was born in Köln" in shown
    assert "\x1b" not in shown
    assert main(["graph", "query", store, "SELECT ?x { ?x a ie:Nothing }", "--format", "table"]) == 0
    assert capsys.readouterr().out == "nothing found\n"


def test_other_kinds_of_queries(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    ask = "ASK { entity:per-m%C3%BCller wdt:P19 ?place }"
    for form, shown in (("csv", "true"), ("json", '{"head":{},"boolean":true}\n')):
        assert main(["graph", "query", store, ask, "--format", form]) == 0
        assert capsys.readouterr().out == shown
    made = "CONSTRUCT { ?a wdt:P19 ?b } { ?a wdt:P19 ?b }"
    assert main(["graph", "query", store, made, "--format", "csv"]) == 0
    turtle = capsys.readouterr().out
    assert len(list(pyoxigraph.parse(turtle.encode(), pyoxigraph.RdfFormat.TURTLE))) == 3
    assert "@prefix wdt:" in turtle
    assert main(["graph", "query", store, "DESCRIBE entity:loc-warsaw", "--format", "table"]) == 0
    assert "rdfs:label" in capsys.readouterr().out


def test_errors_of_commands(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "query", store, "SELECT ?x {"]) == 1
    assert capsys.readouterr().err == "joint-ie: query, line 1, column 12: is not SPARQL near 'SELECT ?x {'\n"
    assert main(["graph", "query", store, str(tmp_path / "none.rq")]) == 1
    assert "none.rq: no such file, and no query either" in capsys.readouterr().err
    (tmp_path / "latin.rq").write_bytes(b"SELECT ?\xe4 {}")
    assert main(["graph", "query", store, str(tmp_path / "latin.rq")]) == 1
    assert "latin.rq: byte 8 is not UTF-8" in capsys.readouterr().err
    assert main(["graph", "load", str(tmp_path / "none.sqlite"), str(tmp_path / "new")]) == 1
    assert "none.sqlite: no such file" in capsys.readouterr().err


def test_a_pipe_that_closes_is_no_error(store: str) -> None:
    command = [sys.executable, "-m", "joint_ie.cli.main", "graph", "query", store, "--format", "csv"]
    many = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    with subprocess.Popen([*command, many], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "a,b,c,d,e,f,g,h,i\n"
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert errors == ""
