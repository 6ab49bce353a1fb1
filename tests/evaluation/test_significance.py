"""Against `evaluate` on corpora that were really resampled or swapped, scipy, exact enumeration, and simulation."""

import json
import random
import runpy
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.evaluation import evaluate, significance
from joint_ie.evaluation.bootstrap import confidence_interval, paired_bootstrap
from joint_ie.evaluation.jerex import JEREX
from joint_ie.evaluation.protocol import Protocol
from joint_ie.evaluation.randomisation import _differences, approximate_randomisation
from joint_ie.evaluation.significance import (
    Counts,
    blocks,
    count_documents,
    holm,
    statistic_named,
    statistics,
    summed,
    tables,
)
from joint_ie.evaluation.spread import by_name
from joint_ie.evaluation.tally import Tallies, Tally

load = runpy.run_path(str(Path(__file__).parents[1] / "neutral.py"))["load"]

EXACT = {"rel": 1e-12, "abs": 1e-12}


def toy(rows: Sequence[Tallies], **options: Any) -> Protocol:
    """A protocol that counts, in document i, what ``rows`` say (an id is i, or i:number for repeated documents)."""
    return Protocol(
        name="toy",
        mode="end-to-end",
        description="",
        measures=("facts", "names"),
        count=lambda gold, _: rows[int(gold.id.split(":")[0])],
        labels={"facts": None},
        means={"both": ("facts", "names")},
        **options,
    )


def corpus(numbers: Sequence[int]) -> list[Document]:
    return [Document.from_words(f"{number:03}:{i}", [["a"]]) for i, number in enumerate(numbers)]


def counted(rows: Sequence[Tallies], strays: Tallies | None = None, **options: Any) -> Counts:
    documents = [Document.from_words(f"{i:03}", [["a"]]) for i in range(len(rows))]
    return count_documents(toy(rows, **options), documents, documents, strays)


