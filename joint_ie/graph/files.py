"""Files that are there whole or not at all, and what several of their formats share."""

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from joint_ie.errors import InputError
from joint_ie.graph.elements import Edge, Node


def use_utf8() -> None:
    """What goes to standard output is a file, and files are UTF-8 everywhere."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


@contextmanager
def whole_file(target: Path, errors: str = "strict") -> Iterator[TextIO]:
    """A text file to write, in UTF-8, which takes its name when it is complete: until then it ends in ``.partial``.

    Line ends are written as they come, and folders made where they are missing. After an error nothing is left, and
    what was there before stays. What is no file (a pipe, ``/dev/stdout``) is written as it is, and never replaced;
    ``-`` is standard output. ``errors`` is what `open` calls so.
    """
    if target == Path("-"):
        use_utf8()
        yield sys.stdout
        return
    # beside what a link stands for, and another process may write there, too
    whole = target.resolve()
    partial = whole.with_name(f"{whole.name}.{os.getpid()}.partial")
    try:
        if target.is_dir():
            raise InputError(f"{target}: is a folder; name a file to write")
        special = target.exists() and not target.is_file()
        whole.parent.mkdir(parents=True, exist_ok=True)
        with (target if special else partial).open("w", encoding="utf-8", errors=errors, newline="") as file:
            yield file
        if not special:
            os.replace(partial, whole)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); choose another place") from None
    finally:
        with suppress(OSError):
            partial.unlink()


def node_record(node: Node) -> dict[str, Any]:
    """A node for JSON."""
    return {
        "id": node.id,
        "type": node.type,
        "name": node.name,
        "names": list(node.names),
        "documents": node.documents,
        "score": node.score,
        "concept": node.concept,
    }


def edge_record(edge: Edge) -> dict[str, Any]:
    """An edge for JSON, with all its provenance."""
    return {
        "head": edge.head,
        "type": edge.type,
        "tail": edge.tail,
        "label": edge.label,
        "confidence": edge.confidence,
        "support": edge.support,
        "provenance": provenance_records(edge),
    }


def provenance_records(edge: Edge) -> list[dict[str, Any]]:
    """Where an edge comes from: documents, entities in them, sentences with their characters and text."""
    return [
        {
            "document": origin.document,
            "head": origin.head,
            "tail": origin.tail,
            "score": origin.score,
            "evidence_kind": origin.evidence_kind,
            "sentences": [
                {"number": number, "start": start, "end": end, "text": text}
                for (number, start, end), text in zip(origin.sentences, origin.texts, strict=True)
            ],
        }
        for origin in edge.provenance
    ]


def property_label(type: str) -> str:
    """A type as label of a property graph: other signs than letters and digits become ``_``."""
    return re.sub(r"\W", "_", type) or "_"
