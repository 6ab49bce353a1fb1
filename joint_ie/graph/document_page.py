"""Extracted documents as one HTML file: the text with its mentions, and beside it the graph of its relations.

The file needs nothing else, loads nothing and sends nothing: its content security policy allows its own scripts and
style only, by their hashes. What comes from documents is in it as JSON that holds no ``<``, ``>`` or ``&``; the script
puts it on the page as text, never as HTML. Without JavaScript the texts and lists of relations are shown.

The graph is drawn by Cytoscape.js (``page/vendor``, MIT licence).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from joint_ie.colours import hues
from joint_ie.document import Document, Entity
from joint_ie.html import SHARED_SCRIPT, as_html, as_json, fill, inline, javascript_offsets, page_part

_SCRIPTS = ("common.js", "drawing.js", "labels.js", "text.js", "graph.js", "lists.js", "start.js")
_EMPTY = '<p class="note">There is nothing to show: no document was read.</p>\n'


def document_page(documents: Iterable[Document], title: str) -> str:
    """The page as text, to be saved as UTF-8; all documents are in it, so it grows with them."""
    documents = tuple(documents)
    style, script = _part("page.css"), SHARED_SCRIPT + "".join(_part(name) for name in _SCRIPTS)
    library = _part("vendor", "cytoscape.min.js")
    parts = {
        "TITLE": as_html(title),
        "TEXTS": "".join(_static(document) for document in documents),
        "EMPTY": "" if documents else _EMPTY,
        "DATA": as_json(page_data(documents, title)),
    }
    return fill(_part("page.html"), inline(STYLE=style, SCRIPT=script, LIBRARY=library) | parts)


def page_data(documents: Sequence[Document], title: str) -> dict[str, Any]:
    """What the script shows: ``types`` are those of entities, the most frequent first, ``hues`` their colours.

    Entities are ``[place in types, name, score, mentions]``, relations ``[head, tail, label, type, score, evidence,
    kind of evidence]``; mentions and sentences are half-open character spans as JavaScript counts them.
    """
    counts = Counter(entity.type for document in documents for entity in document.entities)
    types = sorted(counts, key=lambda type: (-counts[type], type))
    places = {type: place for place, type in enumerate(types)}
    colours = hues(types)
    return {
        "title": title,
        "types": types,
        "hues": [colours[type] for type in types],
        "documents": [_record(document, places) for document in documents],
    }


def _record(document: Document, places: dict[str, int]) -> dict[str, Any]:
    offset = javascript_offsets(document.text)
    sentences = []
    position = 0
    for start, end in document.sentence_spans:
        first = document.tokens[start][0] if start < end else position
        position = document.tokens[end - 1][1] if start < end else position
        sentences.append((offset(first), offset(position)))
    return {
        "id": document.id,
        "text": document.text,
        "sentences": sentences,
        "entities": [[places[e.type], e.name, e.score, _spans(e, offset)] for e in document.entities],
        "relations": None
        if document.relations is None
        else [
            [r.head, r.tail, r.label or r.type, r.type, r.score, sorted(set(r.evidence)), r.evidence_kind]
            for r in document.relations
        ],
    }


def _spans(entity: Entity, offset: Callable[[int], int]) -> list[tuple[int, int]]:
    return sorted({(offset(mention.char_start), offset(mention.char_end)) for mention in entity.mentions})


def _static(document: Document) -> str:
    """What is read where JavaScript is off."""
    lines = [
        f"<li>{as_html(f'{triple.head.name} → {triple.relation} → {triple.tail.name}')}"
        f"{'' if triple.score is None else f' ({triple.score:.2f})'}</li>"
        for triple in document.triples()
    ]
    listed = f"<ul>{''.join(lines)}</ul>" if lines else ""
    return (
        f'<section><h2 dir="auto">{as_html(document.id)}</h2>'
        f'<p class="plain" dir="auto">{as_html(document.text)}</p>{listed}</section>\n'
    )


def _part(*path: str) -> str:
    return page_part("joint_ie.graph", *path)
