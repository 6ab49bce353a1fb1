"""What a report says, and which files it is made of."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from joint_ie.errors import InputError
from joint_ie.study.report import writing
from joint_ie.study.report.assembly import report_of
from joint_ie.study.report.blocks import Report, Table
from joint_ie.study.report.score_tables import score_table
from joint_ie.study.results import Results, results


@pytest.fixture(scope="module")
def report(found: Results) -> Report:
    return report_of(found)


def table(report: Report, name: str) -> Table:
    return next(table for section in report.sections for table in section.tables if table.name == name)


def cells(table: Table, start: str) -> dict[str, str]:
    row = next(row for row in table.rows if row[0].startswith(start))
    return dict(zip(table.columns, row, strict=True))


def test_the_head_says_what_is_not_there(report: Report, found: Results, small: SimpleNamespace) -> None:
    facts = dict(report.facts)
    assert facts["Cells (variant and seed)"] == "13 finished, 4 missing, 1 failed"
    assert facts["Scored on"] == "redocred/dev, 30 documents"
    assert facts["Chosen"] == (
        "the checkpoint on the first 200 documents of redocred/dev, thresholds on all of it, which is scored: "
        "scores are a little optimistic"
    )
    assert facts["Data version"].startswith(found.corpus.fingerprint[:12])
    assert facts["Versions"] == "joint_ie 0.1.0, revision 0123abc, torch 2.13.0, python 3.11.7"
    assert report.warnings == (
        "This study is not finished. Cells that are not there yet: kd-docre (seed 3); paee (seeds 1, 2, 3).",
        f"{small.EVIL}, seed 2, has failed: ran <out> of memory",
        "30 documents are few: intervals are a little too narrow, and p is a little too small (docs/scoring.md).",
    )


def test_other_versions_and_machines_are_warned_of(small: SimpleNamespace) -> None:
    study = small.study()
    first = study.variants[0]
    other = replace(
        first.records[0],
        versions={"torch": "2.14.0"},
        machine=replace(first.records[0].machine, device="cuda", processor="a GPU"),
    )
    changed = replace(first, records=(other, *first.records[1:]))
    warnings = report_of(results(replace(study, variants=(changed,)), resamples=20)).warnings
    assert any("different versions" in warning for warning in warnings)
    assert any("different machines" in warning for warning in warnings)


def test_the_table_of_scores(report: Report, found: Results) -> None:
    scores = table(report, "scores-gold-entities-docred")
    assert scores.columns == (
        *("variant", "seeds", "relations F1", "difference [95 %]", "p", "p (Holm)", "P", "R"),
        *("relations (Ign) F1", "evidence F1", "intra F1", "inter F1"),
    )
    best, head = cells(scores, "pemscl"), found.comparisons[0].rows[0]
    spread = head.scores["relations.f1"]
    assert best["relations F1"] == f"{100 * spread.mean:.2f} ± {100 * spread.deviation:.2f}"
    assert best["difference [95 %]"].endswith("] *") and best["p (Holm)"] == f"{head.p_holm:.4f}"
    assert cells(scores, "atlop")["difference [95 %]"] == "" and cells(scores, "atlop")["variant"].endswith(
        "(baseline)"
    )
    assert cells(scores, "ncrl")["variant"] == "ncrl †" and "±" not in cells(scores, "ncrl")["relations F1"]
    assert cells(scores, "kd-docre")["variant"] == "kd-docre ‡"
    assert cells(scores, "<b>")["difference [95 %]"].startswith("−")
    notes = " ".join(scores.notes)
    assert "once more with other random numbers" in notes and "on 500 corpora drawn" in notes
    assert "5 variants of this table are tested" in notes and "kd-docre: 3" in notes


def test_every_table_and_picture_states_its_data(report: Report, found: Results) -> None:
    version = f"data {found.corpus.fingerprint[:12]}"
    tables = [table for section in report.sections for table in section.tables]
    assert len(tables) == 8 and len({table.name for table in tables}) == 8
    for table in tables:
        assert version in table.scope and "gold-entities, " in table.scope
        assert all(len(row) == len(table.columns) for row in table.rows)
    for picture in report.pictures():
        assert version in picture.scope or picture.name == "curves"


def test_relations_have_their_readable_names(report: Report) -> None:
    assert cells(table(report, "labels"), "place of birth (P19)")["gold"] != "0"


def test_the_names_of_records_come_first(small: SimpleNamespace) -> None:
    """Labels of one's own are known to nobody else."""
    study = small.study()
    first = study.variants[0]
    named = tuple(replace(record, relation_names={"P19": "birth town"}) for record in first.records)
    made = report_of(results(replace(study, variants=(replace(first, records=named),)), resamples=20))
    assert cells(table(made, "labels"), "birth town (P19)") and cells(table(made, "labels"), "P17")


