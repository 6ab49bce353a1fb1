"""A server in a thread of the test, and how to ask it; run by `runpy` from the tests that need it."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from joint_ie.integrations.server.application import Served, create_application
from joint_ie.integrations.server.batching import Batcher
from joint_ie.integrations.server.guard import Guard
from joint_ie.integrations.server.limits import Limits
from joint_ie.integrations.server.running import bind, make_server


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        assert self.headers["Content-Type"] == "application/json"
        [(name, sentence)] = self.json.items()
        assert name == "error"
        return sentence


@dataclass(frozen=True)
class Running:
    port: int
    guard: Guard | None = None
    batcher: Batcher | None = None
    connections: Collection[object] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, names)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def extract(self, asked: Any, **headers: str) -> Answer:
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        return self.ask("POST", "/extract", body, **{"Content_Type": "application/json", **headers})

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as opened:
            yield opened


@contextmanager
def running(
    extractor: Any,
    limits: Limits | None = None,
    token: str | None = None,
    batch_words: int = 1,
) -> Iterator[Running]:
    batcher = Batcher(extractor, batch_words)
    guard = create_application(batcher, Served("tiny", "en"), limits or Limits(), token, "127.0.0.1")
    listener = bind("127.0.0.1", 0)
    server = make_server(guard, stop_seconds=2)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    port = listener.getsockname()[1]
    thread.start()
    try:
        until(lambda: server.started)
        yield Running(port, guard, batcher, server.server_state.connections)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something that other threads bring about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
