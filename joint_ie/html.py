"""What pages of one self-contained file share: safe JSON, hashes for the content security policy, their parts."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any

SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs, which UTF-8 cannot hold."""

# What could end the script element, line separators, and halves of surrogate pairs.
_UNSAFE = re.compile(f"[<>&\u2028\u2029]|{SURROGATES.pattern}")


def as_json(data: Any) -> str:
    """JSON that is safe inside a script element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # All of these characters can be in strings only, where an escape means the same.
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_html(text: str) -> str:
    """Text that is safe between tags and in quoted attributes."""
    return escape(SURROGATES.sub("\ufffd", text))


def page_part(package: str, *path: str) -> str:
    """A file that is shipped in the package's folder ``page``."""
    return resources.files(package).joinpath("page", *path).read_text(encoding="utf-8")


def policy_hash(text: str) -> str:
    """As content security policies name an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with every ``@NAME@`` replaced by its part; what a part holds is not looked at again."""
    return re.sub("@([A-Z_]+)@", lambda match: parts[match[1]], template)
