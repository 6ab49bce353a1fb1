"""The whole report, from what its study came to."""

from collections.abc import Iterator

from joint_ie.study.cost import trained_variants
from joint_ie.study.report.blocks import Picture, Report, Section
from joint_ie.study.report.breakdown_tables import bucket_tables, error_tables, label_table
from joint_ie.study.report.cost_tables import PARALLEL, cost_table
from joint_ie.study.report.head import facts, warnings
from joint_ie.study.report.score_tables import score_table, score_title, where
from joint_ie.study.results import Results


def report_of(results: Results, missing_plots: str = "") -> Report:
    """Format-neutral; ``missing_plots`` says why there are none."""
    said = (*warnings(results), *((missing_plots,) if missing_plots else ()))
    return Report(results.study.name, results.study.question, facts(results), said, tuple(_sections(results)))


def _sections(results: Results) -> Iterator[Section]:
    head, *others = results.comparisons
    yield Section("Results", pictures=(_score_picture(results),), tables=(score_table(results, head),))
    if others:
        yield Section(
            "The same predictions by other protocols",
            ("Protocols count different things: compare within a table, never across tables.",),
            tables=tuple(score_table(results, comparison, explained=False) for comparison in others),
        )
    if results.labels:
        yield Section("By relation", tables=(label_table(results, results.labels),))
    for found in results.breakdowns:
        yield Section(f"By what makes relations hard: {found.mode}", tables=tuple(bucket_tables(results, found)))
        yield Section(f"Errors: {found.mode}", tables=tuple(error_tables(results, found)))
    if results.curves:
        yield Section("Learning curves", pictures=(_curve_picture(results),))
    yield Section("Cost", pictures=(_cost_picture(results),), tables=(cost_table(results),))


def _score_picture(results: Results) -> Picture:
    head = results.comparisons[0]
    title, best = score_title(head.measure), head.rows[0]
    caption = "Circles are seeds, diamonds their means."
    if not head.untested:
        caption += (
            f" On the right the difference to {head.baseline} with its 95 % interval, over documents and, where there "
            "are two seeds of both, trainings; a filled diamond is a significant difference (p adjusted after Holm)."
        )
    return Picture(
        name="scores",
        title=f"{title} of every variant",
        scope=where(results, head),
        caption=caption,
        alt=f"{title} of {len(head.rows)} variants by seed; {best.variant} is best with "
        f"{100 * best.scores[head.measure].mean:.2f} %. The table below has the numbers.",
    )


def _curve_picture(results: Results) -> Picture:
    curves = results.curves
    metric = curves[0].metric.replace("_", " ")
    caption = (
        "After every epoch, on the documents that the training was validated with; lines are means over seeds, bands "
        "go from the lowest seed to the highest."
    )
    cut = [curve.variant for curve in curves if curve.epochs_of_some]
    if cut:
        caption += f" Epochs that not every seed has are left out ({', '.join(cut)})."
    shown = {curve.variant for curve in curves}
    others = [variant.name for variant in trained_variants(results.study) if variant.name not in shown]
    if others:
        caption += f" Without a curve, because they were not validated with this metric: {', '.join(others)}."
    return Picture(
        name="curves",
        title=f"{metric} F1 by epoch",
        scope="as training validates, by the default protocol of the mode, on the dev documents of the configuration",
        caption=caption,
        alt=f"Learning curves of {len(curves)} variants; report.json has the numbers.",
    )


def _cost_picture(results: Results) -> Picture:
    head = results.comparisons[0]
    title = score_title(head.measure)
    return Picture(
        name="cost",
        title=f"{title} and training time",
        scope=where(results, head),
        caption=f"Means over seeds; bars are sample standard deviations of the score. {PARALLEL}",
        alt=f"{title} of {len(head.rows)} variants by training time; the table below has the numbers.",
    )
