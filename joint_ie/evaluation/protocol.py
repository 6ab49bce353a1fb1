"""A protocol is what it counts in one document; everything else is the same for all."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation.pairing import pair
from joint_ie.evaluation.scores import Score, ratio
from joint_ie.evaluation.tally import Row, Tallies, Tally, total

Mode = Literal["end-to-end", "gold-mentions", "gold-entities"]
Pairs = Sequence[tuple[Document, Document]]

_MEASURE_NAMES = {"relations_strict": "relations (strict)", "relations_ign": "relations (Ign)"}


@dataclass(frozen=True)
class Protocol:
    """A named way to compare a predicted document with its gold one.

    ``count`` gives the tallies of one document, by measure and label, for the ``measures`` (in the order of tables).
    ``labels`` names the measures that have labels, and for each either the labels that macro averages run over or
    None: those seen in gold or prediction. ``means`` are averages of the F1 of several measures, ``whole`` measures
    that are no sums over documents (they have no intervals of confidence). ``epsilons`` are added to what
    the precision of a measure divides by, as some published scorers do. ``options`` are what else ``count`` depends on:
    runs that are compared must have the same. ``counts`` are further numbers that a reader of the scores
    should know, such as what was left out, summed over documents.
    """

    name: str
    mode: Mode
    description: str
    measures: tuple[str, ...]
    count: Callable[[Document, Document], Tallies]
    labels: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    means: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: Mapping[str, Callable[[Pairs], Score]] = field(default_factory=dict)
    epsilons: Mapping[str, float] = field(default_factory=dict)
    options: Hashable = None
    counts: Mapping[str, Callable[[Document, Document], int]] = field(default_factory=dict)


def measure_name(measure: str) -> str:
    """A measure, or a mean of several, as tables call it."""
    return _MEASURE_NAMES.get(measure, measure.replace("_", " "))


@dataclass(frozen=True)
class MacroScore:
    """Unweighted means over ``labels`` labels; ``f1`` is the mean of the labels' F1, not a harmonic mean."""

    precision: float
    recall: float
    f1: float
    labels: int


@dataclass(frozen=True)
class Scores:
    """The scores of a corpus: micro by measure, and by label and macro where a measure has labels.

    ``mode`` says what was given to the predictor. ``missing`` counts gold documents without a prediction (scored as
    empty), ``without_relations`` gold documents that nobody annotated with relations (left out of all relation scores).
    ``counts`` are the protocol's own.
    """

    protocol: str
    mode: Mode
    documents: int
    missing: int
    without_relations: int
    micro: Mapping[str, Score]
    macro: Mapping[str, MacroScore]
    per_label: Mapping[str, Mapping[str, Score]]
    means: Mapping[str, float]
    counts: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, measure: str) -> Score:
        """The micro score of a measure."""
        return self.micro[measure]

    def to_dict(self) -> dict[str, Any]:
        """Fractions in full precision; a measure's own key holds its micro score, a mean's key its F1."""
        return {
            "protocol": self.protocol,
            "mode": self.mode,
            "documents": self.documents,
            "missing": self.missing,
            "without_relations": self.without_relations,
            **self.counts,
            **{measure: score.to_dict() for measure, score in self.micro.items()},
            **self.means,
            "macro": {measure: asdict(score) for measure, score in self.macro.items()},
            "per_label": {
                measure: {label: score.to_dict() for label, score in labels.items()}
                for measure, labels in self.per_label.items()
            },
        }


def paired(mode: Mode, gold: Iterable[Document], predicted: Iterable[Document]) -> Pairs:
    """Every gold document with its prediction, checked; a missing prediction is one without annotations.

    Raises `InputError` for repeated or unknown ids, for a prediction that is tokenised differently, and, with gold
    mentions or entities, for one with others.
    """
    pairs = []
    for reference, prediction in pair(gold, predicted):
        if prediction is None:
            entities = reference.entities if mode == "gold-entities" else ()
            prediction = replace(reference, entities=entities, relations=())
        elif mode == "gold-entities":
            _check_entities(reference, prediction)
        else:
            _check_tokens(reference, prediction)
            if mode == "gold-mentions":
                _check_mentions(reference, prediction)
        pairs.append((reference, prediction))
    return pairs


