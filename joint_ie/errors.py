"""The one exception that the library raises for input it cannot use."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Bad input, said in one sentence: what is wrong, where it stands, and what to do about it.

    The command line prints the message alone, without a traceback.
    """


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint such as ``' (did you mean "atlop"?)'``, or an empty string if nothing is close."""
    close = get_close_matches(name, list(allowed), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def check_range(name: str, value: float | None, low: float, high: float | None = None) -> None:
    """Raise `InputError` unless ``value`` is None or in [low, high]."""
    if value is not None and (value < low or (high is not None and value > high)):
        raise InputError(
            f"{name} = {value} should be at least {low}" + ("" if high is None else f" and at most {high}")
        )
