from dataclasses import replace

import numpy as np
import pytest

from joint_ie.document import Document, Entity
from joint_ie.errors import InputError
from joint_ie.evaluation import Scores, end_to_end
from joint_ie.evaluation.spread import Spread, by_name, spread

GOLD = [Document.from_words(str(i), [["a", "b", "c", "d"]]) for i in range(3)]
GOLD = [d.with_annotations([Entity("XY"[i % 2], "a", (d.mention(0, 1),))], []) for i, d in enumerate(GOLD)]


def run(*wrong: int) -> Scores:
    """A run that misses the entities of some documents."""
    return end_to_end(GOLD, [replace(d, entities=()) if i in wrong else d for i, d in enumerate(GOLD)])


def test_every_number_of_the_scores_has_a_name() -> None:
    scores = run(0)
    names = by_name(scores)
    assert names["entities.recall"] == scores["entities"].recall == pytest.approx(2 / 3)
    assert names["macro.entities.f1"] == scores.macro["entities"].f1
    assert len(names) == 3 * (len(scores.micro) + len(scores.macro)) + len(scores.means)


def test_mean_and_sample_deviation() -> None:
    runs = [run(), run(0), run(0, 1), run(2)]
    found = spread(runs)
    assert (found.protocol, found.documents, found.runs) == ("jerex", 3, 4)
    assert found.measures.keys() == by_name(runs[0]).keys()
    for name, measure in found.measures.items():
        values = [by_name(scores)[name] for scores in runs]
        assert measure.mean == pytest.approx(np.mean(values), rel=1e-12)
        assert measure.deviation == pytest.approx(np.std(values, ddof=1), rel=1e-12)
        assert measure.n == 4
    assert spread(reversed(runs)) == found


def test_few_runs() -> None:
    assert spread([run(0)])["entities.recall"] == Spread(run(0)["entities"].recall, None, 1)
    same = spread([run(0), run(0), run(0)])["entities.f1"]
    assert (same.mean, same.deviation) == (run(0)["entities"].f1, 0.0)


def test_as_a_dictionary() -> None:
    data = spread([run(), run(0)]).to_dict()
    assert data["runs"] == 2
    assert data["measures"]["entities.recall"] == {
        "mean": pytest.approx(5 / 6),
        "deviation": pytest.approx(np.std([1, 2 / 3], ddof=1)),
        "n": 2,
    }


def test_runs_that_were_not_scored_alike() -> None:
    with pytest.raises(InputError, match="there are no scores"):
        spread([])
    with pytest.raises(InputError, match="run 2 has scores of protocol 'jerex' on 2 documents, run 1 of 'jerex' on 3"):
        spread([run(), end_to_end(GOLD[:2], GOLD[:2])])
    with pytest.raises(InputError, match="score all runs with one protocol"):
        spread([run(), replace(run(), protocol="other")])
    with pytest.raises(InputError, match="its options"):
        spread([run(), replace(run(), macro={})])
