"""What a server decides without a model: forms, addresses, limits, bodies."""

import asyncio
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="FastAPI is not installed (pip install joint-ie[server])")

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.integrations.server.accept import preferred
from joint_ie.integrations.server.access import is_loopback, read_token
from joint_ie.integrations.server.asking import parse
from joint_ie.integrations.server.batching import Batcher
from joint_ie.integrations.server.limits import Limits
from joint_ie.integrations.server.refusal import Refusal
from joint_ie.integrations.server.running import allow_connections, bind

OFFERED = ("application/json", "text/turtle", "application/ld+json", "text/html")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/turtle", "text/turtle"),
        ("TEXT/Turtle", "text/turtle"),
        ("text/*", "text/turtle"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),  # browsers
        ("text/turtle;q=0.5, application/ld+json;q=0.7", "application/ld+json"),
        ("text/turtle;q=0.5, application/ld+json;q=0.50", "text/turtle"),
        ("*/*, text/turtle", "text/turtle"),
        ("*/*;q=0.9, text/turtle;q=0.8", "application/json"),
        ("text/turtle;q=0, text/*", "text/html"),
        ("application/json;q=0, */*", "text/turtle"),
        ('application/ld+json;profile="a, b;q=0.1"; q=0.9, text/html;q=0.8', "application/ld+json"),
        ("text/turtle;q=1.000 ;level=1, */*;q=0.9", "text/turtle"),
        ("application/json;q=0", None),
        ("text/plain", None),
        ("*/*;q=0", None),
        ("text/turtle;q=2", None),  # malformed
        ("nonsense", None),
        ("*/json", None),
    ],
)
def test_the_preferred_form(accept: str, expected: str | None) -> None:
    assert preferred(accept, OFFERED) == expected


@given(st.text(alphabet='textrulhmjson/*;,q=.01" \\', max_size=60))
def test_no_accept_header_is_too_strange(accept: str) -> None:
    assert preferred(accept, OFFERED) in (*OFFERED, None)


def test_no_accept_header_takes_long() -> None:
    start = time.process_time()
    for accept in ('"' + '\\"' * 20_000, "text/html;q=" + " " * 40_000 + "x y", "a/b," * 10_000, "a/b;" * 10_000):
        assert preferred(accept, OFFERED) is None
    assert time.process_time() - start < 2


def test_addresses_of_this_machine() -> None:
    assert all(map(is_loopback, ("localhost", "LocalHost", "127.0.0.1", "127.8.9.1", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.example.org", "127.0.0.1.nip.io", "")))


def test_limits_have_bounds() -> None:
    with pytest.raises(InputError, match="waiting = 0"):
        Limits(waiting=0)
    with pytest.raises(InputError, match="timeout = 0"):
        Limits(timeout=0.0)


def test_tokens_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    monkeypatch.delenv("JOINT_IE_TOKEN", raising=False)
    assert read_token(None) is None
    monkeypatch.setenv("JOINT_IE_TOKEN", "environment")
    assert read_token(None) == "environment"
    file.write_text("from-a.file\n")
    assert read_token(file) == "from-a.file"
    for wrong in ("", " \n", "two words", "é"):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(InputError, match="one token"):
            read_token(file)
    monkeypatch.setenv("JOINT_IE_TOKEN", "")  # set, so somebody wanted one
    with pytest.raises(InputError, match="JOINT_IE_TOKEN"):
        read_token(None)


def test_addresses_that_cannot_be_used() -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(InputError, match="cannot be used"):
            bind("127.0.0.1", taken.getsockname()[1])
    for host in ("no.such.name.invalid", "203.0.113.1", "a..b", "a" * 64):
        with pytest.raises(InputError, match=f"{host} port 0: cannot be used"):
            bind(host, 0)
    with pytest.raises(InputError, match="port = 70000"):
        bind("127.0.0.1", 70_000)


def test_connections_are_more_than_most_systems_give() -> None:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, most))
        allow_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(8192, most), most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        allow_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))


SMALL = Limits(bytes=500, texts=2, characters=20)


def asked(data: Any) -> Any:
    return parse(json.dumps(data).encode(), SMALL)


