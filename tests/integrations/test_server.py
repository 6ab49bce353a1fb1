"""A server with a tiny model, asked by sockets: what it answers, and what it withstands."""

import json
import runpy
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (pip install joint-ie[server])")

from joint_ie.document import Document
from joint_ie.extraction import Extractor, load
from joint_ie.integrations.server.limits import Limits

TESTS = Path(__file__).parents[1]
write_checkpoint = runpy.run_path(str(TESTS / "tiny_checkpoint.py"))["write_checkpoint"]
server_of = runpy.run_path(str(TESTS / "integrations" / "running_server.py"))
running, until = server_of["running"], server_of["until"]

TEXT = "Ann Lee was born in Oslo. She left for Rome in 1901."
HOSTILE = "<script>alert(1)</script> \"Bob\" met 'Eve' & <b>Ann</b>.\u2028\x00 The 😀 end."


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    return load(write_checkpoint(tmp_path_factory.mktemp("model")), device="cpu", precision="no")


@pytest.fixture(scope="module")
def server(extract: Extractor) -> Iterator[Any]:
    with running(extract) as started:
        yield started


@pytest.fixture(scope="module")
def small(extract: Extractor) -> Iterator[Any]:
    """With low limits and a token."""
    with running(extract, Limits(bytes=2000, texts=3, characters=100, body_timeout=0.5), token="se-cret") as started:
        yield started


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun: list[str] = []

    def pipe(self, items: Sequence[tuple[str, str]], batch_words: int) -> Iterator[Document]:
        self.begun += [id for id, _ in items]
        assert self.go.wait(30)
        if items[0][0] == "broken":
            raise RuntimeError("a secret of the server")
        for id, text in items:
            yield Document(id, text, (), (), (), ())


def line(document: Document) -> Any:
    return json.loads(json.dumps(document.to_dict()))


@pytest.mark.parametrize("text", [TEXT, HOSTILE, "", " \n", "Ann met Bob in Oslo and Eve in Rome. " * 30])
def test_a_text_becomes_what_the_command_makes_of_it(server: Any, extract: Extractor, text: str) -> None:
    answer = server.extract({"text": text})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    [document] = extract.pipe([text])  # as the command does
    assert answer.json == line(document)
    assert answer.body == json.dumps(document.to_dict(), ensure_ascii=False).encode()


def test_texts_become_a_list(server: Any, extract: Extractor) -> None:
    asked = {"text": [TEXT, "", "Bob met Eve."], "id": ["a", "b", "c"], "min_score": 0.9}
    expected = [line(extract(item, min_score=0.9)) for item in zip(asked["id"], asked["text"], strict=True)]
    assert server.extract(asked).json == expected
    assert sum(len(d["relations"]) for d in expected) < len(extract(TEXT).relations)
    lines = server.extract(asked, Accept="application/x-ndjson")
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(each) for each in lines.body.splitlines()] == expected
    assert [d["id"] for d in server.extract({"text": ["Bob.", "Eve."]}).json] == ["text-1", "text-2"]


def test_the_graph_of_a_request(server: Any, extract: Extractor) -> None:
    rdflib = pytest.importorskip("rdflib", reason="rdflib is not installed")
    asked = {"text": [TEXT, "Ann Lee left Oslo. " + HOSTILE], "id": ["1", "2"]}
    graphs = []
    for media_type, form in (("text/turtle", "turtle"), ("application/ld+json", "json-ld")):
        answer = server.extract(asked, Accept=f"{media_type}, */*;q=0.1")
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(media_type)
        graphs.append(set(rdflib.Graph().parse(data=answer.body.decode(), format=form)))
    assert graphs[0] == graphs[1]
    names = {str(o) for _, p, o in graphs[0] if str(p).endswith("#label")}
    found = {entity.name for text in asked["text"] for entity in extract(text).entities}
    assert found and found <= names


def test_the_page_of_a_request(server: Any) -> None:
    answer = server.extract({"text": HOSTILE}, Accept="text/html")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "sandbox allow-scripts;" in answer.headers["Content-Security-Policy"]
    page = answer.body.decode()
    assert page.startswith("<!doctype html>") and "<script>alert" not in page and "alert(1)" in page


def test_what_the_model_knows(server: Any, extract: Extractor) -> None:
    model = server.ask("GET", "/model").json
    assert (model["name"], model["language"], model["device"], model["precision"]) == ("tiny", "en", "cpu", "32 bits")
    assert {"id": "P19", "name": "place of birth"} in model["relation_types"]
    assert [label["id"] for label in model["entity_types"]] == ["PER", "LOC"]
    assert set(model["versions"]) == {"joint-ie", "torch", "transformers"}
    assert model["limits"]["characters"] == 50_000
    assert server.ask("GET", "/health").json == {"status": "ok"}


