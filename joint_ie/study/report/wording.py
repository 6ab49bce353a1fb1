"""Numbers as the report's tables write them: percent with two decimals, a real minus sign."""

from joint_ie.evaluation.spread import Spread

MINUS = "−"


def percent(value: float | None) -> str:
    """A fraction in percent; nothing where there is none."""
    return "" if value is None else f"{100 * value:.2f}"


def spread_percent(spread: Spread) -> str:
    """Mean and deviation in percent; the mean alone of a single run."""
    return percent(spread.mean) + ("" if spread.deviation is None else f" ± {percent(spread.deviation)}")


def points(value: float) -> str:
    """A difference of fractions in points of percent, with its sign."""
    text = f"{100 * value:+.2f}"
    return text.replace("-", MINUS)


def scaled(spread: Spread, unit: float, decimals: int = 1) -> str:
    """Mean and deviation in a unit."""
    deviation = "" if spread.deviation is None else f" ± {spread.deviation / unit:,.{decimals}f}"
    return f"{spread.mean / unit:,.{decimals}f}{deviation}"


def number_of(count: int, noun: str) -> str:
    """Such as ``1 seed`` and ``3 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
