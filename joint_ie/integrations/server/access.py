"""From whom a server accepts requests: who knows its token, and who is on this machine."""

import ipaddress
import os
import re
from pathlib import Path

from joint_ie.corpora.files import decode, read_bytes
from joint_ie.errors import InputError

TOKEN_VARIABLE = "JOINT_IE_TOKEN"
_TOKEN = re.compile(r"[!-~]+")  # what an HTTP header can hold without quoting


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
