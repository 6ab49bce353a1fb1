"""The tables of the README's "How good it is", from files of scores.

    joint-ie evaluate default redocred/dev --protocol all --training-facts redocred/train --json text.json
    joint-ie evaluate default redocred/dev --mode gold-entities --training-facts redocred/train --json given.json
    python benchmarks/readme_scores.py text.json given.json

writes them into the README of this repository, in place of those that are there.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"

TASKS = (
    ("mentions", "mentions"),
    ("clusters (coreference)", "clusters"),
    ("entities (with type)", "entities"),
    ("relations", "relations"),
    ("relations, strict", "relations_strict"),
)
"""What a row of the first table says, and the measure of JEREX's protocol."""

PROTOCOLS = (
    ("jerex", "a relation between exactly right clusters", "relations"),
    ("jerex", "and with right entity types (*strict*)", "relations_strict"),
    ("tag", "as `jerex` without types; Ign F1 leaves out facts known from training", "relations_ign"),
    ("rebel", "names and types of head and tail as strings (*strict*)", "strict"),
    ("rebel", "names alone (*boundaries*)", "boundaries"),
    ("dwie", "every mention of head with every one of tail (*mention*)", "rel_mention"),
    ("dwie", "the share of these that is right (*soft*)", "rel_soft"),
    ("dwie", "exactly right mention lists (*hard*)", "rel_hard"),
    ("partial", "head and tail share at least half of their mentions with gold's", "relations_half"),
    ("partial", "and with right entity types", "relations_strict_half"),
    ("partial", "head and tail share any mention with gold's", "relations_any"),
)
"""Protocol, what a row of the second table says, and the measure."""

METRICS = {"MUC": "muc", "B³": "b_cubed", "CEAF-e": "ceaf_e", "LEA": "lea"}

Scores = Mapping[str, Any]


def task_table(jerex: Scores, docred: Scores) -> str:
    """Of scores by JEREX's protocol from the text alone, and by DocRED's with entities given."""
    rows = ["| Re-DocRED dev | P | R | F1 |", "|---|---|---|---|"]
    for name, measure in TASKS:
        precision, recall, f1 = _percent(jerex[measure])
        rows.append(f"| {name} | {precision} | {recall} | **{f1}** |")
    precision, recall, f1 = _percent(docred["relations"])
    ign = _percent(docred["relations_ign"])[2]
    rows.append(f"| relations, gold entities | {precision} | {recall} | **{f1}** (Ign F1 {ign}) |")
    return "\n".join(rows)


def protocol_table(protocols: Mapping[str, Scores]) -> str:
    """Of scores by all protocols from the text alone."""
    rows = ["| protocol | what counts as right | P | R | F1 |", "|---|---|---|---|---|"]
    last = ""
    for protocol, meaning, measure in PROTOCOLS:
        name = "" if protocol == last else f"`{protocol}`"
        rows.append(
            f"| {name} | {meaning} | {' | '.join(_percent(protocols[protocol][measure]))} |".replace("|  |", "| |")
        )
        last = protocol
    found = protocols["coreference"]
    each = ", ".join(f"{name} {_percent(found[measure])[2]}" for name, measure in METRICS.items())
    rows.append(f"| `coreference` | {each} | | | {100 * found['conll']:.1f} (CoNLL) |")
    conll = protocols["coreference-no-singletons"]["conll"]
    rows.append(
        f"| `coreference-no-singletons` | the same without clusters of one mention | | | {100 * conll:.1f} (CoNLL) |"
    )
    tagged = " | ".join(_percent(protocols["tagging"]["mentions"]))
    rows.append(f"| `tagging` | mentions with types, by seqeval | {tagged} |")
    return "\n".join(rows)


def replaced(page: str, table: str) -> str:
    """``page`` with ``table`` for the one that has the same head.

    Raises:
        ValueError: the page has no such table.
    """
    head = table.partition("\n")[0]
    start = page.find(f"{head}\n")
    if start < 0:
        raise ValueError(f"there is no table that begins with {head!r}")
    return page[:start] + table + page[page.index("\n\n", start) :]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="scores of all protocols, from the text alone")
    parser.add_argument("given", type=Path, help="scores with gold entities")
    arguments = parser.parse_args()
    text, given = (json.loads(file.read_text(encoding="utf-8")) for file in (arguments.text, arguments.given))
    protocols = text["protocols"]
    page = README.read_text(encoding="utf-8")
    for table in (task_table(protocols["jerex"], given), protocol_table(protocols)):
        page = replaced(page, table)
    README.write_text(page, encoding="utf-8")


def _percent(score: Scores) -> tuple[str, str, str]:
    return f"{100 * score['precision']:.1f}", f"{100 * score['recall']:.1f}", f"{100 * score['f1']:.1f}"


if __name__ == "__main__":
    main()
