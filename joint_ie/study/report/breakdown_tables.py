"""Tables with a column for every variant: relations, buckets, classes of error."""

from collections.abc import Mapping
from dataclasses import replace

from joint_ie.corpora import CORPORA
from joint_ie.evaluation.error_tables import BUCKET_KINDS, MEANING
from joint_ie.study.breakdown import Breakdown
from joint_ie.study.report.blocks import Table
from joint_ie.study.report.score_tables import where
from joint_ie.study.report.wording import percent
from joint_ie.study.results import ModeBreakdowns, Results

LABELS_SHOWN = 20
"""The most frequent relations, which are all that is printed on paper."""

VARIANTS_SHOWN = 8
"""Columns of variants, the best ones, on paper."""


def label_table(results: Results, labels: Breakdown) -> Table:
    """The F1 of every relation."""
    head = results.comparisons[0]
    names = relation_names(results)
    rows = {label: f"{names[label]} ({label})" if label in names else label for label in labels.values}
    title = f"F1 of every label: {labels.kind}"
    notes = ("Percent, means over seeds; the most frequent in gold first, variants from best to worst.",)
    return _table("labels", title, where(results, head), labels, rows, notes, with_gold=True, rows_shown=LABELS_SHOWN)


def relation_names(results: Results) -> Mapping[str, str]:
    """What people call the relations, where they have other names than their ids.

    As the records say, which those of older versions do not; then as the registered corpus does.
    """
    for record in results.study.records():
        if record.relation_names:
            return record.relation_names
    registered = CORPORA.get(results.corpus.name)
    if registered is None or registered.schema is None:
        return {}
    return registered.schema().relation_names


def bucket_tables(results: Results, found: ModeBreakdowns) -> list[Table]:
    """The F1 of relations in every bucket that has gold facts, a table for each kind of them."""
    notes = ("F1 of relations in percent, means over seeds; gold: facts in this row. Rows without any are left out.",)
    return [
        _table(
            f"buckets-{found.mode}-{buckets.kind.replace('_', '-')}",
            BUCKET_KINDS.get(buckets.kind, buckets.kind),
            _where(results, found),
            replace(buckets, values={name: values for name, values in buckets.values.items() if buckets.gold[name]}),
            {name: name for name in buckets.values},
            notes,
            with_gold=True,
        )
        for buckets in found.buckets
    ]


def error_tables(results: Results, found: ModeBreakdowns) -> list[Table]:
    """What became of the relations in gold, and what the predicted ones are."""
    titles = {"gold": "What became of the relations in gold", "predicted": "What the predicted relations are"}
    return [
        _table(
            f"errors-{found.mode}-{errors.kind}",
            titles[errors.kind],
            _where(results, found),
            errors,
            {name: MEANING[name][side] if name in MEANING else name for name in errors.values},
            ("Percent of all of these relations, means over seeds.",),
            with_gold=False,
        )
        for side, errors in enumerate(found.errors)
    ]


def _where(results: Results, found: ModeBreakdowns) -> str:
    corpus = results.corpus
    return f"{found.mode}, facts as in the error analysis, {corpus.name} (data {corpus.fingerprint[:12]})"


def _table(
    name: str,
    title: str,
    scope: str,
    breakdown: Breakdown,
    rows: Mapping[str, str],
    notes: tuple[str, ...],
    with_gold: bool,
    rows_shown: int | None = None,
) -> Table:
    """``rows`` are the rows' readable names."""
    first = ("", "gold") if with_gold else ("",)
    return Table(
        name=name,
        title=title,
        scope=scope,
        columns=(*first, *breakdown.variants),
        rows=tuple(
            (
                rows[row],
                *([f"{breakdown.gold[row]:,}"] if with_gold else []),
                *(percent(values[variant]) for variant in breakdown.variants),
            )
            for row, values in breakdown.values.items()
        ),
        notes=notes,
        rows_shown=rows_shown,
        columns_shown=len(first) + VARIANTS_SHOWN,
    )
