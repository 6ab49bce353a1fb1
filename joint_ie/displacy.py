"""Documents in the form that spaCy's displaCy draws, and what notebooks show of a `Document`.

```python
from spacy import displacy
displacy.render(spans(document), style="span", manual=True, options=span_options(document))
displacy.render(arcs(document), style="dep", manual=True)
```

displaCy writes labels, tags and titles into its markup as they are, and escapes words only; so all labels and tags
are escaped here.
"""

from typing import Any

from joint_ie.colours import hues
from joint_ie.document import Document, Relation
from joint_ie.html import SURROGATES, as_html

ROWS = 100  # relations that a notebook shows at most
SENTENCES = 200  # sentences that a notebook shows at most


def spans(document: Document) -> list[dict[str, Any]]:
    """For style "span", one item a sentence: nested and overlapping mentions are drawn below each other.

    A mention across the end of a sentence is cut there.
    """
    items = []
    inside: list[list[tuple[int, int, str]]] = [[] for _ in document.sentence_spans]
    for first, last, type in sorted({(m.start, m.end, e.type) for e in document.entities for m in e.mentions}):
        for sentence in range(document.token_sentence[first], document.token_sentence[last - 1] + 1):
            inside[sentence].append((first, last, type))
    for (start, end), mentions in zip(document.sentence_spans, inside, strict=True):
        items.append(
            {
                "tokens": list(document.words[start:end]),
                "spans": [
                    {
                        "start_token": max(first, start) - start,
                        "end_token": min(last, end) - start,
                        "label": as_html(type),
                    }
                    for first, last, type in mentions
                ],
            }
        )
    return items


def span_options(document: Document) -> dict[str, Any]:
    """Options for style "span": a colour for every type, light enough for the black label on it."""
    colours = hues(entity.type for entity in document.entities)
    return {"colors": {as_html(type).upper(): f"hsl({hue}, 65%, 72%)" for type, hue in colours.items()}}


def arcs(document: Document, min_score: float = 0.0) -> dict[str, Any]:
    """For style "dep": entities that stand in relations as words, in the order of the text, with relations as arcs.

    A relation of an entity with itself has no arc (displaCy cannot draw it), one below ``min_score`` neither.
    """
    shown = [r for r in document.relations or () if r.head != r.tail and (r.score is None or r.score >= min_score)]
    used = sorted(
        {entity for relation in shown for entity in (relation.head, relation.tail)},
        key=lambda entity: (min(mention.span for mention in document.entities[entity].mentions), entity),
    )
    places = {entity: place for place, entity in enumerate(used)}
    words = [{"text": document.entities[i].name, "tag": as_html(document.entities[i].type)} for i in used]
    return {"words": words, "arcs": [_arc(relation, places) for relation in shown]}


def _arc(relation: Relation, places: dict[int, int]) -> dict[str, Any]:
    head, tail = places[relation.head], places[relation.tail]
    return {
        "start": min(head, tail),
        "end": max(head, tail),
        "label": as_html(relation.label or relation.type),
        "dir": "right" if head < tail else "left",
    }


def notebook_html(document: Document) -> str:
    """The text with its mentions, drawn by displaCy, and a table of the best relations: for ``_repr_html_``."""
    from spacy import displacy  # takes a second, and loads torch

    drawn = displacy.render(
        spans(document)[:SENTENCES], style="span", manual=True, jupyter=False, options=span_options(document)
    )
    more = len(document.sentence_spans) - SENTENCES
    cut = f"<p>… and {more:,} more sentences</p>" if more > 0 else ""
    text = SURROGATES.sub("\ufffd", f"{drawn}{cut}")
    return f"<div><strong>{as_html(document.id)}</strong>{text}{_table(document)}</div>"


def _table(document: Document) -> str:
    relations = sorted(document.relations or (), key=lambda r: -1.0 if r.score is None else -r.score)
    if not relations:
        return ""
    rows = "".join(f"<tr>{_row(document, relation)}</tr>" for relation in relations[:ROWS])
    heads = "".join(f"<th>{name}</th>" for name in ("head", "relation", "tail", "score", "evidence"))
    more = len(relations) - ROWS
    cut = f"<p>… and {more:,} more relations</p>" if more > 0 else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{cut}"


def _row(document: Document, relation: Relation) -> str:
    cells = (
        document.entities[relation.head].name,
        relation.label or relation.type,
        document.entities[relation.tail].name,
        "" if relation.score is None else f"{relation.score:.2f}",
        " ".join(document.sentences[i].text for i in relation.evidence),
    )
    return "".join(f'<td style="text-align: left">{as_html(cell)}</td>' for cell in cells)
