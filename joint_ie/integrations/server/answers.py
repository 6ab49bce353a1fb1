"""Documents in the form that a client prefers."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from joint_ie.document import Document
from joint_ie.graph import GraphStore
from joint_ie.graph.document_page import document_page
from joint_ie.graph.formats import FORMATS
from joint_ie.graph.vocabulary import Names

Render = Callable[[Sequence[Document], bool], bytes]  # with whether the request had a list


def _json(documents: Sequence[Document], listed: bool) -> bytes:
    records = [document.to_dict() for document in documents]
    return _encode(json.dumps(records if listed else records[0], ensure_ascii=False))


def _lines(documents: Sequence[Document], listed: bool) -> bytes:
    return b"".join(_json([document], False) + b"\n" for document in documents)


def _page(documents: Sequence[Document], listed: bool) -> bytes:
    return _encode(document_page(documents, "Extracted by joint-ie"))


def _graph(form: str) -> Render:
    """One graph of all documents of a request, merged as `joint-ie graph build` does unless told otherwise."""

    def render(documents: Sequence[Document], listed: bool) -> bytes:
        with TemporaryDirectory(prefix="joint-ie-") as folder:
            target = Path(folder) / "graph"
            with GraphStore.create(Path(folder) / "store") as graph:
                graph.add(documents)
                FORMATS[form].export(graph, target, Names())
            return target.read_bytes()

    return render


def _encode(text: str) -> bytes:
    return text.encode(errors="backslashreplace")  # as the command writes files


FORMS: Mapping[str, Render] = {
    "application/json": _json,
    "application/x-ndjson": _lines,
    "text/turtle": _graph("turtle"),
    "application/ld+json": _graph("jsonld"),
    "text/html": _page,
}
"""How to write Documents, by media type; the first is what clients get that do not ask for any."""
