"""What pages of one self-contained file share: safe JSON, hashes for the content security policy, their parts."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from html import escape
from importlib import resources
from itertools import accumulate
from typing import Any

SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs, which UTF-8 cannot hold."""

SHARED_SCRIPT = """\
// What all pages share
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

const name = (text) => make("bdi", text, "name"); // its direction of writing stays its own

// Scrolls a box, and never the page, so that it shows the first of these elements.
function reveal(box, elements) {
  if (!elements.length) return;
  const { top, height } = box.getBoundingClientRect();
  const places = elements.map((element) => element.getBoundingClientRect());
  const first = Math.min(...places.map((place) => place.top)) - top;
  const last = Math.max(...places.map((place) => place.bottom)) - top;
  if (first < 0 || last > height - 30) box.scrollTop += first - 24; // a note may cover its lower end
}

// Up and down in a list, besides the tabulator key
function listKeys(event) {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  buttons[Math.min(Math.max(to, 0), buttons.length - 1)].focus();
}
"""
"""The start of the script of every page: its data, elements whose content is text, and moving in lists."""

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


def javascript_offsets(text: str) -> Callable[[int], int]:
    """From positions in Python's text to JavaScript's, which counts characters beyond U+FFFF twice."""
    if max(text, default="") <= "\uffff":
        return lambda position: position
    return list(accumulate((1 + (character > "\uffff") for character in text), initial=0)).__getitem__


def page_part(package: str, *path: str) -> str:
    """A file that is shipped in the package's folder ``page``."""
    return resources.files(package).joinpath("page", *path).read_text(encoding="utf-8")


def policy_hash(text: str) -> str:
    """As content security policies name an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def inline(**parts: str) -> dict[str, str]:
    """Styles and scripts for `fill`, and the hashes, ``NAME_HASH``, that the page's policy names them by."""
    return parts | {f"{name}_HASH": policy_hash(text) for name, text in parts.items()}


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with every ``@NAME@`` replaced by its part; what a part holds is not looked at again."""
    return re.sub("@([A-Z_]+)@", lambda match: parts[match[1]], template)
