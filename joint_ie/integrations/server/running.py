"""A socket that is served until a signal stops it."""

import asyncio
import signal
import socket
import sys

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from joint_ie.errors import InputError, check_range
from joint_ie.integrations.server.guard import Guard

STOP_SECONDS = 25  # for requests that run when the server is stopped; others often kill after 30
_OPEN_FILES = 8192


class _Impatient(H11Protocol):
    """Closes connections of clients that are slow with the head of a request, with the rest of a body that nobody
    wants, or at taking a piece of their answer.
    """

    seconds = 10.0
    _closing: asyncio.TimerHandle | None = None
    _dropping: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # writing pauses as soon as anything is not taken
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()
        self._stop_dropping()

    def pause_writing(self) -> None:
        super().pause_writing()
        # closing would wait until all is taken
        self._dropping = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_dropping()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:  # `asking` has an eye on the body
            self._stop_watching()
        elif self._closing is None:
            self._closing = self.loop.call_later(self.seconds, self.transport.close)

    def _stop_watching(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _stop_dropping(self) -> None:
        if self._dropping is not None:
            self._dropping.cancel()
            self._dropping = None


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
    except (OSError, UnicodeError) as error:  # the latter for a name with an empty or a long part
        reason = error.strerror if isinstance(error, OSError) else "not a name"
        raise InputError(f"{host} port {port}: cannot be used ({reason}); name others with --host and --port") from None
    return listener


def address(listener: socket.socket) -> str:
    """Where to find the server."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def make_server(application: Guard, stop_seconds: int = STOP_SECONDS) -> uvicorn.Server:
    """A server for `uvicorn.Server.run`, with the sockets to serve."""

    class Protocol(_Impatient):
        seconds = application.limits.body_timeout

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
    allow_connections()
    make_server(application, stop_seconds).run(sockets=[listener])


def allow_connections() -> None:
    """Ask for more open files, which connections are, than the 1,024 that many systems give a process at first."""
    if sys.platform != "win32":
        import resource

        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(_OPEN_FILES, most)
        if now != resource.RLIM_INFINITY and now < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
