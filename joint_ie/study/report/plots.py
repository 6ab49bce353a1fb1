"""The plots of a report, with matplotlib (``pip install joint-ie[study]``).

Figures are made without pyplot, whose state is everybody's. Colours are those of Okabe and Ito (2008), which
colour-blind people can tell apart; every variant has a marker and a line of its own as well, for those who print in
black and white.
"""

import io
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from joint_ie.study.comparison import Comparison
from joint_ie.study.cost import Curve
from joint_ie.study.report.cost_tables import time_unit
from joint_ie.study.report.score_tables import score_title
from joint_ie.study.results import Results

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX*<>h"
LINES = ("-", "--", "-.", ":")
GREY = "#8a8f96"
WIDTH = 8.0  # inches
LINE = 0.15  # inches of a line of text
FAR_OUT = 3
"""A gap of so many times the range of the variants above it leaves them too little room."""
LEAST_RANGE = 3.0  # points of percent, which variants have room in anyway
OVERLAID = 6
"""So many curves are told apart in one plot; more of them get a panel each."""

_STYLE: Mapping[str, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,  # a name with two dollar signs is no formula
    "svg.fonttype": "path",
    "svg.hashsalt": "joint_ie",  # the same numbers give the same file
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Look:
    """How a variant is drawn, in every plot of a report."""

    colour: str
    marker: str
    line: str


@dataclass(frozen=True)
class Drawing:
    """One figure as files."""

    svg: str
    pdf: bytes


def looks(variants: Sequence[str]) -> dict[str, Look]:
    """The numbers of colours and markers have no common divisor, so that 77 variants differ."""
    return {
        name: Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])
        for i, name in enumerate(variants)
    }


def draw(results: Results) -> dict[str, Drawing]:
    """The figures that these results have something to show in, by their names."""
    head = results.comparisons[0]
    styled = looks([row.variant for row in head.rows])
    makers: dict[str, Callable[[], Figure]] = {
        "scores": lambda: score_figure(head),
        "cost": lambda: cost_figure(results, head, styled),
    }
    if results.curves:
        # of variants without scores in the headline's mode there may be curves, too
        known = looks(list(dict.fromkeys([*styled, *(curve.variant for curve in results.curves)])))
        curves = {curve.variant: curve for curve in results.curves}
        makers["curves"] = lambda: curve_figure([curves[name] for name in known if name in curves], known)
    with matplotlib.rc_context(dict(_STYLE)):
        return {name: _drawing(make()) for name, make in makers.items()}


