"""What a request asks for: its body, received within limits of size and time, and checked."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from joint_ie.document_json import kind_of
from joint_ie.errors import InputError
from joint_ie.integrations.server.batching import Item
from joint_ie.integrations.server.limits import Limits
from joint_ie.integrations.server.refusal import CLOSE, Refusal
from joint_ie.text import check_text

DISCARDED = 10  # times the limit: what is received of a body that is not wanted, so that the client reads why

_ID = 1000  # characters: every mention of a graph repeats its document's

EXAMPLE = {"text": "Marie Curie was born in Warsaw.", "id": "curie", "min_score": 0.5}


@dataclass(frozen=True)
class Asked:
    """Texts with their ids; ``listed`` where the request had a list, as the answer then has."""

    items: tuple[Item, ...]
    listed: bool
    min_score: float


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body of a request with JSON; what is too large is not kept, and what comes too slowly not waited for."""
    declared = request.headers.get("content-length", "")
    # whoever asks first (Expect: 100-continue) reads the answer before sending; others send all before they read
    most = limits.bytes if "expect" in request.headers else DISCARDED * limits.bytes
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(limits)
    body = bytearray()
    received = 0
    try:
        async with asyncio.timeout(limits.body_timeout):
            async for chunk in request.stream():
                received += len(chunk)
                if received <= limits.bytes:
                    body += chunk
                elif received > DISCARDED * limits.bytes:
                    break
    except TimeoutError:
        raise Refusal(
            408, f"the request did not arrive within {limits.body_timeout:g} seconds; send it again, faster", CLOSE
        ) from None
    if received > limits.bytes:
        raise _too_large(limits)
    _check_headers(request)
    return bytes(body)


def _check_headers(request: Request) -> None:
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    if media_type.strip() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Refusal(415, "the body should be JSON in UTF-8; send it with Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "the body should not be compressed; send it without Content-Encoding")


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"the body has more than {limits.bytes:,} bytes; send fewer texts in a request", CLOSE)


def parse(body: bytes, limits: Limits) -> Asked:
    """The body of ``POST /extract``; raises `Refusal`, saying what to correct."""
    data = _json(body)
    if not isinstance(data, dict):
        raise _wrong(f"the body should be an object such as {json.dumps(EXAMPLE)}, but is {kind_of(data)}")
    unknown = [key for key in data if key not in EXAMPLE]
    if unknown:
        raise _wrong(f"field {json.dumps(unknown[0][:100])} is unknown; known are {', '.join(EXAMPLE)}")
    if "text" not in data:
        raise _wrong('field "text" is missing; give a string, or a list of strings')
    listed = isinstance(data["text"], list)
    texts = _strings(data["text"], "text")
    if not texts:
        raise _wrong("text should hold at least one string, but is an empty list")
    if len(texts) > limits.texts:
        raise Refusal(413, f"text has {len(texts):,} strings, and {limits.texts:,} are allowed; send several requests")
    items = tuple(zip(_ids(data.get("id"), texts, listed), texts, strict=True))
    for id, text in items:
        _check_text(id, text, limits)
    return Asked(items, listed, _min_score(data.get("min_score")))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8 (at byte {error.start}); encode it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise Refusal(400, f"the body is not valid JSON ({error.msg}, at character {error.pos}); correct it") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists of thousands of lists
        raise Refusal(400, "the body is JSON that is nested too deeply or has a number too long; correct it") from None


def _strings(value: Any, field: str) -> Sequence[str]:
    strings = value if isinstance(value, list) else [value]
    for i, string in enumerate(strings):
        if not isinstance(string, str):
            where = f"{field}[{i}] should be a string" if strings is value else f"{field} should be a string, or a list"
            raise _wrong(f"{where}, but is {kind_of(string)}")
    return strings


def _ids(value: Any, texts: Sequence[str], listed: bool) -> Sequence[str]:
    """Those that are given, else numbers."""
    if value is None:
        return [f"text-{number}" for number in range(1, len(texts) + 1)]
    if isinstance(value, list) != listed:
        raise _wrong("id should be a string where text is one, and a list where text is a list")
    ids = _strings(value, "id")
    if len(ids) != len(texts):
        raise _wrong(f"id has {len(ids):,} strings, and text {len(texts):,}; give an id for each text, or none")
    if len(set(ids)) < len(ids):
        raise _wrong("id has a string twice; give every text another")
    longest = max(map(len, ids))
    if longest > _ID:
        raise Refusal(413, f"an id has {longest:,} characters, and {_ID:,} are allowed; give a shorter one")
    return ids


def _check_text(id: str, text: str, limits: Limits) -> None:
    if len(text) > limits.characters:
        raise Refusal(
            413,
            f"a text has {len(text):,} characters, and {limits.characters:,} are allowed; "
            "send it in parts, or start the server with a larger --max-characters",
        )
    try:
        check_text(id, id)
        check_text(text, id)
    except InputError as error:
        raise _wrong(str(error)) from None


def _min_score(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _wrong("min_score should be a number from 0 to 1")
    return float(value)


def _wrong(sentence: str) -> Refusal:
    return Refusal(422, sentence)
