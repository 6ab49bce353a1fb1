"""`joint-ie score` with all its options: what is printed is what the JSON says."""

import json
from pathlib import Path
from typing import Any

import pytest

from joint_ie.cli.main import main
from joint_ie.corpora import load_corpus, training_facts, write_jsonl
from joint_ie.document import Document, Entity, Relation
from joint_ie.evaluation import protocols

WORDS = [["Ann", "met", "Bob", "in", "Oslo", "."], ["She", "left", "Rome", "."]]
EVERY = [(mode, name) for mode in ("end-to-end", "gold-mentions", "gold-entities") for name in protocols(mode)]


def build(id: str, relations: list[tuple[int, int, str]], order: tuple[int, ...] = (0, 1, 2, 3)) -> Document:
    document = Document.from_words(id, WORDS)
    spans = [(("PER", [(0, 1), (6, 7)])), ("PER", [(2, 3)]), ("LOC", [(4, 5)]), ("LOC", [(8, 9)])]
    entities = [
        Entity(label, document.words[places[0][0]], tuple(document.mention(*span) for span in places))
        for label, places in (spans[i] for i in order)
    ]
    facts = [Relation(order.index(head), order.index(tail), kind, evidence=(0,)) for head, tail, kind in relations]
    return document.with_annotations(entities, facts)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("COLUMNS", "200")
    sides = {
        "gold": [build("1", [(0, 1, "P26"), (1, 2, "P19")]), build("2", [(0, 3, "P551")])],
        "one": [build("1", [(0, 1, "P26"), (1, 3, "P19")]), build("2", [(0, 3, "P551")])],
        "two": [build("1", [(1, 0, "P26")]), build("2", [])],
    }
    for name, documents in sides.items():
        write_jsonl(documents, tmp_path / f"{name}.jsonl")
    return {name: str(tmp_path / f"{name}.jsonl") for name in sides} | {"json": str(tmp_path / "scores.json")}


def tables(shown: str) -> list[list[list[str]]]:
    """The cells of every table, header first."""
    found: list[list[list[str]]] = []
    for line in shown.splitlines():
        if line.startswith("┃"):
            found.append([[cell.strip() for cell in line.strip("┃").split("┃")]])
        elif line.startswith("│"):
            found[-1].append([cell.strip() for cell in line.strip("│").split("│")])
    return found


