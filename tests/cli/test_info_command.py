import argparse
import json
import runpy
from importlib.metadata import version
from pathlib import Path

import pytest

from joint_ie.cli.info import add_parser
from joint_ie.errors import InputError

write_checkpoint = runpy.run_path(str(Path(__file__).parents[1] / "tiny_checkpoint.py"))["write_checkpoint"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("model"))


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["info", *words])
    return args.run(args)


def test_versions_and_what_the_model_knows(checkpoint, capsys):
    assert run(str(checkpoint)) == 0
    output = capsys.readouterr().out
    for text in (
        version("torch"),
        version("transformers"),
        "threads",
        "PER, LOC",
        "3 (--relations",
        "0.3",
        "0.8",
        "learned",
    ):
        assert text in output
    assert str(checkpoint.resolve()) in output.replace("\n", "")
    assert "place of birth" not in output


def test_the_method_of_coreference(checkpoint, tmp_path, capsys):
    for folder, said in ((checkpoint, "0.800 (pairwise)"), (write_checkpoint(tmp_path, "antecedent"), "(antecedent)")):
        run(str(folder))
        assert said in capsys.readouterr().out


def test_relations_and_scores(checkpoint, capsys):
    numbers = {"precision": 0.5, "recall": 0.4, "f1": 0.4444}
    counts = {"protocol": "jerex", "documents": 500, "missing": 0, "known": 912}
    scores = {"jerex": {**counts, "relations_strict": numbers}, "coreference": {"b_cubed": numbers}}
    path = checkpoint / "scores.json"
    path.write_text(json.dumps(scores))
    try:
        run(str(checkpoint), "--relations")
        output = capsys.readouterr().out
        path.write_text("{")
        with pytest.raises(InputError, match="cut off or not valid"):
            run(str(checkpoint))
    finally:
        path.unlink()
    for text in (
        "scores (F1 in percent)",
        "end-to-end (JEREX's protocol)",
        "500 documents",
        "relations with entity types (strict)",
        "44.44",
        "b cubed",
        "P19",
        "place of birth",
        "author",
    ):
        assert text in output
    assert not {"missing", "known", "912"} & set(output.split())


def test_a_wrong_name_is_all_that_is_said(tmp_path, capsys):
    with pytest.raises(InputError, match="no such folder"):
        run(str(tmp_path / "gone"))
    assert capsys.readouterr().out == ""


def test_versions_are_shown_even_if_the_model_cannot_be_loaded(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError):
        run(str(tmp_path))
    assert version("torch") in capsys.readouterr().out


@pytest.mark.parametrize("detector", ["span", "crf", "semi-markov"])
def test_how_mentions_are_found(detector, tmp_path, capsys):
    assert run(str(write_checkpoint(tmp_path / "model", detector=detector))) == 0
    assert f"{detector}, up to 2 words" in capsys.readouterr().out