def test_costs_have_units_and_marks(report: Report) -> None:
    cost = table(report, "cost")
    assert "training [min]" in cost.columns and "evaluation [s]" in cost.columns
    assert cells(cost, "separate")["variant"] == "separate §" and cells(cost, "ncrl")["variant"] == "ncrl †"
    assert cells(cost, "atlop")["parameters [millions]"] == "22.7" and cells(cost, "atlop")["steps"] == "1,984"
    assert any("not to the second" in note for note in cost.notes)


@pytest.mark.parametrize(
    ("complete", "said"), [(True, "peak memory is of the last"), (False, "CPU time and peak memory are of the last")]
)
def test_costs_of_interrupted_cells_say_what_is_known(small: SimpleNamespace, complete: bool, said: str) -> None:
    study = small.study()
    first = study.variants[0]
    one, *others = first.records
    one = replace(one, cost=replace(one.cost, processes=2, cpu_complete=complete))
    study = replace(study, variants=(replace(first, records=(one, *others)),))
    cost = table(report_of(results(study, resamples=20)), "cost")
    assert cells(cost, "atlop")["variant"] == "atlop ¶"
    assert [said in note for note in cost.notes if note.startswith("¶")] == [True]


def test_all_files_are_written(found: Results, drawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_drawings", lambda results: drawn)
    files = writing.write_report(found, tmp_path / "report")
    names = {str(file.relative_to(tmp_path / "report")) for file in files}
    figures = {f"figures/{name}.{ending}" for name in ("scores", "curves", "cost") for ending in ("svg", "pdf")}
    assert names == {"report.json", "report.md", "report.tex", "report.html", *figures}
    assert all(file.stat().st_size for file in files)
    data = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    row = data["comparisons"][0]["variants"][0]
    assert row["scores"]["relations.f1"]["mean"] == found.comparisons[0].rows[0].scores["relations.f1"].mean
    assert row["difference"]["low"] == found.comparisons[0].rows[0].difference.low
    assert [cell["missing_seeds"] for cell in data["cells"]] == [[], [], [], [3], [2], [1, 2, 3], []]


def test_only_what_is_asked_for(found: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "find_spec", lambda name: None)
    files = {file.name for file in writing.write_report(found, tmp_path, ["md"])}
    assert files == {"report.md", "report.json"}


def test_without_matplotlib_there_are_tables_and_a_hint(
    found: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "find_spec", lambda name: None)
    files = {file.name for file in writing.write_report(found, tmp_path)}
    assert files == {"report.json", "report.md", "report.tex", "report.html"}
    for name in ("report.md", "report.tex", "report.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "pip install joint" in text and "<img" not in text and "includegraphics" not in text
        assert "pemscl" in text


def test_a_folder_that_cannot_be_written(found: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "find_spec", lambda name: None)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        writing.write_report(found, tmp_path / "file", ["md"])


def test_variants_of_the_measure_come_before_the_others(found: Results) -> None:
    listed = ("intra", "inter", "relations", "relations_ign", "evidence")
    scores = score_table(found, replace(found.comparisons[0], listed=listed))
    assert scores.columns[8:] == ("relations (Ign) F1", "intra F1", "inter F1", "evidence F1")
