"""The pages of the server: one to try it, one that says how it is called. They load nothing from elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from joint_ie.graph.document_page import document_page
from joint_ie.html import as_html, fill, page_part, policy_hash

_POLICY = re.compile(r"<meta http-equiv=\"Content-Security-Policy\" content=\"([^\"]+)\">")
_COMMON = "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def front_page() -> tuple[str, str]:
    """The page with the text box, and its content security policy.

    What was extracted is shown in a frame without any rights (``sandbox``) but to run its own scripts. Such a frame is
    under the policy of the page that it is in as well, so that one allows, by hash, the scripts and style of both.
    """
    style, script = _part("server.css"), _part("server.js")
    page = fill(_part("server.html"), {"STYLE": style, "SCRIPT": script})
    shown = dict(_directives(document_page((), "")))
    policy = (
        f"default-src 'none'; style-src '{policy_hash(style)}' {shown['style-src']}; "
        f"script-src '{policy_hash(script)}' {shown['script-src']}; connect-src 'self'; {_COMMON}"
    )
    return page, policy


def manual(schema: Mapping[str, Any]) -> tuple[str, str]:
    """What OpenAPI says of the server as a page without scripts, and its content security policy."""
    style = _part("server.css")
    calls = "".join(
        _call(method, path, call) for path, methods in schema["paths"].items() for method, call in methods.items()
    )
    title = f"{schema['info']['title']} {schema['info']['version']}"
    page = fill(_part("manual.html"), {"STYLE": style, "TITLE": as_html(title), "CALLS": calls})
    return page, f"default-src 'none'; style-src '{policy_hash(style)}'; {_COMMON}"


def _call(method: str, path: str, call: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{as_html(status)}</td><td>{as_html(answer['description'])}</td>"
        f"<td>{as_html(', '.join(answer['content']) if status == '200' else 'error')}</td></tr>"
        for status, answer in call["responses"].items()
    )
    body = call.get("requestBody", {}).get("content", {}).get("application/json")
    asked = ""
    if body:
        fields = "".join(
            f"<li><code>{as_html(name)}</code>: {as_html(field['description'])}</li>"
            for name, field in body["schema"]["properties"].items()
        )
        asked = f"<ul>{fields}</ul><pre>{as_html(json.dumps(body['example'], indent=2))}</pre>"
    return (
        f"<section><h2><code>{as_html(method.upper())} {as_html(path)}</code></h2><p>{as_html(call['summary'])}</p>"
        f"<p>{as_html(call.get('description', ''))}</p>{asked}<table>{rows}</table></section>"
    )


def _directives(page: str) -> Iterator[tuple[str, str]]:
    found = _POLICY.search(page)
    for directive in found[1].split(";") if found else ():
        name, _, sources = directive.strip().partition(" ")
        yield name, sources


def _part(name: str) -> str:
    return page_part("joint_ie.integrations.server", name)