def simulated(documents: int, seed: int, recall: float = 0.6, labels: str = "XYZ") -> list[Tallies]:
    """Documents of different sizes and difficulty; counts are whole numbers."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(documents):
        easy = rng.beta(4 * recall, 4 * (1 - recall))
        rows = {}
        for label in rng.permutation(list(labels))[: rng.integers(0, len(labels) + 1)]:
            gold = int(rng.integers(0, 6))
            right = int(rng.binomial(gold, easy))
            rows["facts", str(label)] = Tally(right, right + int(rng.poisson(1)), right, gold)
        rows["names", ""] = Tally(1, 2, 1, 1)
        found.append(rows)
    return found


fractions = st.sampled_from([0, 1, 2, 3, 0.1, 1 / 3, 2.7])
tally = st.tuples(fractions, fractions, fractions, fractions).map(
    lambda n: Tally(min(n[0], n[1]), n[1], min(n[2], n[3]), n[3])
)
some = st.dictionaries(st.sampled_from([("facts", "X"), ("facts", "Y"), ("facts", "Z"), ("names", "")]), tally)


@given(
    st.lists(some, min_size=1, max_size=5),
    some,
    st.sampled_from([0.0, 1e-5]),
    st.sampled_from([None, ("X", "W")]),
    st.data(),
)
def test_a_resample_scores_as_evaluate_says(
    rows: list[Tallies], strays: Tallies, epsilon: float, labels: tuple[str, ...] | None, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=6))
    counts = counted(rows, strays, epsilons={"facts": epsilon, "names": epsilon})
    counts = replace(counts, protocol=replace(counts.protocol, labels={"facts": labels}))
    documents = corpus(drawn)
    want = by_name(evaluate(counts.protocol, documents, documents, strays))
    weights = np.array([[*np.bincount(drawn, minlength=len(rows)), 1]], dtype=float)
    assert statistics(counts.protocol).keys() == want.keys()
    for name, statistic in statistics(counts.protocol).items():
        [table] = tables([counts], statistic)
        assert statistic.of(summed(weights, table), epsilon) == pytest.approx([want[name]], **EXACT), name


@given(st.lists(st.tuples(some, some), min_size=1, max_size=4), some, some)
@settings(max_examples=40)
def test_all_swaps_score_as_evaluate_says(
    rows: list[tuple[Tallies, Tallies]], one_strays: Tallies, other_strays: Tallies
) -> None:
    units = [*rows, (one_strays, other_strays)]
    one, other = counted([a for a, _ in rows], one_strays), counted([b for _, b in rows], other_strays)
    swaps = list(product([0, 1], repeat=len(units)))
    dealt = [[pair[:: -1 if swap else 1] for pair, swap in zip(units, way, strict=True)] for way in swaps]
    scores = [
        [by_name(counted([pair[side] for pair in way[:-1]], way[-1][side]).scores) for side in (0, 1)] for way in dealt
    ]
    for name, statistic in statistics(one.protocol).items():
        pair = tuple(tables([one, other], statistic))
        for pairs in ([pair], [pair, pair]):
            found = _differences(np.array(swaps, dtype=float), pairs, statistic, 0.0)
            assert found == pytest.approx([a[name] - b[name] for a, b in scores], **EXACT), name


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, list[Document]]:
    return {name: load(shared, name) for name in ("gold", "light", "medium", "messy", "empty")}


@pytest.mark.parametrize("name", ["light", "medium", "messy", "empty"])
def test_real_documents_score_exactly_as_evaluate_says(golden: dict[str, list[Document]], name: str) -> None:
    predicted = golden[name][:-1]
    counts = count_documents(JEREX, golden["gold"], predicted)
    scores = evaluate(JEREX, golden["gold"], predicted)
    assert counts.scores == scores
    ones = np.ones((1, len(counts.gold) + 1))
    for measure, value in by_name(scores).items():
        interval = confidence_interval(counts, measure, resamples=50)
        assert (interval.value, interval.documents, interval.runs) == (value, 60, 1)
        assert interval.low <= value <= interval.high or "macro" in measure
        [table] = tables([counts], statistic_named(JEREX, measure))
        assert statistics(JEREX)[measure].of(summed(ones, table), 0.0)[0] == pytest.approx(value, rel=1e-12, abs=0)


def test_real_systems_differ(golden: dict[str, list[Document]]) -> None:
    light, medium = (count_documents(JEREX, golden["gold"], golden[name]) for name in ("light", "medium"))
    for measure in ("relations", "macro.relations_strict.f1", "mentions.recall"):
        difference = paired_bootstrap(light, medium, measure, resamples=999)
        assert 0 < difference.low < difference.difference < difference.high
        assert difference.p == pytest.approx(2 / 1000)
        assert approximate_randomisation(light, medium, measure, resamples=999).p == pytest.approx(1 / 1000)


STRAYS = {("facts", "Y"): Tally(0, 20, 0, 0), ("facts", "V"): Tally(0, 3, 0, 0)}


@pytest.mark.parametrize("strays", [None, STRAYS])
@pytest.mark.parametrize("measure", ["facts", "facts.recall", "macro.facts.precision", "macro.facts.f1", "both"])
def test_the_interval_of_scipy(measure: str, strays: Tallies | None) -> None:
    rows = simulated(40, seed=1)
    counts = counted(rows, strays)
    statistic = statistic_named(counts.protocol, measure)

    def score(drawn: Any) -> float:
        documents = corpus(list(drawn))
        return by_name(evaluate(counts.protocol, documents, documents, strays))[statistic.name]

    options: dict[str, Any] = {"n_resamples": 100, "method": "percentile", "vectorized": False}
    want = scipy.stats.bootstrap((np.arange(40),), score, **options, rng=np.random.default_rng(7))
    found = confidence_interval(counts, measure, resamples=100, seed=7)
    limits = want.confidence_interval
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high), **EXACT)


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("measure", ["facts.f1", "macro.facts.f1"])
def test_the_p_value_of_scipy(measure: str, runs: int) -> None:
    one = [simulated(8, seed=3 + 2 * i, recall=0.75) for i in range(runs)]
    other = [simulated(8, seed=4 + 2 * i, recall=0.6) for i in range(runs)]

    def score(drawn: Any, number: int) -> float:
        return by_name(counted([[*one[number], *other[number]][int(i)] for i in drawn]).scores)[measure]

    def difference(first: Any, second: Any) -> float:
        return sum(score(first, number) - score(second, number) for number in range(runs)) / runs

    data = (np.arange(8), np.arange(8, 16))
    exact = scipy.stats.permutation_test(data, difference, permutation_type="samples", n_resamples=np.inf)
    assert len(exact.null_distribution) == 2**8
    found = approximate_randomisation(
        [counted(rows) for rows in one], [counted(rows) for rows in other], measure, resamples=20_000
    )
    assert found.difference == pytest.approx(exact.statistic, **EXACT)
    error = (exact.pvalue * (1 - exact.pvalue) / 20_000) ** 0.5
    assert 0.02 < exact.pvalue < 0.98
    assert found.p == pytest.approx(exact.pvalue, abs=4 * error)


def test_the_interval_covers_the_truth() -> None:
    """Of 300 intervals at 90%, 270 should; 254 to 286 is three standard deviations."""
    population = simulated(4000, seed=5)
    truth = counted(population).scores["facts"].f1
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(300):
        sample = counted([population[i] for i in rng.integers(0, 4000, 60)])
        interval = confidence_interval(sample, "facts", resamples=300, level=0.9)
        covered += interval.low <= truth <= interval.high
    assert 254 <= covered <= 286


def test_equal_systems_are_seldom_called_different() -> None:
    """Of 300 tests of equally good systems, 30 should have p <= 0.1; 14 to 46 is three standard deviations.

    The percentile bootstrap calls 12.9% of them different (463 of 3,600, these among them), so 22 to 56.
    """
    both = [(counted(simulated(30, seed)), counted(simulated(30, seed + 1000))) for seed in range(300)]
    p_values = [approximate_randomisation(one, other, "facts", resamples=199).p for one, other in both]
    assert 14 <= sum(p <= 0.1 for p in p_values) <= 46
    p_values = [paired_bootstrap(one, other, "facts", resamples=199).p for one, other in both]
    assert 22 <= sum(p <= 0.1 for p in p_values) <= 56


def trained(rng: np.random.Generator, runs: int, spread: float) -> list[Counts]:
    """Runs of one system whose quality depends on the seed."""
    recalls = np.clip(rng.normal(0.6, spread, runs), 0.2, 0.95)
    return [counted(simulated(40, int(rng.integers(1 << 30)), float(recall))) for recall in recalls]


def test_seeds_of_one_system_are_seldom_called_different() -> None:
    """With the chance in training at most the nominal 10 of 100 (17 is two deviations more), without it far more."""
    rng = np.random.default_rng(3)
    both = [(trained(rng, 3, 0.08), trained(rng, 3, 0.08)) for _ in range(100)]

    def called(trainings: bool) -> int:
        found = (paired_bootstrap(*pair, "facts", resamples=199, trainings=trainings).p for pair in both)
        return sum(p <= 0.1 for p in found)

    assert called(trainings=True) <= 17
    assert called(trainings=False) >= 25


def test_the_chance_in_training_is_welchs() -> None:
    """Where documents leave none, interval and p are those of scipy's test of unequal variances."""
    rows = [[{("facts", "X"): Tally(right, 20, right, 20)}] * 5 for right in (12, 15, 17, 8, 11)]
    runs = [counted(found) for found in rows]
    systems = runs[:3], runs[3:]
    found = paired_bootstrap(*systems, "facts", resamples=200_000, trainings=True)
    alone = paired_bootstrap(*systems, "facts", resamples=99)
    assert alone.low == pytest.approx(alone.high) and alone.p == pytest.approx(0.02) and not alone.trainings
    scores = [[run.scores["facts"].f1 for run in system] for system in systems]
    exact = scipy.stats.ttest_ind(*scores, equal_var=False)
    low, high = exact.confidence_interval(0.95)
    assert found.difference == pytest.approx(np.mean(scores[0]) - np.mean(scores[1]), **EXACT)
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.02)
    assert found.p == pytest.approx(exact.pvalue, abs=0.005)
    back = paired_bootstrap(*reversed(systems), "facts", resamples=200_000, trainings=True)
    assert (back.low, back.high, back.p) == pytest.approx((-found.high, -found.low, found.p), **EXACT)


