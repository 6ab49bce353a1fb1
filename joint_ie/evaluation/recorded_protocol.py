"""The part of a protocol that is data."""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from joint_ie.evaluation.protocol import Protocol


@dataclass(frozen=True)
class RecordedProtocol:
    """What has to be known of a `Protocol` to resample and compare what it counted, fit for JSON.

    ``whole`` names the measures that are no sums over documents, ``options`` is a digest of the protocol's own.
    """

    name: str
    measures: tuple[str, ...]
    labels: dict[str, tuple[str, ...] | None]
    means: dict[str, tuple[str, ...]]
    whole: tuple[str, ...]
    epsilons: dict[str, float]
    options: str | None

    @classmethod
    def of(cls, protocol: Protocol) -> "RecordedProtocol":
        """The data of a protocol."""
        return cls(
            name=protocol.name,
            measures=protocol.measures,
            labels=dict(protocol.labels),
            means=dict(protocol.means),
            whole=tuple(protocol.whole),
            epsilons=dict(protocol.epsilons),
            options=_digest(protocol.options),
        )


def _digest(options: Hashable) -> str | None:
    """The same for equal options in every process."""
    return None if options is None else hashlib.sha256(_text(options).encode()).hexdigest()


def _text(options: Any) -> str:
    """Texts in sets, which have no order, and tuples, as one text."""
    if isinstance(options, frozenset):
        return f"{{{', '.join(sorted(map(_text, options)))}}}"
    if isinstance(options, tuple):
        return f"({', '.join(map(_text, options))})"
    return repr(options)