@pytest.mark.parametrize("options", [(), ("--intervals",), ("--per-type", "--intervals")], ids=" ".join)
@pytest.mark.parametrize(("mode", "protocol"), EVERY)
def test_tables_show_what_the_json_says(
    files: dict[str, str], mode: str, protocol: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["score", files["gold"], files["one"], "--mode", mode, "--protocol", protocol, *options]
    assert main([*command, "--json", files["json"]]) == 0
    data = json.loads(Path(files["json"]).read_text())
    (table,) = tables(capsys.readouterr().out)
    header = table[0]
    assert header[0] == data["protocol"] == protocol
    rows: dict[str, dict[str, str]] = {}
    for row in table[1:]:
        assert len(row) == len(header)
        rows.setdefault(row[0], dict(zip(header, row, strict=True)))
    shown = {key: value for key, value in data.items() if isinstance(value, dict) and "true_positives" in value}
    assert shown
    names = {"relations_strict": "relations (strict)", "relations_ign": "relations (Ign)"}
    for key, score in shown.items():
        row = rows[names.get(key, key.replace("_", " "))]
        assert row["F1"] == f"{100 * score['f1']:.2f}"
        assert float(row["gold"]) == pytest.approx(score["gold"], abs=0.05)
        assert float(row["right"]) == pytest.approx(score["true_positives"], abs=0.05)
        if data.get("intervals"):
            found = data["intervals"][f"{key}.f1"]
            assert found["low"] <= score["f1"] <= found["high"]
            assert row["95 %"] == f"{100 * found['low']:.2f} to {100 * found['high']:.2f}"


def test_all_protocols_and_their_names(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", files["gold"], files["one"], "--protocol", "all", "--json", files["json"]]) == 0
    found = json.loads(Path(files["json"]).read_text())["protocols"]
    assert "jerex" in found and not [name for name in found if name.endswith(("-as-published", "-as-listed"))]
    capsys.readouterr()
    assert main(["score", "none", "none", "--protocol", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in protocols("end-to-end"))
    assert main(["score", files["gold"], files["one"], "--protocol", "jerexx"]) == 1
    assert 'did you mean "jerex"' in capsys.readouterr().err


def test_comparison_with_other_systems(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["score", files["gold"], files["one"], "--against", files["two"], "--against", files["one"]]
    assert main([*command, "--json", files["json"]]) == 0
    compared = json.loads(Path(files["json"]).read_text())["against"]
    worse, same = ([row for row in compared if row["system"] == files[name]] for name in ("two", "one"))
    assert {row["measure"] for row in worse} == {row["measure"] for row in same}
    assert all(row["difference"] == row["low"] == row["high"] == 0 and row["p"] == 1 for row in same)
    (relations,) = (row for row in worse if row["measure"] == "relations.f1")
    assert relations["difference"] > 0 and relations["p"] <= relations["p_holm"] <= 1
    header, *rows = tables(capsys.readouterr().out)[1]
    assert header[:3] == ["measure", "system", "difference"] and len(rows) == len(compared)
    assert main([*command, "--protocol", "tag-as-published"]) == 0
    captured = capsys.readouterr()
    assert len(tables(captured.out)) == 1 and "without intervals and comparisons" in captured.err


def submission(path: Path, facts: list[dict[str, Any]]) -> str:
    path.write_text(json.dumps(facts))
    return str(path)


def test_a_submission(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = {"title": "1", "h_idx": 0, "t_idx": 1, "r": "P26", "evidence": [0]}
    stray = {"title": "unknown", "h_idx": 0, "t_idx": 1, "r": "P26"}
    beyond = {"title": "1", "h_idx": 0, "t_idx": 99, "r": "P26"}
    path = submission(tmp_path / "s.json", [right, stray, beyond])
    page = tmp_path / "errors.json"
    command = ["score", files["gold"], path, "--mode", "gold-entities", "--json", files["json"]]
    assert main([*command, "--errors", str(page)]) == 0
    data = json.loads(Path(files["json"]).read_text())
    assert (data["relations"]["true_positives"], data["relations"]["predicted"]) == (1, 3)
    assert data["strays"] == 2
    errors = json.loads(page.read_text())
    assert sum(found["count"] for found in errors["predicted"].values()) == errors["relations"]["predicted"] == 3
    assert main([*command[:2], submission(tmp_path / "e.json", []), *command[3:]]) == 0
    empty = json.loads(Path(files["json"]).read_text())
    assert (empty["relations"]["f1"], empty["relations"]["gold"]) == (0, 3)
    capsys.readouterr()
    assert main(["score", files["gold"], path]) == 1
    assert "add --mode gold-entities" in capsys.readouterr().err


def test_a_submission_names_entities_by_their_places_in_the_gold_file(files: dict[str, str], tmp_path: Path) -> None:
    order = (3, 1, 0, 2)
    write_jsonl([build("1", [(0, 1, "P26")], order)], tmp_path / "other.jsonl")
    facts = [{"title": "1", "h_idx": order.index(0), "t_idx": order.index(1), "r": "P26"}]
    path = submission(tmp_path / "s.json", facts)
    command = ["score", str(tmp_path / "other.jsonl"), path, "--mode", "gold-entities", "--json", files["json"]]
    assert main(command) == 0
    assert json.loads(Path(files["json"]).read_text())["relations"]["f1"] == 1.0


def test_mistakes_are_found_before_anything_is_scored(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*options: str) -> str:
        assert main(["score", files["gold"], files["one"], *options]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    assert "should end in .html" in refused("--errors", str(tmp_path / "errors.txt"))
    assert "cannot be written" in refused("--errors", str(tmp_path / "none" / "errors.html"))
    assert "cannot be written" in refused("--json", str(tmp_path / "none" / "scores.json"))
    assert "is for Ign F1" in refused("--training-facts", files["gold"])
    docred = refused("--protocol", "docred")
    assert 'protocol "docred" is not one of mode end-to-end, but of gold-entities; add --mode gold-entities' in docred
    jerex = refused("--protocol", "jerex", "--mode", "gold-entities")
    assert "of end-to-end and gold-mentions; add --mode end-to-end, or take one of docred" in jerex
    assert "is for Ign F1" in refused(
        "--mode", "gold-entities", "--protocol", "infer", "--training-facts", files["gold"]
    )


def test_the_error_page_is_written(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "errors.html"
    assert main(["score", files["gold"], files["one"], "--errors", str(page)]) == 0
    assert page.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert "Relations in gold" in capsys.readouterr().out


def test_right_facts_that_recall_alone_counts_stand_below_the_table(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["score", files["gold"], files["one"], "--mode", "gold-entities"]
    assert main([*command, "--training-facts", files["gold"]]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "right facts known from training: 2 right is what P counts; R counts 2 (relations (Ign))" in shown
    assert main(command) == 0
    assert "R counts" not in capsys.readouterr().out


def test_training_facts_from_docreds_own_file(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Ign F1 is that of the corpus that the file was made from; frequencies are not in it."""
    path = tmp_path / "train_annotated.fact"
    path.write_text(json.dumps(sorted(training_facts(load_corpus(files["gold"])))))
    command = ["score", files["gold"], files["one"], "--mode", "gold-entities", "--json", files["json"]]
    found = []
    for training in (files["gold"], str(path)):
        assert main([*command, "--protocol", "docred", "--training-facts", training]) == 0
        found.append(json.loads(Path(files["json"]).read_text()))
    assert found[0] == found[1] and found[0]["known"] == 2
    assert not caplog.text
    assert main([*command, "--protocol", "relation-groups", "--training-facts", str(path)]) == 0
    assert "head_group" not in json.loads(Path(files["json"]).read_text())
    assert f"{path}: has no documents, so that head, middle and tail are left out" in caplog.text


def test_a_part_of_a_corpus_is_no_whole(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JOINT_IE_DATA", str(tmp_path))
    record = {"title": "T", "sents": [["a"]], "vertexSet": []}
    folder = tmp_path / "redocred"
    folder.mkdir()
    (folder / "train_partial_992.json").write_text(json.dumps([record]))
    command = ["score", files["gold"], files["one"], "--mode", "gold-entities", "--training-facts", "redocred/train"]
    assert main(command) == 0
    (line,) = caplog.messages
    assert line == (
        "redocred/train: redocred/train_partial_992.json is only a part of it, so that Ign F1 and head, middle and "
        "tail are not comparable with published ones"
    )
    caplog.clear()
    (folder / "train_revised.json").write_text(json.dumps([record]))
    assert main(command) == 0
    assert not caplog.messages


def test_macro_scores_over_different_labels_are_no_comparison(
    files: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_jsonl([build("1", [(0, 1, "P26"), (1, 2, "P9999")]), build("2", [])], tmp_path / "odd.jsonl")
    command = [
        "score",
        files["gold"],
        files["one"],
        "--against",
        files["two"],
        "--against",
        str(tmp_path / "odd.jsonl"),
    ]
    assert main(command) == 0
    (line,) = caplog.messages
    assert line.startswith(f"jerex: macro scores of {files['one']} and {tmp_path / 'odd.jsonl'} average over different")
    assert "(of one alone: P9999)" in line
    caplog.clear()
    assert main([*command, "--protocol", "rebel"]) == 0
    assert not caplog.messages
