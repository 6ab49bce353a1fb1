"""The error analysis as one HTML file to look through: every document with both layers, gold and predicted.

The file needs nothing else, loads nothing and sends nothing: its content security policy allows its own script and
style only, by their hashes. What comes from documents is in it as JSON that holds no ``<``, ``>`` or ``&``; the script
puts it on the page as text, never as HTML.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from joint_ie.document import Entity, Relation
from joint_ie.evaluation.error_classes import Fact
from joint_ie.evaluation.error_report import Case, ErrorReport
from joint_ie.evaluation.error_tables import MEANING, error_tables
from joint_ie.evaluation.protocol import Mode
from joint_ie.html import SHARED_SCRIPT, as_json, fill, inline, page_part

_SCRIPTS = ("common.js", "documents.js", "text.js", "lists.js", "start.js")


def error_page(report: ErrorReport, title: str) -> str:
    """The page as text, to be saved as UTF-8; ``title`` says what was compared with what."""
    style, script = _part("page.css"), SHARED_SCRIPT + "".join(_part(name) for name in _SCRIPTS)
    return fill(_part("page.html"), inline(STYLE=style, SCRIPT=script) | {"DATA": as_json(page_data(report, title))})


def page_data(report: ErrorReport, title: str) -> dict[str, Any]:
    """What the script shows; relations are ``[head, tail, type, class or null, evidence, score or null]``."""
    notes = {
        "without a prediction": report.missing,
        "without relation annotation (not counted)": report.without_relations,
    }
    score = report.relations
    summary = [
        report.mode,
        f"documents: {report.documents:,}",
        f"relations: P {100 * score.precision:.2f}, R {100 * score.recall:.2f}, F1 {100 * score.f1:.2f}",
        *(f"{text}: {count:,}" for text, count in notes.items() if count),
    ]
    return {
        "title": title,
        "summary": " · ".join(summary),
        "tables": [asdict(table) for table in error_tables(report)],
        "classes": {
            side: {name: {"count": count, "meaning": MEANING[name][place]} for name, count in counts.items()}
            for place, (side, counts) in enumerate((("gold", report.gold), ("predicted", report.predicted)))
        },
        "labels": report.labels,
        "documents": [_case(case, report.mode) for case in report.cases],
    }


def _case(case: Case, mode: Mode) -> dict[str, Any]:
    document, judged = case.gold, case.judged
    # With gold entities they are gold's own on both sides, whatever the prediction calls them.
    entities = document.entities if mode == "gold-entities" else case.predicted.entities
    ends = [end for _, end in document.tokens]
    starts = [start for start, _ in document.tokens[1:]]
    gaps = [document.text[end:start] for end, start in zip(ends, starts, strict=False)]
    return {
        "id": document.id,
        "words": document.words,
        "gaps": None if all(gap == " " for gap in gaps) else gaps,
        "sentences": document.sentence_spans,
        "annotated": document.relations is not None,
        "gold": _layer(document.entities, document.relations, judged.gold_listed, judged.gold),
        "predicted": _layer(entities, case.predicted.relations, judged.predicted_listed, judged.predicted),
    }


def _layer(
    entities: tuple[Entity, ...],
    relations: tuple[Relation, ...] | None,
    listed: tuple[Fact, ...],
    classes: Mapping[Fact, str],
) -> dict[str, Any]:
    return {
        "entities": [[e.type, e.name, [mention.span for mention in e.mentions]] for e in entities],
        "relations": [
            [r.head, r.tail, r.type, classes.get(fact), r.evidence, r.score]
            for r, fact in zip(relations or (), listed, strict=True)
        ],
    }


def _part(name: str) -> str:
    return page_part("joint_ie.evaluation", name)
