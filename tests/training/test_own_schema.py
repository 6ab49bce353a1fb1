"""What `joint-ie adapt` checks, and the run that it makes of its settings."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from joint_ie.corpora import derive_schema, write_jsonl
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.models.checkpoint import load_checkpoint
from joint_ie.models.settings import MentionSettings, ModelSettings
from joint_ie.schema import Schema
from joint_ie.settings import differences, load_yaml, to_mapping
from joint_ie.training.configuration import Experiment
from joint_ie.training.held_out import Parts, split
from joint_ie.training.own_schema import (
    check_annotated,
    check_labels,
    check_trainable,
    doubts,
    own_schema_experiment,
    write_parts,
)

TESTS = Path(__file__).parents[1]
world = runpy.run_path(str(TESTS / "training" / "world.py"))
write_checkpoint = runpy.run_path(str(TESTS / "tiny_checkpoint.py"))["write_checkpoint"]
SETTINGS = TESTS.parent / "joint_ie" / "training" / "own-schema.yaml"
SCHEMA = Schema.from_names(["LOC", "PER"], ["P20", "P19"])


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("start"), shift=(0.1, 0.2, 0.3), gold_shift=0.4)


def documents(count: int = 10) -> list[Document]:
    return [world["document"](seed) for seed in range(count)]


def experiment(start: Path, *overrides: str) -> Experiment:
    given = load_yaml([SETTINGS], [f"start={start}", *overrides])
    return own_schema_experiment(given, SCHEMA, Path("run"), "own-schema.yaml")


def test_what_cannot_be_trained_on_is_one_sentence() -> None:
    made = documents(3)
    bare = [replace(d, entities=(), relations=()) for d in made]
    unrelated = [replace(d, relations=None) for d in made]
    for wrong, message in (
        ([], r"^mine: holds no document, and 20 to 50 are needed"),
        (made[:1], r"^mine: holds one document, and 20 to 50 are needed"),
        (bare, r"^mine: no document has an entity; "),
        (unrelated, r"^mine: no document has a relation; "),
        ([made[0], made[1], replace(made[2], id=made[0].id)], r"^mine: 2 documents have the id 'doc-0'; "),
    ):
        with pytest.raises(InputError, match=message):
            check_trainable(wrong, "mine")
    check_trainable(made, "mine")
    check_annotated([bare[0], made[1]], "mine")
    with pytest.raises(InputError, match=r"^mine: document 'doc-0': .*entity type 'PER' is not in the schema"):
        check_labels(made, Schema.from_names(["LOC"], ["P19", "P20"]), "mine")


def test_what_will_disappoint_is_said() -> None:
    made = [*documents(30), replace(documents(1)[0], id="copy", relations=None)]
    parts = split(made, 0.2, 1)
    assert list(doubts(parts, SCHEMA, ModelSettings())) == [
        "1 documents repeat the words of another, and are on the same side of the split",
        "1 documents were not annotated with relations; they teach the other tasks only",
    ]
    few = Parts(tuple(made[:3]), tuple(made[3:5]), 0)
    said = list(doubts(few, Schema.from_names(["PER", "LOC", "SHIP"], ["P19"]), narrow()))
    assert said[0] == "5 documents are few; 20 to 50 are what this is made for"
    assert said[1] == "relations with fewer than 10 facts to learn from: P19 (6)"
    assert said[2] == "entity types without an example to learn from: SHIP"
    assert "mentions are wider than 1 words and cannot be found" in said[3]


def narrow() -> ModelSettings:
    return ModelSettings(mentions=MentionSettings(max_width=1))


def test_a_run_keeps_the_parts_and_thresholds_of_its_start(start: Path) -> None:
    there, _ = load_checkpoint(start)
    made = experiment(start)
    relations = replace(there.settings.relations, shift=(0.0, 0.1))  # P20 is new, P19 the first of its start
    assert made.model == replace(there.settings, relations=relations)
    assert (made.start, made.start_labels, made.tune) == (str(start), "resize", False)
    assert made.data.train[0].corpus == made.data.dev == "run/train.jsonl"
    assert made.data.test is None
    assert sum(made.training.validates(epoch) for epoch in range(made.training.epochs)) == 1


def test_settings_are_laid_over_those_of_the_start(start: Path) -> None:
    made = experiment(start, "model.mentions.threshold=0.7", "training.epochs=3", "data.dev=other.jsonl")
    assert (made.model.mentions.threshold, made.model.mentions.max_width) == (0.7, 2)
    assert (made.training.epochs, made.data.dev, made.data.train[0].corpus) == (3, "other.jsonl", "run/train.jsonl")
    with pytest.raises(InputError, match=r"own-schema\.yaml: training\.epoch = 3 is not a setting"):
        experiment(start, "training.epoch=3")
    with pytest.raises(InputError, match=r"own-schema\.yaml: start = 3 should be a checkpoint folder"):
        experiment(start, "start=3")
    with pytest.raises(InputError, match="start_labels is about a model to start from"):
        Experiment.from_mapping({"data": {"train": [{"corpus": "a"}], "dev": "b"}, "start_labels": "resize"}, "x")


def test_a_run_that_began_before_there_was_the_setting_can_be_resumed() -> None:
    plain = {"data": {"train": [{"corpus": "a"}], "dev": "b"}}
    now = to_mapping(Experiment.from_mapping(plain, "x"))
    before = {key: value for key, value in now.items() if key != "start_labels"}
    assert list(differences(before, now)) == []


def test_nothing_is_chosen_on_held_out_documents(start: Path, tmp_path: Path) -> None:
    made = documents()
    parts = split(made, 0.3, 1)
    held = tmp_path / "mine.jsonl"
    write_jsonl(parts.held_out, held)
    given = load_yaml([SETTINGS], [f"start={start}"])
    for more in ({"dev": str(held)}, {"train": [{"corpus": str(held)}]}):
        asked = own_schema_experiment({**given, "data": more}, derive_schema(made), tmp_path / "run", "mine")
        with pytest.raises(InputError, match=r"mine\.jsonl: 3 of its documents, such as .* are held out"):
            write_parts(parts, derive_schema(made), tmp_path / "run", asked)