def score_figure(comparison: Comparison) -> Figure:
    """A row for every variant: its seeds and their mean; and beside it the difference to the baseline."""
    rows, far_out = comparison.rows, _far_out(comparison)
    lines = max(_lines(row.variant) for row in rows)
    figure = Figure(figsize=(WIDTH, 1.2 + (0.17 + LINE * lines) * len(rows)), layout="constrained")
    count = 1 if comparison.untested else 2
    panels = figure.subplots(1, count, sharey=True, squeeze=False)[0]
    places = range(len(rows))
    for place, row in enumerate(rows):
        if row.variant in far_out:
            _at_the_edge(panels[0], place, 100 * row.scores[comparison.measure].mean)
            continue
        values = [100 * scores[comparison.measure] for scores in row.by_seed.values()]
        panels[0].plot(values, [place] * len(values), "o", mfc="none", mec=GREY, ms=5, label="one seed")
        panels[0].plot(100 * row.scores[comparison.measure].mean, place, "D", color=COLOURS[0], ms=6, label="mean")
    panels[0].set_yticks(places, [_wrapped(row.variant) for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    panels[0].set_xlabel(f"{score_title(comparison.measure)} [%]")
    _not_too_close(panels[0])
    _legend_once(panels[0])
    if not comparison.untested:
        _difference_panel(panels[1], comparison, far_out)
    return figure


def _far_out(comparison: Comparison) -> set[str]:
    """The variants at the end whose scores are so much lower that they are named and not drawn to scale."""
    means = [100 * row.scores[comparison.measure].mean for row in comparison.rows]
    for place in range(len(means) // 2 + 1, len(means)):  # where half are that low, it is what there is to see
        if means[place - 1] - means[place] > FAR_OUT * max(means[0] - means[place - 1], LEAST_RANGE):
            return {row.variant for row in comparison.rows[place:]}
    return set()


def _at_the_edge(axes: Axes, place: int, value: float) -> None:
    """An arrow and the number, for what lies to the left of the axis."""
    axes.annotate(f"← {value:.1f}", (0, place), (3, 0), ("axes fraction", "data"), "offset points", va="center")


def _not_too_close(axes: Axes, least: float = 1.0) -> None:
    """At least a point wide, so that a tenth of one does not look like much, and few ticks, which have room."""
    low, high = axes.get_xlim()
    if high - low < least:
        axes.set_xlim((low + high - least) / 2, (low + high + least) / 2)
    axes.xaxis.set_major_locator(MaxNLocator(6))


def _difference_panel(axes: Axes, comparison: Comparison, far_out: Collection[str]) -> None:
    axes.axvline(0, color=GREY, lw=1, zorder=1)
    for place, row in enumerate(comparison.rows):
        if row.difference is None:
            axes.annotate("baseline", (0, place), (4, 0), textcoords="offset points", va="center", color="#5b6470")
            continue
        found = row.difference
        if row.variant in far_out:
            _at_the_edge(axes, place, 100 * found.difference)
            continue
        axes.plot([100 * found.low, 100 * found.high], [place, place], "-", color=COLOURS[0], lw=1.6)
        face = COLOURS[0] if row.significant else "white"
        label = "significant" if row.significant else "not significant"
        axes.plot(100 * found.difference, place, "D", mfc=face, mec=COLOURS[0], ms=6, label=label)
    axes.set_xlabel("difference to the baseline, 95 % interval\n[points of percent]")
    axes.tick_params(axis="y", length=0)
    _legend_once(axes)


def curve_figure(curves: Sequence[Curve], styled: Mapping[str, Look]) -> Figure:
    """The metric by epoch: means as lines, from the lowest to the highest seed as bands."""
    if len(curves) <= OVERLAID:
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        for curve in curves:
            _draw_curve(axes, curve, styled[curve.variant])
        _label_curves(axes, curves)
        figure.legend(loc="outside right upper")
        return figure
    columns = 4
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.7 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for place, axes in enumerate(panels):
        if place >= len(curves):
            axes.set_visible(False)
            continue
        for other in curves:
            axes.plot(*_line(other), color="#d0d4d9", lw=0.8)
        _draw_curve(axes, curves[place], Look(COLOURS[0], "o", "-"))
        axes.set_title(_wrapped(curves[place].variant, 24), fontsize=8)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel(_metric(curves), fontsize=9)
    _whole_epochs(panels[0], curves)
    return figure


def cost_figure(results: Results, comparison: Comparison, styled: Mapping[str, Look]) -> Figure:
    """The headline's score by training time; the bar is the sample standard deviation over seeds."""
    costs = {cost.variant: cost.costs["training_seconds"] for cost in results.costs}
    far_out = _far_out(comparison)
    times = [costs[row.variant].mean for row in comparison.rows]
    name, unit = time_unit(times)
    figure = Figure(
        figsize=(WIDTH, max(3.6, 0.5 + sum(0.06 + LINE * _lines(row.variant) for row in comparison.rows))),
        layout="constrained",
    )
    axes = figure.subplots()
    for row, seconds in zip(comparison.rows, times, strict=True):
        score, look, label = row.scores[comparison.measure], styled[row.variant], _wrapped(row.variant)
        if row.variant in far_out:
            x, at_the_foot = seconds / unit, axes.get_xaxis_transform()
            axes.plot(x, 0, look.marker, color=look.colour, ms=7, label=label, transform=at_the_foot, clip_on=False)
            axes.annotate(f"↓ {100 * score.mean:.1f}", (x, 0), (5, 4), at_the_foot, "offset points")
            continue
        axes.errorbar(
            seconds / unit,
            100 * score.mean,
            yerr=None if score.deviation is None else 100 * score.deviation,
            fmt=look.marker,
            color=look.colour,
            ms=7,
            lw=1,
            capsize=2,
            label=label,
        )
    if min(times) > 0 and max(times) > 10 * min(times):
        axes.set_xscale("log")
    axes.set_xlabel(f"training time [{name}]")
    axes.set_ylabel(f"{score_title(comparison.measure)} [%]")
    figure.legend(loc="outside right upper")
    return figure


def _draw_curve(axes: Axes, curve: Curve, look: Look) -> None:
    epochs, means = _line(curve)
    lows, highs = ([100 * point[place] for point in curve.points] for place in (2, 3))
    axes.fill_between(epochs, lows, highs, color=look.colour, alpha=0.15, lw=0)
    axes.plot(
        epochs, means, look.line, color=look.colour, marker=look.marker, ms=4, lw=1.4, label=_wrapped(curve.variant)
    )


def _line(curve: Curve) -> tuple[list[int], list[float]]:
    return [point[0] for point in curve.points], [100 * point[1] for point in curve.points]


def _label_curves(axes: Axes, curves: Sequence[Curve]) -> None:
    axes.set_xlabel("epoch")
    axes.set_ylabel(_metric(curves))
    _whole_epochs(axes, curves)


def _metric(curves: Sequence[Curve]) -> str:
    return f"{curves[0].metric.replace('_', ' ')} F1 [%]"


def _whole_epochs(axes: Axes, curves: Sequence[Curve]) -> None:
    last = max((point[0] for curve in curves for point in curve.points), default=1)
    axes.set_xticks(range(1, last + 1, -(-last // 10)))


def _legend_once(axes: Axes) -> None:
    """Above the panel, each label once."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(handles.values(), handles.keys(), loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0)


def _wrapped(name: str, width: int = 30) -> str:
    return textwrap.fill(name, width)


def _lines(name: str) -> int:
    return _wrapped(name).count("\n") + 1


def _drawing(figure: Figure) -> Drawing:
    svg, pdf = io.BytesIO(), io.BytesIO()
    # without the date
    figure.savefig(svg, format="svg", metadata={"Date": None})
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    return Drawing(svg.getvalue().decode(), pdf.getvalue())
