"""What a protocol counted, as JSON, and back: intervals and tests later, elsewhere, and without any document."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from joint_ie.errors import InputError
from joint_ie.evaluation.fingerprints import GoldDocument
from joint_ie.evaluation.protocol import MacroScore, Protocol, Scores
from joint_ie.evaluation.recorded_protocol import RecordedProtocol
from joint_ie.evaluation.scores import Score
from joint_ie.evaluation.significance import Counts
from joint_ie.evaluation.tally import Row, Tally


@dataclass(frozen=True)
class RecordedCounts:
    """`Counts` without strays as plain data; their gold documents, those of all protocols, are kept beside them.

    ``tallies`` are rows ``[measure, label, [[document number, right_predicted, predicted, right_gold, gold], ...]]``
    with the documents in which the row was counted, in the order of the gold documents.
    """

    protocol: RecordedProtocol
    scores: dict[str, Any]
    tallies: Any

    @classmethod
    def of(cls, counts: Counts) -> "RecordedCounts":
        """The data of counts that a `Protocol` made; `InputError` if they have strays."""
        assert isinstance(counts.protocol, Protocol)
        if counts.strays:
            raise InputError("facts that belong to no gold document cannot be recorded; score documents instead")
        rows: dict[Row, list[list[float]]] = {}
        for number, tallies in enumerate(counts.tallies):
            for row, tally in tallies.items():
                counted = [number, tally.right_predicted, tally.predicted, tally.right_gold, tally.gold]
                rows.setdefault(row, []).append(counted)
        recorded = [[*row, counted] for row, counted in sorted(rows.items())]
        return cls(RecordedProtocol.of(counts.protocol), counts.scores.to_dict(), recorded)

    def counts(self, gold: Sequence[GoldDocument], where: str) -> Counts:
        """The counts for `bootstrap` and `randomisation`; ``where`` begins the message of an `InputError`."""
        tallies: list[dict[Row, Tally]] = [{} for _ in gold]
        try:
            for measure, label, counted in self.tallies:
                for number, *numbers in counted:
                    tallies[number][measure, label] = Tally(*numbers)
            scores = self._scores()
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise InputError(
                f"{where}: what protocol {self.protocol.name!r} counted is broken ({error!r}); restore the file"
            ) from None
        return Counts(self.protocol, tuple(gold), tuple(tallies), {}, scores)

    def _scores(self) -> Scores:
        """The reverse of `Scores.to_dict`."""
        data, protocol = self.scores, self.protocol
        nested = {"micro", "macro", "per_label", "means", "counts"}
        plain = [part.name for part in fields(Scores) if part.name not in nested]
        known = {*plain, *nested, *protocol.measures, *protocol.means}
        return Scores(
            **{name: data[name] for name in plain},
            micro={measure: Score(**data[measure]) for measure in protocol.measures},
            macro={measure: MacroScore(**score) for measure, score in data["macro"].items()},
            per_label={
                measure: {label: Score(**score) for label, score in labels.items()}
                for measure, labels in data["per_label"].items()
            },
            means={name: data[name] for name in protocol.means},
            counts={key: value for key, value in data.items() if key not in known},
        )
