"""The error analysis as tables of text, the same in the terminal and on the page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from joint_ie.evaluation.error_report import ErrorReport, with_shares

CONFUSIONS = 30  # rows of that table; the JSON has them all

MEANING: Mapping[str, tuple[str, str]] = {
    # class: (of a gold fact, of a predicted fact)
    "correct": ("found", "right"),
    "no_mention": ("head or tail: no mention found", "head or tail: no mention is in gold"),
    "some_mentions": ("head or tail: some mentions not found", "head or tail: some mentions not in gold"),
    "clusters": ("head or tail: clustered differently", "head or tail: clustered differently"),
    "types": ("head or tail: other type", "head or tail: other type"),
    "wrong": ("pair found, but only with other relations", "pair has only other relations in gold"),
    "missed": ("nothing found on this pair", ""),
    "spurious": ("", "pair has no relation in gold"),
}

BUCKET_KINDS: Mapping[str, str] = {
    "sentence_distance": "Sentences between head and tail",
    "mentions": "Mentions of the entity that has fewer",
    "document_words": "Words in the document",
    "relation_frequency": "Gold facts of the relation",
}


@dataclass(frozen=True)
class Table:
    """A title, a note (may be empty), column heads, and rows of text; the first column is no number."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def error_tables(report: ErrorReport) -> tuple[Table, ...]:
    """Classes of both sides, buckets, and the most frequent confusions."""
    return (*_classes(report), *_buckets(report), _confusion(report))


def _classes(report: ErrorReport) -> Iterable[Table]:
    if report.unrelated_pairs is not None:
        note = f"pairs without a relation on either side: {report.unrelated_pairs:,}"
        names = {name: name for name in report.table7}
        yield Table("Errors (KD-DocRE, table 7)", note, ("class", "facts", "share"), _shares(report.table7, names))
    for side, (title, counts) in enumerate(
        (("Relations in gold", report.gold), ("Relations predicted", report.predicted))
    ):
        meanings = {name: MEANING[name][side] for name in counts}
        yield Table(
            title,
            f"{sum(counts.values()):,} facts"
            + (f", {report.strays:,} of them about nothing in gold" if side and report.strays else ""),
            ("what became of them", "facts", "share"),
            _shares(counts, meanings),
        )


def _shares(counts: Mapping[str, int], names: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    rows = with_shares(counts)
    return tuple((names[name], f"{row['count']:,}", f"{100 * row['share']:.1f} %") for name, row in rows.items())


def _buckets(report: ErrorReport) -> Iterable[Table]:
    for kind, tallies in report.buckets.items():
        rows = []
        for name, tally in tallies.items():
            score = tally.score()
            percent = (f"{100 * part:.2f}" for part in (score.precision, score.recall, score.f1))
            rows.append((name, *percent, f"{tally.right_gold:,}", f"{tally.predicted:,}", f"{tally.gold:,}"))
        yield Table(BUCKET_KINDS[kind], "", ("", "P", "R", "F1", "right", "predicted", "gold"), tuple(rows))


def _confusion(report: ErrorReport) -> Table:
    errors = [(pair, count) for pair, count in report.confusion.items() if pair[0] != pair[1]]
    rows = tuple((*(_named(type, report.labels) for type in pair), f"{count:,}") for pair, count in errors[:CONFUSIONS])
    more = len(errors) - len(rows)
    note = f"{more:,} rarer ones are in the JSON only" if more else ""
    return Table("Confusion of relations on one pair", note, ("gold", "predicted", "times"), rows)


def _named(type: str | None, labels: Mapping[str, str]) -> str:
    if type is None:
        return "(nothing)"
    return f"{labels[type]} ({type})" if labels.get(type, type) != type else type
