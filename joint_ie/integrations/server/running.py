"""A socket that is served until a signal stops it."""

import asyncio
import signal
import socket

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from joint_ie.errors import InputError, check_range
from joint_ie.integrations.server.guard import Guard

STOP_SECONDS = 25  # for requests that run when the server is stopped; others often kill after 30


class _Impatient(H11Protocol):
    """Closes connections on which the head of a request, or the rest of a body that nobody wants, comes too slowly."""

    seconds = 10.0
    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:  # `asking` has an eye on the body
            self._stop_watching()
        elif self._closing is None:
            self._closing = self.loop.call_later(self.seconds, self.transport.close)

    def _stop_watching(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None


def bind(host: str, port: int) -> socket.socket:
    """A socket at that address, which does not listen yet."""
    check_range("port", port, 0, 65_535)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise InputError(
            f"{host} port {port}: cannot be used ({error.strerror}); name others with --host and --port"
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """Where to find the server."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def make_server(application: Guard, stop_seconds: int = STOP_SECONDS) -> uvicorn.Server:
    """A server for `uvicorn.Server.run`, with the sockets to serve."""

    class Protocol(_Impatient):
        seconds = application.limits.body_seconds

    config = uvicorn.Config(
        application,
        http=Protocol,
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=stop_seconds,
    )
    return uvicorn.Server(config)


def serve(application: Guard, listener: socket.socket, stop_seconds: int = STOP_SECONDS) -> None:
    """Serve until SIGTERM or SIGINT: what runs then is finished if it does not take longer than that, nothing begun."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal again, once it is done
    make_server(application, stop_seconds).run(sockets=[listener])
