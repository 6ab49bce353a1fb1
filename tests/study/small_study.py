"""A small study written by hand: what its cells counted is drawn from a seed, nothing is trained.

Test modules run this file by its path, as a module of its own.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from joint_ie.document import Document
from joint_ie.evaluation.fingerprints import corpus_fingerprint
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.recorded_counts import RecordedCounts
from joint_ie.evaluation.scores import Score
from joint_ie.evaluation.significance import Counts, count_documents
from joint_ie.evaluation.tally import Tallies, Tally
from joint_ie.study.configuration import Headline
from joint_ie.study.records import (
    Cost,
    CurvePoint,
    ErrorCounts,
    Machine,
    ModeResult,
    PipelineParts,
    Record,
    ScoredCorpus,
)
from joint_ie.study.study_records import StudyRecords, VariantRecords

EVIL = "<b>&_%$#{}~^\\$_$"  # matplotlib, too, would read it as a formula
LABELS = ("P17", "P19", "P131", "P27", "P569")
DOCRED = ("relations", "relations_ign", "evidence", "intra", "inter")


def documents(number: int) -> list[Document]:
    return [Document.from_words(f"d{i:03}", [["a"]]) for i in range(number)]


def tallies(quality: float, seed: int, number: int, gold_seed: int = 0) -> list[Tallies]:
    """Of DOCRED's measures, with the same gold facts whatever the quality and the seed."""
    gold_facts, found = np.random.default_rng(gold_seed), np.random.default_rng([seed, int(1000 * quality)])
    rows: list[Tallies] = []
    for _ in range(number):
        row: dict[tuple[str, str], Tally] = {}
        for place, label in enumerate(LABELS):
            gold = int(gold_facts.integers(0, 7 - place))
            right = int(found.binomial(gold, quality))
            row["relations", label] = Tally(right, right + int(found.poisson(2 * (1 - quality))), right, gold)
        whole = sum(row.values(), Tally())
        row["relations_ign", ""] = replace(
            whole, right_predicted=0.9 * whole.right_predicted, predicted=whole.predicted - 0.1 * whole.right_predicted
        )
        row["evidence", ""] = row["intra", ""] = whole
        row["inter", ""] = Tally(0, 1, 0, 1)
        rows.append(row)
    return rows


def counts(rows: Sequence[Tallies], name: str = "docred", measures: Sequence[str] = DOCRED) -> Counts:
    """Of documents d000, d001, ... with these tallies."""
    protocol = Protocol(
        name=name,
        mode="gold-entities",
        description="",
        measures=tuple(measures),
        count=lambda gold, _: {row: tally for row, tally in rows[int(gold.id[1:])].items() if row[0] in measures},
        labels={"relations": None} if "relations" in measures else {},
        means={"average": ("intra", "inter")} if "intra" in measures else {},
    )
    return count_documents(protocol, documents(len(rows)), documents(len(rows)))


def result(quality: float, seed: int, number: int, protocols: Sequence[str] = ("docred", "distance")) -> ModeResult:
    rows = tallies(quality, seed, number)
    measures = {"docred": DOCRED, "distance": ("intra", "inter")}
    found = {name: counts(rows, name, measures.get(name, DOCRED)) for name in protocols}
    gold = next(iter(found.values())).gold
    near, far = Score(0.5, quality, 0.6 * quality, 10, 20, 25), Score(0.4, quality, 0.4 * quality, 4, 10, 12)
    right = int(100 * quality)
    return ModeResult(
        documents=tuple(document.id for document in gold),
        digests=tuple(document.digest for document in gold),
        protocols={name: RecordedCounts.of(count) for name, count in found.items()},
        buckets={"sentence_distance": {"0": near, "1+": far}, "mentions": {"1+": near}},
        errors=ErrorCounts({"correct": right, "missed": 100 - right}, {"correct": right, "spurious": 80 - right // 2}),
    )


def record(variant: str, seed: int, quality: float, number: int = 30, pipeline: PipelineParts | None = None) -> Record:
    drawn = np.random.default_rng([seed, int(1000 * quality)])
    reached = quality + float(drawn.normal(0, 0.01))
    curve = tuple(
        CurvePoint(epoch, 100 * (epoch + 1), 60.0 * (epoch + 1), {"gold_entities": reached * (1 - 0.6 ** (epoch + 1))})
        for epoch in range(6)
    )
    config = {"training": {"seed": seed}, "data": {"dev": "redocred/dev", "dev_limit": 200}, "tune": True}
    seconds = 3000 * quality + float(drawn.normal(0, 40))
    return Record(
        study="losses",
        variant=variant,
        levels={"loss": variant},
        seed=seed,
        config={"entities": config, "relations": config} if pipeline else config,
        corpus=ScoredCorpus("redocred/dev", number, corpus_fingerprint(documents(number))),
        versions={"joint_ie": "0.1.0", "revision": "0123abc", "torch": "2.13.0", "python": "3.11.7"},
        machine=Machine("cpu", 1, "bf16", "a processor"),
        cost=Cost(seconds, 0.97 * seconds, {"gold-entities": 61.0}, int(1.9e9), 22_700_000, 1984),
        results={"gold-entities": result(reached, seed, number)},
        best_epoch=None if pipeline else 5,
        curve=() if pipeline else curve,
        pipeline=pipeline,
    )


def variant(
    name: str, quality: float, seeds: Sequence[int] = (1, 2, 3), number: int = 30, **gaps: object
) -> VariantRecords:
    records = tuple(record(name, seed, quality, number) for seed in seeds)
    return VariantRecords(name, {"loss": name}, records, **gaps)


def study(number: int = 30) -> StudyRecords:
    """A finished baseline, a better one, one of one seed, an unfinished, a failed, a waiting one, and a pipeline."""
    parts = PipelineParts("atlop", "ncrl")
    pipeline = tuple(record("separate", seed, 0.5, number, parts) for seed in (1, 2))
    return StudyRecords(
        name="losses",
        question="Which loss is best over one pair representation?",
        headline=Headline("gold-entities", "docred", "relations"),
        baseline="atlop",
        variants=(
            variant("atlop", 0.5, number=number),
            variant("pemscl", 0.75, number=number),
            variant("ncrl", 0.52, seeds=(1,), number=number),
            variant("kd-docre", 0.55, seeds=(1, 2), number=number, missing=(3,)),
            variant(EVIL, 0.4, seeds=(1, 3), number=number, missing=(2,), failures={2: "ran <out> of memory"}),
            variant("paee", 0.6, seeds=(), number=number, missing=(1, 2, 3)),
            VariantRecords("separate", {"pipeline": "separate"}, pipeline),
        ),
    )
