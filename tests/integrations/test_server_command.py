"""`joint-ie serve` as a process of its own, and a thousand requests at once."""

import asyncio
import json
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (pip install joint-ie[server])")

from joint_ie.cli.main import main
from joint_ie.corpora import read_jsonl
from joint_ie.extraction import load
from joint_ie.integrations.server.running import allow_connections

TESTS = Path(__file__).parents[1]
write_checkpoint = runpy.run_path(str(TESTS / "tiny_checkpoint.py"))["write_checkpoint"]
server_of = runpy.run_path(str(TESTS / "integrations" / "running_server.py"))
Running = server_of["Running"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("model"))


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


@contextmanager
def serving(model: Path, *options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """The command, and how to ask it once it listens."""
    command = [sys.executable, "-m", "joint_ie.cli.main", "serve", "--model", str(model), "--port", "0"]
    command += ["--precision", "no", "--threads", "1", *options]
    environment = {**os.environ, **environment}
    # with as few open files as most systems give
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=few_files) as process:
        try:
            lines: list[str] = []
            for line in process.stderr:
                lines.append(line)
                if "serving" in line:
                    break
            assert process.poll() is None, "".join(lines)
            port = int(lines[-1].split("127.0.0.1:")[1].split("/")[0])
            yield process, Running(port)
        finally:
            process.kill()


def extracted(model: Path, texts: dict[str, str], folder: Path) -> dict[str, Any]:
    """What the command makes of texts, by their ids, each run through the model alone as a request is."""
    lines = folder / "texts.jsonl"
    found: dict[str, Any] = {}
    for id, text in texts.items():
        lines.write_text(json.dumps({"id": id, "text": text}) + "\n", encoding="utf-8")
        output = folder / "out.jsonl"
        assert main(["extract", str(lines), "--model", str(model), "--precision", "no", "-o", str(output)]) == 0
        [document] = read_jsonl(output)
        found[id] = document.to_dict()
    return found


def test_stopped_it_finishes_what_runs(model: Path) -> None:
    with serving(model, JOINT_IE_TOKEN="se-cret") as (process, server):
        assert server.extract({"text": "a"}).status == 401
        texts = [f"Ann met Bob {n} in Oslo, and Eve left Rome for Paris." for n in range(100)]
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(server.extract({"text": texts}, Authorization="Bearer se-cret"))
        )
        asking.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            server.ask("GET", "/health")
        asking.join(120)
        assert [answer.status for answer in answers] == [200]
        assert len(answers[0].json) == 100
        assert process.wait(120) == 0
        assert "Traceback" not in process.stderr.read()


def test_relations_of_another_model(model: Path, tmp_path: Path) -> None:
    relater = write_checkpoint(tmp_path / "relater", input="markers")
    (relater / "config.json").write_text((relater / "config.json").read_text().replace('"P50"', '"P51"'))
    with serving(model, "--relations-from", str(relater)) as (_, server):
        known = server.ask("GET", "/model").json
        assert known["name"] == f"{model.name} with relations from relater"
        assert [label["id"] for label in known["relation_types"]] == ["P19", "P27", "P51"]
        text = "Ann Lee was born in Oslo. She left for Rome in 1901."
        answer = server.extract({"text": text, "id": "one"}).json
    expected = load(model, precision="no", threads=1, relations=relater)(("one", text))
    assert answer == json.loads(json.dumps(expected.to_dict())) and answer["relations"]