def test_one_run_says_nothing_about_training() -> None:
    runs = [counted(simulated(25, seed)) for seed in range(3)]
    with pytest.raises(InputError, match="needs two runs of each system"):
        paired_bootstrap(runs[:2], runs[2], "facts", trainings=True)
    still = paired_bootstrap([runs[0]] * 2, [runs[1]] * 2, "facts", resamples=99, trainings=True)
    alone = paired_bootstrap(runs[0], runs[1], "facts", resamples=99)
    assert (still.low, still.high) == pytest.approx((alone.low, alone.high), abs=0.01)


MEASURES = ["facts.f1", "facts.precision", "macro.facts.f1", "both"]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_system_against_itself(measure: str) -> None:
    system = counted(simulated(25, seed=0))
    found = paired_bootstrap(system, system, measure, resamples=100)
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert approximate_randomisation(system, system, measure, resamples=100).p == 1


@pytest.mark.parametrize("measure", MEASURES)
def test_swapping_systems_negates_the_difference(measure: str) -> None:
    one, other = counted(simulated(25, seed=1)), counted(simulated(25, seed=2, recall=0.5))
    there, back = (paired_bootstrap(*pair, measure, resamples=300) for pair in ((one, other), (other, one)))
    assert (there.difference, there.p) == (-back.difference, back.p)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), **EXACT)
    assert there.difference == there.one - there.other
    there_p, back_p = (approximate_randomisation(*pair, measure).p for pair in ((one, other), (other, one)))
    assert there_p == back_p


