"""The model card of a model for labels of one's own, with its scores on the documents that were held out."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from joint_ie.evaluation.protocol import Mode
from joint_ie.training.finish import add_card
from joint_ie.training.held_out import Parts

_MODES: Mapping[Mode, str] = {
    "end-to-end": "text alone",
    "gold-mentions": "mentions given",
    "gold-entities": "entities given",
}
_MEASURES = ("mentions", "clusters", "entities", "relations", "relations_strict")


def add_own_card(folder: Path, source: str, parts: Parts, scores: Mapping[Mode, Mapping[str, Any]], how: str) -> None:
    """Write ``README.md`` into the checkpoint ``folder``.

    Args:
        folder: the checkpoint.
        source: where the documents come from.
        parts: which of them were learned from.
        scores: by mode, of the held-out part, with ``intervals``.
        how: a sentence that says what schedule and thresholds were chosen with.
    """
    add_card(folder, notes="\n".join(_notes(source, parts, scores, how)))


def _notes(source: str, parts: Parts, scores: Mapping[Mode, Mapping[str, Any]], how: str) -> Iterator[str]:
    number = len(parts.training) + len(parts.held_out)
    yield "## Held-out documents"
    yield ""
    yield f"{len(parts.held_out)} of the {number} documents of `{source}` were held out, drawn at random. {how}"
    yield f"On these {len(parts.held_out)}, in percent, with 95 % intervals (documents resampled):"
    yield ""
    yield "| given | task | P | R | F1 | 95 % |"
    yield "|---|---|---|---|---|---|"
    for mode, found in scores.items():
        for name in _MEASURES:
            if name in found:
                numbers = " | ".join(f"{100 * found[name][part]:.1f}" for part in ("precision", "recall", "f1"))
                interval = found["intervals"][f"{name}.f1"]
                between = f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f}"
                task = "relations, strict" if name == "relations_strict" else name
                yield f"| {_MODES[mode]} | {task} | {numbers} | {between} |"
