"""The tables of scores: one row a variant, one table for every mode and protocol."""

from collections.abc import Iterator

from joint_ie.evaluation.protocol import measure_name
from joint_ie.evaluation.spread import PARTS
from joint_ie.study.comparison import ALPHA, Compared, Comparison, counted_in, parts_of
from joint_ie.study.report.blocks import Table
from joint_ie.study.report.wording import number_of, points, spread_percent
from joint_ie.study.results import Results

OTHERS = 4
"""How many more of a protocol's measures a table shows; ``report.json`` has all."""

COLUMNS_SHOWN = 9
"""What can be read on paper: up to the first of the further measures."""

ONE_SEED, UNFINISHED, SIGNIFICANT = "†", "‡", "*"

_PARTS = dict(zip(PARTS, ("P", "R", "F1"), strict=True))


def where(results: Results, comparison: Comparison) -> str:
    """What its numbers have to say about themselves: mode, protocol, corpus and version of the data."""
    corpus = results.corpus
    return (
        f"{comparison.mode}, protocol {comparison.protocol}, {corpus.name} "
        f"({number_of(comparison.documents, 'document')}, data {corpus.fingerprint[:12]})"
    )


def score_title(measure: str) -> str:
    """Such as ``relations (Ign) F1`` for ``relations_ign.f1``; a mean's own name."""
    base, dot, part = measure.rpartition(".")
    if not dot:
        return measure_name(measure)
    return f"{measure_name(base).replace('.', ' ')} {_PARTS.get(part, part)}"


def score_table(results: Results, comparison: Comparison, explained: bool = True) -> Table:
    """The variants by one protocol, best first; ``explained`` tables say what their numbers are."""
    parts, others = _parts(comparison), _others(comparison)
    columns = ["variant", "seeds", score_title(comparison.measure)]
    if not comparison.untested:
        columns += ["difference [95 %]", "p", "p (Holm)"]
    columns += [*(_PARTS[name.rpartition(".")[2]] for name in parts), *map(score_title, others)]
    rows = tuple(
        (
            _name(row, comparison),
            str(len(row.seeds)),
            spread_percent(row.scores[comparison.measure]),
            *(() if comparison.untested else _difference(row)),
            *(spread_percent(row.scores[name]) for name in (*parts, *others)),
        )
        for row in comparison.rows
    )
    return Table(
        name=f"scores-{comparison.mode}-{comparison.protocol}",
        title=f"{comparison.mode}, {comparison.protocol}: {score_title(comparison.measure)}",
        scope=where(results, comparison),
        columns=tuple(columns),
        rows=rows,
        notes=tuple(_notes(results, comparison, explained)),
        columns_shown=COLUMNS_SHOWN,
    )


def _parts(comparison: Comparison) -> list[str]:
    """What the measure is made of."""
    return [name for name in parts_of(comparison.measure) if name != comparison.measure]


def _others(comparison: Comparison) -> list[str]:
    """Further F1 and means: first those of the same thing (strict, Ign), then the others in the protocol's order."""
    known, compared = comparison.rows[0].scores, counted_in(comparison.measure)
    ordered = sorted(comparison.listed, key=lambda name: not name.startswith(f"{compared}_"))
    listed = (name if name in known else f"{name}.f1" for name in ordered)
    return [name for name in listed if name not in parts_of(comparison.measure)][:OTHERS]


def _name(row: Compared, comparison: Comparison) -> str:
    marks = (ONE_SEED if len(row.seeds) == 1 else "") + (UNFINISHED if row.missing else "")
    baseline = " (baseline)" if row.variant == comparison.baseline else ""
    return f"{row.variant}{baseline}{' ' if marks else ''}{marks}"


def _difference(row: Compared) -> tuple[str, str, str]:
    found = row.difference
    if found is None or row.p_holm is None:
        return "", "", ""
    mark = f" {SIGNIFICANT}" if row.significant else ""
    interval = f"[{points(found.low)}, {points(found.high)}]"
    return f"{points(found.difference)} {interval}{mark}", f"{found.p:.4f}", f"{row.p_holm:.4f}"


def _notes(results: Results, comparison: Comparison, explained: bool) -> Iterator[str]:
    if explained:
        yield from _explanations(results, comparison)
    elif not comparison.untested:
        tested = sum(row.difference is not None for row in comparison.rows)
        yield f"±, [95 %] and p as in the first table; p (Holm) is corrected for {number_of(tested, 'variant')}."
    if comparison.untested:
        yield f"Without differences and tests. {comparison.untested}"
    if any(len(row.seeds) == 1 for row in comparison.rows):
        tests = "" if comparison.untested else ", and interval and p are over documents alone"
        yield f"{ONE_SEED} one seed: how far another seed would move the score is not known{tests}."
    unfinished = [f"{row.variant}: {', '.join(map(str, row.missing))}" for row in comparison.rows if row.missing]
    if unfinished:
        yield f"{UNFINISHED} not all seeds are there; missing are {'; '.join(unfinished)}."


def _explanations(results: Results, comparison: Comparison) -> Iterator[str]:
    title = score_title(comparison.measure)
    yield (
        f"Percent, sorted by {title}. ± is the sample standard deviation over seeds: how far a score moves when the "
        "same system is trained once more with other random numbers."
    )
    if not comparison.untested:
        tested = sum(row.difference is not None for row in comparison.rows)
        yield (
            f"difference: {title} minus that of {comparison.baseline}, means over seeds, in points of percent. [95 %] "
            f"holds 95 % of the differences on {results.resamples:,} corpora drawn from these documents (paired "
            "bootstrap), moved by the chance in training as far as the seeds show it (Welch's t): how far the "
            "difference may be another on other documents of this kind and with other seeds."
        )
        yield (
            "p: how surprising the difference would be if only chance in documents and training made it (two-sided). p "
            f"(Holm): the same, corrected because {number_of(tested, 'variant')} of this table "
            f"{'is' if tested == 1 else 'are'} tested. {SIGNIFICANT}: p (Holm) is at most {ALPHA}, with two seeds at "
            "least of both."
        )