def test_wrong_use(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, told in (
        (["--port", "99999"], "port = 99999"),
        (["--timeout", "0"], "timeout = 0.0"),
        (["--token-file", str(tmp_path / "none")], "no such file"),
        (["--model", str(tmp_path / "none"), "--port", "0"], "no such folder"),
    ):
        assert main(["serve", *options]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("joint-ie: ") and told in line


def test_who_can_be_reached_without_a_token_is_warned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOINT_IE_TOKEN", raising=False)
    assert main(["serve", "--host", "0.0.0.0", "--port", "0", "--model", str(tmp_path / "none")]) == 1
    assert "by anyone" in caplog.text
    caplog.clear()
    monkeypatch.setenv("JOINT_IE_TOKEN", "token")
    main(["serve", "--host", "0.0.0.0", "--port", "0", "--model", str(tmp_path / "none")])
    monkeypatch.delenv("JOINT_IE_TOKEN")
    here = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: here)
    main(["serve", "--host", "this-machine", "--port", "0", "--model", str(tmp_path / "none")])
    assert not caplog.records


HEAD = b"POST /extract HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"


async def ask(port: int, body: bytes, pause: float | None = 0.0, again: bool = False) -> tuple[int, bytes]:
    """Status and body of one answer; ``pause`` seconds after half of the body, without end if None; 503 asks again."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
            if pause is not None:
                await asyncio.sleep(pause)
                writer.write(body[len(body) // 2 :])
            head, _, found = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        status = int(head.split()[1])
        if status != 503 or not again:
            return status, found
        assert b"retry-after: 1" in head.lower()
        await asyncio.sleep(1)


def texts_to_ask() -> dict[str, str]:
    """Of all lengths; a text is asked for many times, under one id."""
    names = ["Ann", "Bob", "Eve <b>", "Lee", 'Max "Q" & Co', "Zoë 😀"]
    return {
        f"id-{n}": " ".join(f"{names[(n + i) % 6]} met {names[(n * i) % 6]} in Oslo {i}." for i in range(1 + n % 7))
        for n in range(50)
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("requests", "options"), [(1000, ()), (1000, ("--batch-words", "300")), (200, ("--max-waiting", "50"))]
)
def test_a_thousand_requests_at_once(model: Path, tmp_path: Path, requests: int, options: tuple[str, ...]) -> None:
    """None lost, none wrong, memory bounded; others in between that are too large, broken, too slow, or go away."""
    texts = texts_to_ask()
    expected = extracted(model, texts, tmp_path)
    again = "--max-waiting" in options

    async def everything(port: int) -> list[Any]:
        bodies = [json.dumps({"text": text, "id": id}).encode() for id, text in texts.items()]
        good = [ask(port, bodies[n % len(bodies)], pause=(n % 5) / 10, again=again) for n in range(requests)]
        large = [ask(port, b" " * 30_000, again=again) for _ in range(6)]
        broken = [ask(port, b'{"text": ', again=again) for _ in range(6)]
        slow = [ask(port, bodies[0], pause=None, again=again) for _ in range(6)]
        gone = [_go_away(port, bodies[0]) for _ in range(6)]
        return await asyncio.gather(*good, *large, *broken, *slow, *gone)

    allow_connections()
    # a busy machine may need longer than a client should
    with serving(model, "--max-bytes", "20000", "--body-timeout", "30", *options) as (process, server):
        for text in texts.values():  # what is allocated once
            assert server.extract({"text": text}).status == 200
        memory = psutil.Process(process.pid)
        before = peak = memory.memory_info().rss
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.05):
                peak = max(peak, memory.memory_info().rss)

        watching = threading.Thread(target=watch)
        watching.start()
        start = time.monotonic()
        try:
            answers = asyncio.run(everything(server.port))
        finally:
            done.set()
            watching.join()
        seconds = time.monotonic() - start
        assert process.poll() is None
        assert server.ask("GET", "/health").status == 200

    print(f"{options}: {seconds:.1f} s, {before / 1e6:.0f} MB before, {peak / 1e6:.0f} MB at most")
    statuses = [answer and answer[0] for answer in answers]
    assert statuses == [200] * requests + [413] * 6 + [400] * 6 + [408] * 6 + [None] * 6
    for n, (_, body) in enumerate(answers[:requests]):
        wanted = json.loads(json.dumps(expected[f"id-{n % 50}"]))
        assert json.loads(body) == (_roughly(wanted) if "--batch-words" in options else wanted)
    assert peak - before < 150e6


def _roughly(document: Any) -> Any:
    """The last digits of scores depend on what a text was batched with."""
    for item in (*document["entities"], *document["relations"]):
        item["score"] = pytest.approx(item["score"], abs=1e-4)
    return document


async def _go_away(port: int, body: bytes) -> None:
    """Asks, and does not wait for the answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await asyncio.sleep(0.2)
    writer.close()
