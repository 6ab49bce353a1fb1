"""Who may ask, and how much at once: what is decided before a request is read."""

import asyncio
import hmac
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from joint_ie.integrations.server.access import is_loopback
from joint_ie.integrations.server.asking import DISCARDED
from joint_ie.integrations.server.limits import Limits
from joint_ie.integrations.server.refusal import RETRY, Refusal

EXTRACT = "/extract"
_OPEN = frozenset({"/", "/health", "/docs", "/openapi.json"})  # hold nothing that a token should protect
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",  # a page has its own
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses what is addressed to another host, comes without the token, or finds no place.

    Args:
        app: what answers the rest.
        limits: how many extractions may be there at once.
        token: what ``Authorization: Bearer`` must hold, None if anyone may ask.
        host: the only name that the server goes by beside those of this machine, which a page of a foreign name that
            was made to resolve to this machine (DNS rebinding) does not know to say; None to answer to any name.
    """

    def __init__(self, app: ASGIApp, limits: Limits, token: str | None = None, host: str | None = None) -> None:
        self.app = app
        self.limits = limits
        self.present = 0
        self.unanswered = 0  # when the server was stopped
        self._token = None if token is None else token.encode()
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope)
        except Refusal as refusal:
            if "expect" not in Headers(scope=scope):  # else the client sends the body only if it is wanted
                await self._discard(receive)
            await refusal.response()(scope, receive, guarded)
        else:
            await self._pass(scope, receive, guarded)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self._host is not None and not self._is_meant(headers.get("host", "")):
            raise Refusal(421, "this server answers to its own address only; ask localhost")
        if self._token is not None and scope["path"] not in _OPEN:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
                raise Refusal(
                    401, "a token is needed; send it as Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
                )
        if scope["path"] == EXTRACT and self.present >= self.limits.waiting:
            raise Refusal(503, f"{self.present:,} requests are waiting, which is the limit; try again later", RETRY)

    def _is_meant(self, header: str) -> bool:
        name = header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]
        return is_loopback(name) or name.lower() == self._host

    async def _discard(self, receive: Receive) -> None:
        """Receive a body for nothing: clients that send it whole before they read would not see why it is refused."""
        left = DISCARDED * self.limits.bytes
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.body_timeout):
                while left > 0:
                    message = await receive()
                    if not message.get("more_body"):
                        break
                    left -= len(message["body"])

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != EXTRACT:
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        self.present += 1
        try:
            await self.app(scope, receive, watched)
        except asyncio.CancelledError:  # the server stops, and has waited long enough
            self.unanswered += 1
            if not started:
                await Refusal(503, "the server stops; try again later", RETRY).response()(scope, receive, send)
        finally:
            self.present -= 1
