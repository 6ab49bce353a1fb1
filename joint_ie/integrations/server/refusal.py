"""Requests that are not answered, each with one sentence."""

from collections.abc import Mapping

from starlette.responses import JSONResponse

RETRY = {"Retry-After": "1"}  # seconds
CLOSE = {"Connection": "close"}  # what else the client sends is not read


class Refusal(Exception):
    """Why a request is not answered: an HTTP status, a sentence for people, and headers."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers

    def response(self) -> JSONResponse:
        """``{"error": sentence}``."""
        return refused(self.status, str(self), self.headers)


def refused(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that says in one sentence why it is none."""
    return JSONResponse({"error": sentence}, status, headers)