def test_the_server_describes_itself(server: Any) -> None:
    schema = server.ask("GET", "/openapi.json").json
    assert set(schema["paths"]) == {"/extract", "/model", "/health"}
    assert set(schema["paths"]["/extract"]["post"]["responses"]) >= {"200", "400", "401", "413", "503"}
    asked = schema["paths"]["/extract"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert server.extract(asked).status == 200
    docs = server.ask("GET", "/docs")
    assert "POST /extract" in docs.body.decode() and "min_score" in docs.body.decode()
    for page in (docs, server.ask("GET", "/")):
        assert page.status == 200 and b"http://" not in page.body and b"https://" not in page.body
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none';")
        assert (page.headers["X-Content-Type-Options"], page.headers["Cache-Control"]) == ("nosniff", "no-store")


def test_requests_that_are_refused(server: Any) -> None:
    def refused(status: int, told: str, answer: Any) -> None:
        assert (answer.status, told in answer.error) == (status, True), (answer.status, answer.body)

    refused(400, "not valid JSON", server.extract(b"{"))
    refused(422, "unknown", server.extract({"text": "a", "merge": "fuzzy"}))
    refused(422, "surrogate", server.extract(b'{"text": "\\ud800"}'))
    refused(406, "text/turtle", server.extract({"text": "a"}, Accept="text/plain"))
    refused(415, "Content-Type", server.ask("POST", "/extract", b'{"text": "a"}'))
    refused(415, "Content-Type", server.extract({"text": "a"}, Content_Type="text/plain"))
    refused(415, "UTF-8", server.extract({"text": "a"}, Content_Type="application/json; charset=latin-1"))
    refused(415, "compressed", server.extract(b"\x1f\x8b", Content_Encoding="gzip"))
    refused(405, "method", server.ask("GET", "/extract"))
    refused(404, "not found", server.ask("GET", "/favicon.ico"))
    refused(404, "not found", server.ask("POST", "/extract/", b"{}"))
    refused(413, "50,001 characters", server.extract({"text": "a" * 50_001}))
    for host in ("example.org", "127.0.0.1.nip.io:8600", "", "[::2]", "user@localhost"):
        refused(421, "localhost", server.extract({"text": "a"}, Host=host))
    for host in ("localhost", f"LOCALHOST:{server.port}", "[::1]:1", "127.0.0.1"):
        assert server.ask("GET", "/health", Host=host).status == 200
    assert server.extract({"text": "a"}, Content_Type='Application/JSON; charset="UTF-8"').status == 200


def test_the_token(small: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "se-cret"}, {"Authorization": "Bearer"}):
        for answer in (small.extract({"text": "a"}, **headers), small.ask("GET", "/model", **headers)):
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "se-cret" not in answer.error
    assert small.extract({"text": "a"}, Authorization="bearer se-cret").status == 200
    assert [small.ask("GET", path).status for path in ("/", "/health", "/docs", "/openapi.json")] == [200] * 4
    assert small.ask("GET", "/no-such-page").status == 401


KEY = {"Authorization": "Bearer se-cret"}


def test_large_bodies(small: Any) -> None:
    for size in (2001, 15_000, 30_000):
        answer = small.extract(b" " * size, **KEY)
        assert (answer.status, answer.headers["Connection"]) == (413, "close")
        assert "2,000 bytes" in answer.error
    assert small.extract({"text": ["a"] * 4}, **KEY).status == 413
    assert small.extract({"text": "a" * 101}, **KEY).status == 413
    assert small.extract(json.dumps({"text": "a"}).encode().ljust(2000), **KEY).status == 200
    with small.connection() as connection:  # without saying how much
        connection.sendall(head(f"Transfer-Encoding: chunked\r\nAuthorization: {KEY['Authorization']}"))
        for _ in range(3):
            connection.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 413")
    with small.connection() as connection:  # and one that asks first
        connection.sendall(
            head(f"Expect: 100-continue\r\nContent-Length: 3000\r\nAuthorization: {KEY['Authorization']}")
        )
        assert received(connection).startswith(b"HTTP/1.1 413")


def head(lines: str) -> bytes:
    return f"POST /extract HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}\r\n\r\n".encode()