def test_interval_and_p_value_agree() -> None:
    """The interval leaves out 0 where p is below 1 - level (checked away from the limit itself)."""
    seen = set()
    for seed in range(30):
        one, other = counted(simulated(30, seed, recall=0.65)), counted(simulated(30, seed + 100, recall=0.5))
        found = paired_bootstrap(one, other, "facts", resamples=999, level=0.9)
        if abs(found.p - 0.1) > 0.005:
            assert (found.low > 0 or found.high < 0) == (found.p < 0.1)
            seen.add(found.p < 0.1)
    assert seen == {True, False}


def test_the_order_of_documents_does_not_matter(golden: dict[str, list[Document]]) -> None:
    def shuffled(name: str) -> list[Document]:
        return random.Random(name).sample(golden[name], len(golden[name]))

    found = []
    for gold in (golden["gold"], shuffled("gold")):
        light = count_documents(JEREX, gold, shuffled("light"))
        medium = count_documents(JEREX, golden["gold"], golden["medium"])
        found.append(
            (
                confidence_interval(light, "relations", resamples=99),
                paired_bootstrap(light, medium, "relations", resamples=99),
                approximate_randomisation(light, medium, "relations", resamples=99),
            )
        )
    assert found[0] == found[1]


def test_seeds_repeat_and_differ() -> None:
    one, other = counted(simulated(25, seed=1)), counted(simulated(25, seed=2))
    runs = [
        (confidence_interval(one, "facts", seed=s), paired_bootstrap(one, other, "facts", seed=s)) for s in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert all(a.low != b.low for a, b in zip(runs[0], runs[2], strict=True))
    p_values = [approximate_randomisation(one, other, "facts", seed=s).p for s in (1, 1, 2)]
    assert p_values[0] == p_values[1] != p_values[2]


def test_blocks_bound_memory_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.zeros((501, 96, 5))
    sizes = list(blocks(10_000, table))
    assert sum(sizes) == 10_000
    assert max(sizes) * table.shape[0] <= significance.BLOCK
    assert max(sizes) * 96 * 5 <= significance.BLOCK
    one, other = counted(simulated(25, seed=1)), counted(simulated(25, seed=2))

    def results() -> list[Any]:
        return [
            confidence_interval(one, "macro.facts.f1", resamples=50),
            paired_bootstrap(one, other, "macro.facts.f1", resamples=50),
            approximate_randomisation(one, other, "macro.facts.f1", resamples=50),
        ]

    whole = results()
    monkeypatch.setattr(significance, "BLOCK", 26 * 7)
    assert list(blocks(50, np.zeros((26, 3, 5)))) == [7] * 7 + [1]
    assert results() == whole
    monkeypatch.setattr(significance, "BLOCK", 1)
    assert results() == whole


def test_runs_are_averaged() -> None:
    runs = [counted(simulated(25, seed)) for seed in range(4)]
    single = [confidence_interval(run, "facts", resamples=99) for run in runs]
    assert confidence_interval([runs[0]], "facts", resamples=99) == single[0]
    mean = confidence_interval(runs, "facts", resamples=99)
    assert (mean.runs, mean.value) == (4, pytest.approx(np.mean([interval.value for interval in single]), rel=1e-12))
    assert mean.high - mean.low < np.mean([interval.high - interval.low for interval in single])
    alone = paired_bootstrap(runs[0], runs[1], "facts", resamples=99)
    twice = paired_bootstrap([runs[0]] * 2, [runs[1]] * 3, "facts", resamples=99)
    assert twice.runs == (2, 3)
    assert (twice.low, twice.high, twice.p) == pytest.approx((alone.low, alone.high, alone.p), **EXACT)
    found = approximate_randomisation(runs[:2], runs[2:], "facts", resamples=99)
    assert found.difference == pytest.approx(sum(single[i].value * (1, 1, -1, -1)[i] for i in range(4)) / 2, **EXACT)
    assert found.p == approximate_randomisation(runs[2:], runs[:2], "facts", resamples=99).p
    with pytest.raises(InputError, match="one system has 1 runs, the other 2"):
        approximate_randomisation(runs[:1], runs[1:3], "facts")
    with pytest.raises(InputError, match="a system has no runs"):
        confidence_interval([], "facts")


def test_as_dictionaries() -> None:
    one, other = counted(simulated(5, seed=1)), counted(simulated(5, seed=2))
    interval = confidence_interval(one, "facts", resamples=9, seed=3).to_dict()
    assert (interval["measure"], interval["resamples"], interval["seed"], interval["level"]) == ("facts.f1", 9, 3, 0.95)
    for result in (paired_bootstrap(one, other, "both", resamples=9), approximate_randomisation(one, other, "both")):
        data = json.loads(json.dumps(result.to_dict()))
        assert data["difference"] == data["one"] - data["other"]
        assert data["measure"] == "both"


def test_measures_that_cannot_be_resampled() -> None:
    rows = simulated(5, seed=0)
    whole = {"names": lambda pairs: Tally(1, 2, 1, 2).score()}
    counts = counted(rows, whole=whole)
    assert counts.scores["names"].f1 == 0.5
    assert confidence_interval(counts, "facts", resamples=9).measure == "facts.f1"
    for measure in ("names", "names.recall", "both", "macro.names.f1"):
        with pytest.raises(InputError, match=rf'measure "{measure}" of protocol "toy" is no sum over documents'):
            confidence_interval(counts, measure)
    with pytest.raises(InputError, match=r'measure "fact" is unknown .*did you mean "facts\.f1"\?.*known are'):
        confidence_interval(counts, "fact")
    with pytest.raises(InputError, match=r'measure "both\.recall" is unknown'):  # a mean has an F1 only
        confidence_interval(counted(rows), "both.recall")


def test_what_cannot_be_compared(golden: dict[str, list[Document]]) -> None:
    one = count_documents(JEREX, golden["gold"], golden["light"])
    with pytest.raises(InputError, match=r"gold document .* belongs to one run and not|another 50"):
        paired_bootstrap(one, count_documents(JEREX, golden["gold"][:50], golden["light"][:50]), "relations")
    changed = [replace(golden["gold"][0], relations=()), *golden["gold"][1:]]
    with pytest.raises(InputError, match=r"gold document '.*' has other annotations"):
        approximate_randomisation(one, count_documents(JEREX, changed, golden["light"]), "relations")
    labels = {**JEREX.labels, "relations": ("P17",)}
    for options in (
        {"epsilons": {"relations": 1e-5}},
        {"labels": labels},
        {"name": "other"},
        {"options": "other facts"},
    ):
        other = count_documents(replace(JEREX, **options), golden["gold"], golden["light"])
        with pytest.raises(InputError, match="other options"):
            paired_bootstrap(one, other, "relations")
    with pytest.raises(InputError, match="no gold documents"):
        count_documents(JEREX, [], [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resamples": 0}, "resamples = 0 should be at least 1"),
        ({"seed": -1}, "seed = -1 should be at least 0"),
        ({"level": 1.0}, "level = 1.0 should be above 0 and below 1"),
        ({"level": 95}, "level = 95 should be"),
    ],
)
def test_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        confidence_interval(counted(simulated(3, seed=0)), "facts", **options)


@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    """A hypothesis falls where Bonferroni rejects every set of hypotheses that it belongs to."""
    everything = range(len(p_values))
    subsets = list(chain.from_iterable(combinations(everything, size) for size in range(1, len(p_values) + 1)))
    want = [
        max(min(1.0, len(subset) * min(p_values[j] for j in subset)) for subset in subsets if i in subset)
        for i in everything
    ]
    assert holm(p_values) == tuple(want)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()
    for value in (1.5, -0.1, float("nan")):
        with pytest.raises(InputError, match="is no probability"):
            holm([0.5, value])
