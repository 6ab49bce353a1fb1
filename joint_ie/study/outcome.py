"""What a study has come to so far: the records of its variants, and what is not there yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from joint_ie.errors import InputError
from joint_ie.study.records import Record, ScoredCorpus


@dataclass(frozen=True)
class Headline:
    """What rows are sorted and compared by; ``measure`` as in `evaluation.significance.statistic_named`."""

    mode: str
    protocol: str
    measure: str


@dataclass(frozen=True)
class VariantOutcome:
    """The finished cells of a variant, by seed, and the seeds whose cells are not finished.

    ``failures`` says why for those that have failed.
    """

    name: str
    levels: Mapping[str, str]
    records: tuple[Record, ...]
    missing: tuple[int, ...] = ()
    failures: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """A study's question, and its variants in the order of the study; ``baseline`` is the name of one of them."""

    name: str
    question: str
    headline: Headline
    baseline: str | None
    variants: tuple[VariantOutcome, ...]

    def records(self) -> Iterator[Record]:
        """Those of all variants."""
        for variant in self.variants:
            yield from variant.records

    @property
    def corpus(self) -> ScoredCorpus:
        """What all cells were scored on; `InputError` if there are none, or if they do not agree."""
        records = list(self.records())
        if not records:
            raise InputError(f"study {self.name}: has no finished cell yet; let it run on, and report then")
        first = records[0]
        for record in records:
            if record.corpus != first.corpus:
                raise InputError(
                    f"study {self.name}: {_cell(record)} was scored on {_scored_on(record)}, {_cell(first)} on "
                    f"{_scored_on(first)}; run one of them again on the documents of the other"
                )
        return first.corpus


def _cell(record: Record) -> str:
    return f"{record.variant} with seed {record.seed}"


def _scored_on(record: Record) -> str:
    corpus = record.corpus
    return f"{corpus.name} ({corpus.documents} documents, {corpus.fingerprint[:12]})"
