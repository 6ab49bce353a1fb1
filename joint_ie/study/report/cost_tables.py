"""What the variants took, beside what they reached."""

from collections.abc import Sequence

from joint_ie.evaluation.spread import Spread
from joint_ie.study.cost import VariantCost
from joint_ie.study.report.blocks import Table
from joint_ie.study.report.score_tables import ONE_SEED, score_title, where
from joint_ie.study.report.wording import scaled, spread_percent
from joint_ie.study.results import Results

PARALLEL = (
    "Cells that ran beside others on one machine slowed each other down, so that times are comparable roughly, not to "
    "the second."
)
PIPELINE, INTERRUPTED = "§", "¶"


def time_unit(seconds: Sequence[float]) -> tuple[str, float]:
    """A unit in which the longest of these times is easily read, and its seconds."""
    longest = max(seconds, default=0.0)
    return next((unit for unit in (("h", 3600.0), ("min", 60.0)) if longest >= 3 * unit[1]), ("s", 1.0))


def cost_table(results: Results) -> Table:
    """Time, memory and size of every variant, in the order of the headline."""
    head = results.comparisons[0]
    costs = {cost.variant: cost for cost in results.costs}
    listed = [costs[row.variant] for row in head.rows]
    units = {
        name: time_unit([cost.costs[name].mean for cost in listed])
        for name in ("training_seconds", "cpu_seconds", "evaluation_seconds")
    }
    training, cpu, evaluation = (unit for unit, _ in units.values())
    notes = ["Mean ± sample standard deviation over seeds.", PARALLEL]
    if any(cost.pipeline for cost in listed):
        notes.append(
            f"{PIPELINE} a pipeline of two trained models: its training, and CPU time, are those of both, added up."
        )
    if any(cost.interrupted for cost in listed):
        known = "peak memory is" if all(cost.cpu_complete for cost in listed) else "CPU time and peak memory are"
        notes.append(f"{INTERRUPTED} interrupted and continued: {known} of the last process alone.")
    if any(cost.costs["steps"].n == 1 for cost in listed):
        notes.append(f"{ONE_SEED} one seed.")
    return Table(
        name="cost",
        title=f"Cost beside {score_title(head.measure)}",
        scope=where(results, head),
        columns=(
            "variant",
            score_title(head.measure),
            f"training [{training}]",
            f"CPU time [{cpu}]",
            f"evaluation [{evaluation}]",
            "peak memory [GB]",
            "parameters [millions]",
            "steps",
        ),
        rows=tuple(
            (
                _name(cost),
                spread_percent(row.scores[head.measure]),
                *(scaled(cost.costs[name], seconds) for name, (_, seconds) in units.items()),
                scaled(cost.costs["peak_memory"], 1e9, 2),
                _same(cost.costs["parameters"], 1e6, 1),
                _same(cost.costs["steps"], 1, 0),
            )
            for row, cost in zip(head.rows, listed, strict=True)
        ),
        notes=tuple(notes),
    )


def _name(cost: VariantCost) -> str:
    marks = "".join(
        mark
        for mark, holds in (
            (ONE_SEED, cost.costs["steps"].n == 1),
            (PIPELINE, cost.pipeline),
            (INTERRUPTED, cost.interrupted),
        )
        if holds
    )
    return f"{cost.variant}{' ' if marks else ''}{marks}"


def _same(spread: Spread, unit: float, decimals: int) -> str:
    """A number that is the same for every seed, unless it is not."""
    return f"{spread.mean / unit:,.{decimals}f}" if not spread.deviation else scaled(spread, unit, decimals)
