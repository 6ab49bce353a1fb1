"""What a server accepts, and from whom."""

import ipaddress
import os
import re
from dataclasses import dataclass, fields
from pathlib import Path

from joint_ie.corpora.files import decode, read_bytes
from joint_ie.errors import InputError, check_range

TOKEN_VARIABLE = "JOINT_IE_TOKEN"
_TOKEN = re.compile(r"[!-~]+")  # what an HTTP header can hold without quoting


@dataclass(frozen=True)
class Limits:
    """What one request may ask for, and how many may be there at once.

    ``waiting`` counts all extractions that are being received, wait, run or are being answered, so that memory is
    bounded by it times ``bytes``. ``seconds`` is how long a request may take, ``body_seconds`` how long its head and
    its body each may take to arrive.
    """

    bytes: int = 1_000_000
    texts: int = 100
    characters: int = 20_000
    waiting: int = 256
    seconds: float = 120.0
    body_seconds: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type is int:
                check_range(field.name, getattr(self, field.name), 1)
            else:
                check_range(field.name, getattr(self, field.name), above=0)


def read_token(path: Path | None) -> str | None:
    """The token of a file, else that of the environment variable ``JOINT_IE_TOKEN``, else None."""
    if path is not None:
        where, token = str(path), decode(read_bytes(path, 10_000), str(path))
    elif TOKEN_VARIABLE in os.environ:
        where, token = f"environment variable {TOKEN_VARIABLE}", os.environ[TOKEN_VARIABLE]
    else:
        return None
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise InputError(f"{where}: should be one token of letters, digits and signs, without spaces; write one there")
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server at that name or address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
