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
