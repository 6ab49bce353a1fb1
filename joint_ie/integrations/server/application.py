"""What the server answers, by path."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.extraction import Extractor, without_weak
from joint_ie.integrations.server.accept import preferred
from joint_ie.integrations.server.answers import FORMS
from joint_ie.integrations.server.asking import Asked, parse, read_body
from joint_ie.integrations.server.batching import Batcher
from joint_ie.integrations.server.front import front_page, manual
from joint_ie.integrations.server.guard import EXTRACT, Guard
from joint_ie.integrations.server.limits import Limits
from joint_ie.integrations.server.openapi import EXTRACTION, REFUSALS
from joint_ie.integrations.server.refusal import RETRY, Refusal, refused

_CHUNK = 65_536  # bytes: more is not handed to a client that does not read
_GONE = 499  # nobody reads it
_NO_TELEMETRY: Any = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}

T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """The model that a server answers with, as ``GET /model`` tells of it."""

    name: str
    language: str


def create_application(
    batcher: Batcher, served: Served, limits: Limits, token: str | None = None, host: str | None = None
) -> Guard:
    """The ASGI application around a model; see `Guard` for ``token`` and ``host``."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(batcher.run())
        yield
        running.cancel()
        batcher.close()

    app = FastAPI(
        title="joint-ie",
        version=version("joint-ie"),
        summary="Texts in, entities and relations out.",
        docs_url=None,  # FastAPI's load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=_NO_TELEMETRY,
    )
    app.add_exception_handler(Refusal, _answer_refusal)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_failure)

    @app.post(EXTRACT, summary="Find entities and relations", responses=REFUSALS, openapi_extra=EXTRACTION)
    async def extract(request: Request) -> Response:
        """Answers with a Document, a list of them for a list of texts, or what Accept asks for."""
        asked = parse(await read_body(request, limits), limits)  # the body is not kept
        media_type = preferred(", ".join(request.headers.getlist("accept")), tuple(FORMS))
        if media_type is None:
            raise Refusal(406, f"Accept asks for no form that there is; there are {', '.join(FORMS)}")
        documents = await _while_there(request, _extracted(batcher, asked, limits))
        answer = await asyncio.to_thread(FORMS[media_type], documents, asked.listed)
        headers = {"Content-Length": str(len(answer)), "Vary": "Accept"}
        if media_type == "text/html":  # the page has a policy for the rest
            headers["Content-Security-Policy"] = "sandbox allow-scripts; frame-ancestors 'none'"
        return StreamingResponse(_chunks(answer), headers=headers, media_type=media_type)

    @app.get("/model", summary="What the model knows, and what may be asked of it", response_description="Its types")
    async def model() -> JSONResponse:
        return JSONResponse(_description(batcher.extractor, served, limits))

    @app.get("/health", summary="Whether the server is there", response_description="It is")
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.get("/", include_in_schema=False)
    async def front() -> HTMLResponse:
        page, policy = front_page()
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page, policy = manual(app.openapi())
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    return Guard(app, limits, token, host)


async def _extracted(batcher: Batcher, asked: Asked, limits: Limits) -> list[Document]:
    """The Documents of a request, without relations below its score."""
    try:
        async with asyncio.timeout(limits.timeout):
            documents = await batcher.extract(asked.items)
    except TimeoutError:
        raise Refusal(
            503, f"there was no answer within {limits.timeout:g} seconds; try again later, or with less text", RETRY
        ) from None
    except InputError as error:
        raise Refusal(422, str(error)) from None
    return [without_weak(document, asked.min_score) for document in documents]  # a batch has requests that differ in it


async def _while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of some work, which is cancelled when the client goes away."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks = working, leaving = asyncio.create_task(work), asyncio.create_task(gone())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _chunks(body: bytes) -> AsyncIterator[memoryview]:
    for start in range(0, len(body), _CHUNK):
        yield memoryview(body)[start : start + _CHUNK]


def _description(extractor: Extractor, served: Served, limits: Limits) -> Mapping[str, Any]:
    return {
        "name": served.name,
        "language": served.language,
        "versions": dict(_versions()),
        "device": str(extractor.model.device),
        "precision": "bf16" if extractor.precision == "bf16" else "32 bits",
        "encoder": f"{extractor.engine}, 8 bits" if extractor.int8 else extractor.engine,
        **extractor.schema.to_dict(),
        "limits": asdict(limits),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for package in ("joint-ie", "torch", "transformers"):
        yield package, version(package)


async def _answer_refusal(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return error.response()


async def _answer_nobody(_: Request, error: Exception) -> Response:
    return Response(status_code=_GONE)


async def _answer_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return refused(error.status_code, f"{error.detail}; see /docs".lower(), error.headers)


async def _answer_failure(_: Request, error: Exception) -> JSONResponse:
    """The error itself goes to the server's log."""
    return refused(500, "the server failed at this request; whoever runs it finds why in its log")
