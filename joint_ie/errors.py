"""What the library raises for input it cannot use."""

from collections.abc import Iterable
from difflib import get_close_matches
from operator import ge, gt, le, lt


class InputError(ValueError):
    """Bad input, said in one sentence: what is wrong, where it stands, and what to do about it.

    The command line prints the message alone, without a traceback.
    """


class UnknownLabel(InputError):
    """A label that a schema does not know; who chose the schema may say more."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint such as ``' (did you mean "atlop"?)'``, or an empty string if nothing is close."""
    close = get_close_matches(name, list(allowed), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def check_range(
    name: str,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
) -> None:
    """Raise `InputError` unless ``value`` is None or within all bounds that are given; NaN is within none."""
    bounds = (("at least", ge, low), ("above", gt, above), ("at most", le, high), ("below", lt, below))
    given = [(words, holds, bound) for words, holds, bound in bounds if bound is not None]
    if value is not None and not all(holds(value, bound) for _, holds, bound in given):
        raise InputError(f"{name} = {value} should be {' and '.join(f'{words} {bound}' for words, _, bound in given)}")
