"""`joint-ie adapt`, from documents to a model that extracts."""

import json
import re
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from joint_ie.cli import adapt
from joint_ie.cli.arguments import Parser
from joint_ie.corpora import load_corpus, write_jsonl
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.extraction import load
from joint_ie.models.checkpoint import load_checkpoint
from joint_ie.schema import Schema
from joint_ie.training.held_out import split

TESTS = Path(__file__).parents[1]
world = runpy.run_path(str(TESTS / "training" / "world.py"))
write_checkpoint = runpy.run_path(str(TESTS / "tiny_checkpoint.py"))["write_checkpoint"]
QUICK = ("training.epochs=2", "training.precision=no", "training.threads=1")


def renamed(document: Document) -> Document:
    """Another schema: one label that the start model knows, the others new."""
    entities = [replace(e, type={"LOC": "PORT"}.get(e.type, e.type)) for e in document.entities]
    relations = [replace(r, type={"P19": "from", "P20": "buried in"}[r.type]) for r in document.relations]
    return document.with_annotations(entities, relations)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("mine") / "mine.jsonl"
    write_jsonl([renamed(world["document"](seed)) for seed in range(10)], path)
    return path


def typed(*words: object) -> int:
    parser = Parser()
    adapt.add_parser(parser.add_subparsers())
    args = parser.parse_args(["adapt", *map(str, words)])
    return args.run(args)


@pytest.fixture(scope="module")
def run(start: Path, mine: Path, tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        first, *others = QUICK
        assert typed(mine, first, "-o", folder, "--start", start, *others) == 0
    return folder, "\n".join(printed)


def test_documents_are_split_and_kept(run: tuple[Path, str], mine: Path) -> None:
    folder, _ = run
    parts = [load_corpus(folder / name) for name in ("train.jsonl", "held-out.jsonl")]
    assert [len(part) for part in parts] == [8, 2]
    assert sorted(parts[0] + parts[1], key=lambda d: d.id) == sorted(load_corpus(mine), key=lambda d: d.id)


def test_the_checkpoint_is_like_any_other(run: tuple[Path, str], start: Path) -> None:
    folder, _ = run
    best, _ = load_checkpoint(folder / "best")
    there, _ = load_checkpoint(start)
    assert [label.id for label in best.schema.entity_types] == ["PORT", "PER"]
    assert {label.name for label in best.schema.relation_types} == {"from", "buried in"}
    assert best.settings == there.settings
    assert Schema.load(folder / "schema.json") == best.schema
    extract = load(folder / "best")
    assert {entity.type for entity in extract("Ann Lee left Oslo for Rome.").entities} <= {"PORT", "PER"}


def test_scores_are_of_the_held_out_documents(run: tuple[Path, str]) -> None:
    """Predicted anew from the checkpoint, they are those that were written."""
    from joint_ie.evaluation import end_to_end, gold_entities

    folder, _ = run
    held = load_corpus(folder / "held-out.jsonl")
    found = json.loads((folder / "test.json").read_text())
    extract = load(folder / "best")
    scores = end_to_end(held, extract.pipe(held))
    for measure in ("mentions", "clusters", "entities", "relations", "relations_strict"):
        assert found["end-to-end"][measure]["f1"] == pytest.approx(scores[measure].f1, abs=1e-9)
        interval = found["end-to-end"]["intervals"][f"{measure}.f1"]
        assert interval["low"] <= scores[measure].f1 <= interval["high"]
    given = gold_entities(held, extract.gold_entities(held))
    assert found["gold-entities"]["relations"]["f1"] == pytest.approx(given["relations"].f1, abs=1e-9)
    assert load_corpus(folder / "predicted.jsonl") == list(extract.pipe(held))
    card = (folder / "best" / "README.md").read_text()
    assert "2 of the 10 documents" in card and "the thresholds are those of " in card
    assert f"{100 * scores['mentions'].f1:.1f}" in card


def test_what_is_printed(run: tuple[Path, str], start: Path) -> None:
    folder, printed = run
    assert "beware: 10 documents are few" in printed
    assert (
        f"Nothing was chosen with them: the schedule was set before, and the thresholds are those of {start}" in printed
    )
    assert "beware: 2 documents are too few to compare settings by" in printed
    assert re.search(r"for example, in the held-out document 'doc-\d'", printed)
    assert printed.endswith(f'go on with: joint-ie extract --model {folder / "best"} "a text, or files"')


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dev-share", "1.5"], "should be above 0 and below 1"),
        (["--reader", "jsnl"], 'reader "jsnl" is unknown'),
        (["--schema", "gone.json"], "gone.json: no such file"),
        (["--start", "./gone"], "gone: no such folder"),
        (["training.epoch=2"], r"command line: training\.epoch = 2 is not a setting"),
        (["start_labels=null"], "knows other labels than the training data"),
    ],
)
def test_mistakes_are_one_sentence(start: Path, mine: Path, tmp_path: Path, words: list[str], message: str) -> None:
    chosen = [] if "--start" in words else ["--start", start]
    with pytest.raises(InputError, match=message) as raised:
        typed(mine, *QUICK, "-o", tmp_path / "run", *chosen, *words)
    assert "\n" not in str(raised.value)


def test_an_existing_run_is_not_overwritten(run: tuple[Path, str], mine: Path) -> None:
    with pytest.raises(InputError, match="already holds a run"):
        typed(mine, "-o", run[0])


def test_a_training_part_without_relations_is_refused(start: Path, tmp_path: Path) -> None:
    first, *others = (renamed(world["document"](seed)) for seed in range(4))
    made = [first, *(replace(document, relations=()) for document in others)]
    path = tmp_path / "mine.jsonl"
    write_jsonl(made, path)
    seed = next(seed for seed in range(100) if first in split(made, 0.5, seed).held_out)
    with pytest.raises(InputError, match=f"of what training.seed = {seed} leaves to learn from: no document has a rel"):
        typed(path, "-o", tmp_path / "run", "--start", start, "--dev-share", 0.5, f"training.seed={seed}")
    assert not (tmp_path / "run").exists()
