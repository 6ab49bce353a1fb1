import argparse
import io
import json
from pathlib import Path

import pytest

from joint_ie.cli.score import add_parser
from joint_ie.cli.tables import print_scores, write_json
from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.evaluation import end_to_end, gold_entities


def build(relations: list[tuple[int, int, str]]) -> Document:
    document = Document.from_words("d", [["Ann", "Rome", "Oslo"]])
    entities = [
        Entity(label, document.words[i], (document.mention(i, i + 1),)) for i, label in enumerate(("PER", "LOC", "LOC"))
    ]
    return document.with_annotations(entities, [Relation(*relation) for relation in relations])


GOLD = build([(0, 1, "P19"), (0, 2, "P20"), (0, 1, "P20")])
PREDICTED = build([(0, 1, "P19"), (0, 2, "P19")])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    paths = []
    for name, document in (("gold", GOLD), ("predicted", PREDICTED)):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps(document.to_dict()) + "\n", encoding="utf-8")
        paths.append(str(path))
    return paths[0], paths[1]


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["score", *words])
    status: int = args.run(args)
    return status


def test_table_shows_percent_with_two_decimals() -> None:
    file = io.StringIO()
    print_scores(end_to_end([GOLD], [PREDICTED]).to_dict(), "a title with [brackets]", file)
    lines = [line.replace("│", " ").split() for line in file.getvalue().splitlines()]
    assert lines[0] == ["a", "title", "with", "[brackets]"]
    assert ["relations", "50.00", "33.33", "40.00", "1", "2", "3"] in lines
    assert ["mentions", "100.00", "100.00", "100.00", "3", "3", "3"] in lines
    assert lines[-1] == ["documents:", "1"]


def test_table_names_what_was_left_out() -> None:
    file = io.StringIO()
    print_scores(gold_entities([GOLD], [], {("Ann", "Rome", "P19")}).to_dict(), "t", file)
    assert "relations (Ign)" in file.getvalue()
    assert "documents: 1, without a prediction: 1" in file.getvalue()


def test_json_goes_to_a_file_or_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {"relations": {"f1": 1 / 3}}
    write_json(data, str(tmp_path / "scores.json"))
    write_json(data, "-")
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8")) == data
    assert json.loads(capsys.readouterr().out) == data
    with pytest.raises(InputError, match=r"scores\.json: cannot be written \(No such file"):
        write_json(data, str(tmp_path / "nowhere" / "scores.json"))


def test_end_to_end_command(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "scores.json"
    assert run(*files, "--json", str(target)) == 0
    assert json.loads(target.read_text(encoding="utf-8")) == end_to_end([GOLD], [PREDICTED]).to_dict()
    assert "relations (strict)" in capsys.readouterr().out


def test_gold_entities_command(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*files, "--mode", "gold-entities", "--training-facts", files[0], "--json", "-") == 0
    captured = capsys.readouterr()
    data = json.loads(captured.out)  # nothing but the JSON on standard output
    assert data["protocol"] == "docred"
    assert data["known"] == 1
    assert data["relations_ign"]["precision"] == 0.0
    assert "relations (Ign)" in captured.err


def test_training_facts_need_gold_entities(files: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="add --mode gold-entities"):
        run(*files, "--training-facts", files[0])
