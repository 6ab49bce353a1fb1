"""Plots are well-formed files that depend on the numbers only, and leave matplotlib as they found it."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from joint_ie.study.results import Results, results

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is missing (pip install joint-ie[study])")

from joint_ie.study.report import plots  # noqa: E402


def test_files_are_well_formed_and_the_same_again_and_nothing_else_changes(
    found: Results, drawn: dict[str, plots.Drawing]
) -> None:
    assert drawn.keys() == {"scores", "cost", "curves"}
    for drawing in drawn.values():
        assert ElementTree.fromstring(drawing.svg).tag == "{http://www.w3.org/2000/svg}svg"
        assert drawing.pdf.startswith(b"%PDF") and drawing.pdf.rstrip().endswith(b"%%EOF")
    before = dict(matplotlib.rcParams)
    assert plots.draw(found) == drawn
    assert dict(matplotlib.rcParams) == before


def texts(figure: object) -> str:
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_figures_say_what_they_show(found: Results, small: SimpleNamespace) -> None:
    head = found.comparisons[0]
    figure = plots.score_figure(head)
    assert small.EVIL in texts(figure) and "relations F1 [%]" in texts(figure) and "baseline" in texts(figure)
    means, differences = figure.axes
    shown = [line.get_xdata()[0] for line in means.lines if line.get_label() == "mean"]
    assert shown == [100 * row.scores["relations.f1"].mean for row in head.rows]
    shown = [line.get_xdata()[0] for line in differences.lines if "significant" in line.get_label()]
    assert shown == [100 * row.difference.difference for row in head.rows if row.difference]
    assert "training time [min]" in texts(plots.cost_figure(found, head, plots.looks([r.variant for r in head.rows])))


def test_many_curves_get_a_panel_each(small: SimpleNamespace) -> None:
    study = small.study()
    variants = [small.variant(f"v{i} $x$", 0.4 + 0.02 * i) for i in range(9)]
    found = results(replace(study, variants=(study.variants[0], *variants)), resamples=20)
    styled = plots.looks([curve.variant for curve in found.curves])
    panels = plots.curve_figure(found.curves, styled)
    assert [axes.get_title() for axes in panels.axes if axes.get_visible()] == [c.variant for c in found.curves]
    overlaid = plots.curve_figure(found.curves[:3], styled)
    assert len(overlaid.axes) == 1 and "v0 $x$" in texts(overlaid)


def test_scores_that_are_close_look_close(small: SimpleNamespace) -> None:
    """With room for the numbers of the axis."""
    close = [small.variant("a", 0.5, seeds=(1,)), small.variant("b", 0.5, seeds=(1,))]
    found = results(replace(small.study(), baseline=None, variants=tuple(close)), resamples=20)
    figure = plots.score_figure(found.comparisons[0])
    figure.canvas.draw()
    [axes] = figure.axes
    low, high = axes.get_xlim()
    assert high - low >= 1
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if low <= label.get_position()[0] <= high]
    assert len(boxes) > 2 and all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_one_variant_far_below_leaves_the_others_room(small: SimpleNamespace) -> None:
    """Its number is at the edge of every plot; it is drawn to scale where half of the variants are there."""
    high = [small.variant(f"high {i}", 0.9) for i in range(2)]
    low = [small.variant(f"low {i}", 0.2) for i in range(2)]
    found = results(replace(small.study(), baseline="high 0", variants=(*high, low[0])), resamples=20)
    head = found.comparisons[0]
    lowest = 100 * head.rows[-1].scores[head.measure].mean
    costs = plots.cost_figure(found, head, plots.looks([row.variant for row in head.rows]))
    figure = plots.score_figure(head)
    assert f"← {lowest:.1f}" in texts(figure) and f"↓ {lowest:.1f}" in texts(costs) and "low 0" in texts(costs)
    difference = head.rows[-1].difference
    assert difference is not None and f"← {100 * difference.difference:.1f}" in texts(figure)
    assert figure.axes[0].get_xlim()[0] > lowest + 10 and costs.axes[0].get_ylim()[0] > lowest + 10

    found = results(replace(small.study(), baseline="high 0", variants=(*high, *low)), resamples=20)
    figure = plots.score_figure(found.comparisons[0])
    assert "←" not in texts(figure) and figure.axes[0].get_xlim()[0] < lowest


def test_without_a_baseline_there_is_one_panel(small: SimpleNamespace) -> None:
    found = results(replace(small.study(), baseline=None), resamples=20)
    assert len(plots.score_figure(found.comparisons[0]).axes) == 1


def test_variants_differ_in_black_and_white_too() -> None:
    looks = plots.looks([str(i) for i in range(77)])
    assert len(set(looks.values())) == 77
    first = list(looks.values())[: len(plots.MARKERS)]
    assert len({look.marker for look in first}) == len(first)


def test_pyplot_is_not_loaded() -> None:
    code = "import sys, joint_ie.study.report.plots; print('matplotlib.pyplot' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "False"