def received(connection: socket.socket) -> bytes:
    """All until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_slow_bodies_harm_nobody(small: Any) -> None:
    length = f"Content-Length: 30\r\nAuthorization: {KEY['Authorization']}"
    slow = [socket.create_connection(("127.0.0.1", small.port), timeout=60) for _ in range(20)]
    for connection in slow:
        connection.sendall(head(length) + b'{"text": ')
    until(lambda: small.guard.present == 20)
    assert small.extract({"text": TEXT[:50]}, **KEY).status == 200
    for connection in slow:
        answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 408") and b"connection: close" in answer.lower()
        assert b"within 0.5 seconds" in answer
        connection.close()
    until(lambda: small.guard.present == 0)


def test_slow_heads_are_closed(small: Any) -> None:
    with small.connection() as silent, small.connection() as slow, small.connection() as again:
        again.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health")
        slow.sendall(b"GET /health HTTP/1.1\r\n")
        assert received(silent) == received(slow) == b""
        assert received(again).count(b"HTTP/1.1 200") == 1


def test_who_is_refused_can_send_all_first(small: Any) -> None:
    with small.connection() as refused:
        refused.sendall(head("Connection: close\r\nContent-Length: 1000") + b"{")
        time.sleep(0.2)
        refused.sendall(b" " * 999)
        assert received(refused).startswith(b"HTTP/1.1 401")
    with small.connection() as slow:
        slow.sendall(head("Content-Length: 1000") + b"{")
        assert received(slow).startswith(b"HTTP/1.1 401")
    with small.connection() as asks:
        asks.sendall(head("Expect: 100-continue\r\nContent-Length: 1000\r\nConnection: close"))
        assert received(asks).startswith(b"HTTP/1.1 401")


def test_what_is_no_http(server: Any) -> None:
    with server.connection() as connection:
        connection.sendall(b"\x16\x03\x01 TLS, for instance\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 400")
    assert server.ask("GET", "/health").status == 200


def test_a_full_server_says_so() -> None:
    slow = Slow()
    with running(slow, Limits(waiting=3)) as server, ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(server.extract, {"text": "a", "id": str(n)}) for n in range(3)]
        until(lambda: server.guard.present == 3)
        answer = server.extract({"text": "a"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert "3 requests" in answer.error
        assert server.ask("GET", "/health").status == 200
        slow.go.set()
        assert [each.result().json["id"] for each in waiting] == ["0", "1", "2"]
        assert server.extract({"text": "a"}).status == 200


def test_who_goes_away_frees_the_place(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    with running(slow, Limits(waiting=2)) as server, ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.extract, {"text": "a", "id": "first"})
        until(lambda: slow.begun)
        with server.connection() as gone:
            gone.sendall(head("Content-Length: 27") + b'{"text": "a", "id": "gone"}')
            until(lambda: server.guard.present == 2)
        until(lambda: server.guard.present == 1)
        with server.connection() as gone:
            gone.sendall(head("Content-Length: 27") + b'{"text"')
            until(lambda: server.guard.present == 2)
        until(lambda: server.guard.present == 1)
        third = pool.submit(server.extract, {"text": "a", "id": "third"})
        until(lambda: server.guard.present == 2)
        slow.go.set()
        assert [first.result().status, third.result().status] == [200, 200]
        assert slow.begun == ["first", "third"]
    assert not caplog.records


def test_a_request_that_takes_too_long_is_given_up() -> None:
    slow = Slow()
    with running(slow, Limits(timeout=0.3)) as server:
        answer = server.extract({"text": ["a", "b"], "id": ["1", "2"]})
        assert (answer.status, "0.3 seconds" in answer.error) == (503, True)
        slow.go.set()
        assert server.extract({"text": "a", "id": "3"}).status == 200
        assert slow.begun == ["1", "3"]  # what it still had to ask for is not run


def test_stopped_it_does_not_wait_for_ever() -> None:
    slow = Slow()
    with ThreadPoolExecutor(1) as pool:
        with running(slow) as server:
            waiting = pool.submit(server.extract, {"text": "a"})
            until(lambda: slow.begun)
        answer = waiting.result()
        assert (answer.status, answer.error) == (503, "the server stops; try again later")
        assert (server.guard.unanswered, server.batcher.busy) == (1, True)
        slow.go.set()


def test_a_failure_is_no_end(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    slow.go.set()
    with running(slow) as server:
        answer = server.extract({"text": "a", "id": "broken"})
        assert (answer.status, "log" in answer.error) == (500, True)
        assert b"secret" not in answer.body
        until(lambda: "a secret of the server" in caplog.text)
        assert server.extract({"text": "a"}).status == 200


def test_who_does_not_read_is_given_up() -> None:
    slow = Slow()
    slow.go.set()
    limits = Limits(bytes=9_000_000, characters=9_000_000, body_timeout=2)
    with running(slow, limits) as server, server.connection() as lazy, server.connection() as greedy:
        for connection in (lazy, greedy):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # what the kernel takes is taken as read
        body = json.dumps({"text": "a" * 8_000_000}).encode()
        lazy.sendall(head(f"Content-Length: {len(body)}") + body)
        greedy.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000)
        until(lambda: slow.begun)
        assert server.guard.present == 1
        assert server.extract({"text": "a"}).status == 200
        until(lambda: not server.connections)
        assert server.guard.present == 0


def test_batched_with_others_nothing_else_is_found(extract: Extractor) -> None:
    texts = [f"Ann {'Lee ' * (n % 5)}met Bob {n} in Oslo. She left for Rome." for n in range(40)]
    with running(extract, batch_words=200) as server, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda text: server.extract({"text": text}).json, texts))
    for text, found in zip(texts, answers, strict=True):
        [expected] = [line(document) for document in extract.pipe([text])]
        for item in (*expected["entities"], *expected["relations"]):
            item["score"] = pytest.approx(item["score"], abs=1e-4)  # as `test_extraction` allows
        assert found == expected