def tallies_by_document(protocol: Protocol, pairs: Pairs) -> list[Tallies]:
    """What the protocol counts in every document, for scores and for their intervals of confidence."""
    return [protocol.count(reference, prediction) for reference, prediction in pairs]


def evaluate(
    protocol: Protocol, gold: Iterable[Document], predicted: Iterable[Document], strays: Tallies | None = None
) -> Scores:
    """Score predicted documents, paired by id. ``strays`` are tallies that belong to no gold document.

    Raises `InputError` as `paired` does.
    """
    gold, predicted = list(gold), list(predicted)
    pairs = paired(protocol.mode, gold, predicted)
    missing = len(gold) - len(predicted)
    return score_counted(protocol, pairs, tallies_by_document(protocol, pairs), missing, strays)


def score_counted(
    protocol: Protocol, pairs: Pairs, tallies: Iterable[Tallies], missing: int, strays: Tallies | None = None
) -> Scores:
    """The scores of documents that are paired and counted; see `evaluate`."""
    rows = total([*tallies, strays or {}])
    per_label = {measure: _labelled(protocol, measure, rows) for measure in protocol.labels}
    sums = {
        measure: sum((tally for (name, _), tally in rows.items() if name == measure), Tally())
        for measure in protocol.measures
        if measure not in protocol.whole
    }
    micro = {
        measure: protocol.whole[measure](pairs)
        if measure in protocol.whole
        else sums[measure].score(protocol.epsilons.get(measure, 0.0))
        for measure in protocol.measures
    }
    if "relations_ign" in micro and not protocol.whole:
        assert micro["relations_ign"].f1 <= micro["relations"].f1, "Ign F1 exceeds F1"
    return Scores(
        protocol=protocol.name,
        mode=protocol.mode,
        documents=len(pairs),
        missing=missing,
        without_relations=sum(reference.relations is None for reference, _ in pairs),
        micro=micro,
        macro={measure: _macro(per_label[measure]) for measure in protocol.labels},
        per_label=per_label,
        means={
            name: ratio(sum(micro[measure].f1 for measure in measures), len(measures))
            for name, measures in protocol.means.items()
        },
        counts={name: sum(count(*both) for both in pairs) for name, count in protocol.counts.items()},
    )


def _labelled(protocol: Protocol, measure: str, rows: Mapping[Row, Tally]) -> dict[str, Score]:
    seen = {label for name, label in rows if name == measure}
    return {
        label: rows.get((measure, label), Tally()).score(protocol.epsilons.get(measure, 0.0))
        for label in sorted(protocol.labels[measure] or seen)
    }


def _macro(labels: Mapping[str, Score]) -> MacroScore:
    count = len(labels)
    return MacroScore(
        ratio(sum(score.precision for score in labels.values()), count),
        ratio(sum(score.recall for score in labels.values()), count),
        ratio(sum(score.f1 for score in labels.values()), count),
        count,
    )


def _check_tokens(reference: Document, prediction: Document) -> None:
    if len(prediction.tokens) != len(reference.tokens):
        raise InputError(
            f"predicted document {reference.id!r} has {len(prediction.tokens)} tokens where gold has "
            f"{len(reference.tokens)}; predict on the gold document's own tokens"
        )


def _check_mentions(reference: Document, prediction: Document) -> None:
    given, used = (
        {mention.span for entity in document.entities for mention in entity.mentions}
        for document in (reference, prediction)
    )
    if given != used:
        raise InputError(
            f"predicted document {reference.id!r} lacks {len(given - used)} of gold's mentions and has "
            f"{len(used - given)} others; predict with gold mentions, or score it end-to-end"
        )


def _check_entities(reference: Document, prediction: Document) -> None:
    if len(prediction.entities) != len(reference.entities):
        raise InputError(
            f"predicted document {reference.id!r} has {len(prediction.entities)} entities where gold has "
            f"{len(reference.entities)}; predict on gold entities, or score it end-to-end"
        )
    for i, (one, other) in enumerate(zip(reference.entities, prediction.entities, strict=True)):
        if {mention.span for mention in one.mentions} != {mention.span for mention in other.mentions}:
            raise InputError(
                f"predicted document {reference.id!r}: entity {i} ({other.name!r}) is not gold's ({one.name!r}); keep "
                f"gold's entities in their order, or score it end-to-end"
            )