def test_what_is_asked() -> None:
    one = asked({"text": "Bob"})
    assert (one.items, one.listed, one.min_score) == ((("text-1", "Bob"),), False, 0.0)
    two = asked({"text": ["Bob", ""], "id": ["b", "a"], "min_score": 1})
    assert (two.items, two.listed, two.min_score) == ((("b", "Bob"), ("a", "")), True, 1.0)
    assert asked({"text": ["x" * 20], "id": None, "min_score": None}).items == (("text-1", "x" * 20),)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "not valid JSON"),
        (b"{", 400, "at character 1"),
        (b"\xef\xbb\xbf{}", 422, '"text" is missing'),  # a byte order mark
        (b"\xff{}", 400, "not UTF-8 (at byte 0)"),
        ("{}".encode("utf-16"), 400, "UTF-8"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"9" * 10_000, 400, "number too long"),
        (b"[]", 422, "is a list"),
        (b'"Bob"', 422, "is a string"),
        (b"{}", 422, '"text" is missing'),
        (b'{"text": 3}', 422, "text should be a string, or a list, but is a number"),
        (b'{"text": null}', 422, "is null"),
        (b'{"text": []}', 422, "empty list"),
        (b'{"text": ["a", {}]}', 422, "text[1] should be a string, but is an object"),
        (b'{"text": "a", "texts": ""}', 422, '"texts" is unknown'),
        (b'{"text": "a", "\\ud800": ""}', 422, '"\\ud800" is unknown'),
        (b'{"text": ["a", "b", "c"]}', 413, "3 strings, and 2"),
        (
            b'{"text": "aaaaaaaaaaaaaaaaaaaaa"}',
            413,
            "21 characters, and 20 are allowed; send it in parts, or start the server with a larger --max-characters",
        ),
        (b'{"text": "a", "id": ["a"]}', 422, "id should be a string where text is one"),
        (b'{"text": ["a"], "id": "a"}', 422, "and a list where text is a list"),
        (b'{"text": "a", "id": 1}', 422, "id should be a string"),
        (b'{"text": ["a"], "id": ["a", "b"]}', 422, "id has 2 strings, and text 1"),
        (b'{"text": ["a", "b"], "id": ["a", "a"]}', 422, "twice"),
        (b'{"text": "a", "id": "' + b"a" * 1001 + b'"}', 413, "1,001 characters, and 1,000"),
        (b'{"text": "a \\ud800"}', 422, "half of a surrogate pair"),
        (b'{"text": "a", "id": "\\udc00"}', 422, "half of a surrogate pair"),
        (b'{"text": "a", "min_score": 2}', 422, "min_score"),
        (b'{"text": "a", "min_score": true}', 422, "min_score"),
        (b'{"text": "a", "min_score": NaN}', 422, "min_score"),
        (b'{"text": "a", "min_score": "0.5"}', 422, "min_score"),
    ],
)
def test_what_cannot_be_asked(body: bytes, status: int, told: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(body, SMALL)
    assert caught.value.status == status
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "id", "min_score"]), inner),
)


@given(
    json_values | st.fixed_dictionaries({"text": json_values}, optional={"id": json_values, "min_score": json_values})
)
def test_anything_else_is_refused(data: Any) -> None:
    try:
        items = asked(data).items
    except Refusal as refusal:
        assert refusal.status in (413, 422)
    else:
        assert len(dict(items)) == len(items) <= SMALL.texts


class Recorder:
    """An extractor that notes what it is given together, and cannot stand texts with "bad"."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def pipe(self, items: Sequence[tuple[str, str]], batch_words: int) -> Any:
        self.calls.append([text for _, text in items])
        for id, text in items:
            if "bad" in text:
                raise (InputError if "input" in text else RuntimeError)(f"{id} is bad")
            yield Document(id, text, (), ())


def batched(batch_words: int, *requests: Sequence[str]) -> tuple[list[list[str]], list[Any]]:
    """Calls of the extractor, and what became of the requests, which all wait before the model's thread begins."""
    extractor = Recorder()

    async def run() -> list[Any]:
        batcher = Batcher(extractor, batch_words)
        waiting = [
            asyncio.create_task(batcher.extract([(f"{n}-{i}", text) for i, text in enumerate(texts)]))
            for n, texts in enumerate(requests)
        ]
        await asyncio.sleep(0)
        serving = asyncio.create_task(batcher.run())
        results = await asyncio.gather(*waiting, return_exceptions=True)
        serving.cancel()
        batcher.close()
        return results

    results = asyncio.run(run())
    return extractor.calls, [r if isinstance(r, Exception) else [d.text for d in r] for r in results]


def test_what_waits_is_taken_together() -> None:
    calls, results = batched(100, ["a"], ["b", "c"], ["d"])
    assert calls == [["a", "b", "d", "c"]]  # in turns, and split again
    assert results == [["a"], ["b", "c"], ["d"]]


def test_texts_take_turns_up_to_a_number_of_words() -> None:
    many = [f"many {i}" for i in range(5)]  # two words each, by their characters
    calls, results = batched(4, many, ["few"])
    assert calls == [["many 0", "few", "many 1"], ["many 2", "many 3"], ["many 4"]]
    assert results == [many, ["few"]]
    assert batched(1, ["a"], ["b", "c"])[0] == [["a"], ["b"], ["c"]]
    assert batched(10, ["a" * 600], ["b"], ["c"])[0] == [["a" * 600], ["b", "c"]]


def test_a_request_that_fails_fails_alone() -> None:
    calls, results = batched(100, ["a", "b"], ["bad input", "never asked alone"], ["bad"], ["c"])
    assert [results[0], results[3]] == [["a", "b"], ["c"]]
    assert isinstance(results[1], InputError) and str(results[1]) == "1-0 is bad"
    assert isinstance(results[2], RuntimeError) and str(results[2]) == "2-0 is bad"
    assert len(calls[0]) == 6 and ["never asked alone"] not in calls[1:]


def test_who_goes_away_is_not_served() -> None:
    extractor = Recorder()

    async def run() -> None:
        batcher = Batcher(extractor, 100)
        tasks = [asyncio.create_task(batcher.extract([("id", text)] * 3)) for text in ("a", "b")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        assert len(batcher._jobs) == 1
        serving = asyncio.create_task(batcher.run())
        await tasks[1]
        serving.cancel()
        batcher.close()

    asyncio.run(run())
    assert extractor.calls == [["b", "b", "b"]]
