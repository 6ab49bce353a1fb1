import json
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from joint_ie.corpora import write_jsonl
from joint_ie.encoding.index import PairIndex
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.training_set import Budget, TrainingSet
from joint_ie.errors import InputError
from joint_ie.losses import distillation_kl, distillation_mse
from joint_ie.schema import Schema
from joint_ie.settings import load_yaml
from joint_ie.training.adaptation import TaughtSet, Teacher, check_labels
from joint_ie.training.configuration import Experiment
from joint_ie.training.experiment import run_experiment

WORLD = str(Path(__file__).with_name("world.py"))
world = runpy.run_path(WORLD)
records = world["records"]
MARKERS = {"relations": {"input": "markers"}}

# world.py's runs that kill themselves, with a teacher; usage: SCRIPT WORLD FOLDER KILLS...
KILLED = """
import runpy, sys
from pathlib import Path
world = runpy.run_path(sys.argv[1], run_name="world")
root = Path(sys.argv[2])
config = root / "config.yaml"
for chain in sys.argv[3:]:
    kills = [*chain.split(","), "never"]
    statuses = [world["attempt"](root / chain, config, [], kill) for kill in kills]
    print("ended", chain, *statuses, flush=True)
"""


def taught_set(toy, student, teacher, documents, loss="mse", weight=1.0, negatives=None) -> TaughtSet:
    marked = student.settings.relations.input == "markers"
    batches = TrainingSet(
        documents,
        [1.0] * len(documents),
        toy.SCHEMA,
        toy.collator(student),
        Negatives(mentions=12, coreference=5, relations=negatives),
        10,
        Budget(),
        seed=1,
        marked=marked,
        unlabelled_pairs=True,
    )
    return TaughtSet(batches, Teacher(teacher, toy.collator(teacher)), loss, weight)


def logits_of(model, batch) -> torch.Tensor:
    """What the model itself says about a batch that was made for it."""
    given = batch.given
    view = given.plain if model.settings.relations.input == "one-pass" else given.marked
    encoded = model.encode(view, given.words, given.mentions.spans.diff(dim=1).squeeze(1))
    head = model.pair_input(encoded, given.words, given.mentions, given.entity_type, batch.targets.pairs)
    return model.relation_scorer(head).logits


@pytest.mark.parametrize("negatives", [None, 4])
@pytest.mark.parametrize("teaching", [{}, MARKERS], ids=["one-pass", "markers"])
def test_the_teacher_reads_as_it_was_trained(toy, teaching, negatives) -> None:
    """Its logits for a student's batch are those for its own batch, pair by pair."""
    documents = [toy.document(i, relations=i or None) for i in range(5)]
    student, teacher = toy.model(seed=1, **MARKERS), toy.model(seed=2, **teaching)
    own = {}
    for batch in taught_set(toy, teacher, teacher, documents)(0):
        pairs, ids = batch.targets.pairs, [document.id for document in batch.given.documents]
        for document, head, tail, row in zip(
            pairs.document.tolist(), *relative(batch.given.mentions, pairs), logits_of(teacher, batch), strict=True
        ):
            own[ids[document], head, tail] = row
    seen = 0
    for batch in taught_set(toy, student, teacher, documents, negatives=negatives)(0):
        pairs, ids = batch.targets.pairs, [document.id for document in batch.given.documents]
        expected = [
            own[ids[document], head, tail]
            for document, head, tail in zip(
                pairs.document.tolist(), *relative(batch.given.mentions, pairs), strict=True
            )
        ]
        logits = batch.targets.teacher.logits
        assert torch.allclose(logits, torch.stack(expected), atol=1e-5)
        assert not logits.requires_grad
        seen += len(logits)
    assert seen == len(own) if negatives is None else 5 * 4 <= seen < len(own)


def relative(mentions, pairs: PairIndex) -> tuple[list[int], list[int]]:
    """Head and tail as positions in their documents."""
    count = torch.bincount(mentions.entity_document)
    first = (count.cumsum(0) - count)[pairs.document]
    return (pairs.head - first).tolist(), (pairs.tail - first).tolist()


@pytest.mark.parametrize(("loss", "distance"), [("mse", distillation_mse), ("kl", distillation_kl)])
def test_the_loss_of_a_batch(toy, loss, distance) -> None:
    weights = {"mentions": 0.5, "coreference": 0, "entity_types": 0, "relations": 2.0}
    student, teacher = toy.model(seed=1, task_weights=weights), toy.model(seed=2)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    batches = taught_set(toy, student, teacher, [toy.document(1), toy.document(2, relations=None)], loss, 3.0)(0)
    assert [batch.targets.annotated for batch in sorted(batches, key=lambda batch: batch.targets.annotated)] == [0, 1]
    for batch in batches:
        output = student(batch)
        losses = {task: loss.detach() for task, loss in output.losses.items()}
        assert ("relations" in losses) == batch.targets.annotated
        expected = distance(logits_of(student, batch).detach(), batch.targets.teacher.logits)
        assert losses["distillation"].item() == pytest.approx(expected.item(), rel=1e-5)
        total = 0.5 * losses["mentions"] + 6.0 * losses["distillation"]
        if batch.targets.annotated:
            total = total + 2.0 * losses["relations"]
            plain = student(replace(batch, targets=replace(batch.targets, teacher=None)))
            assert torch.equal(plain.losses["relations"], losses["relations"])
            assert "distillation" not in plain.losses
        assert output.loss.item() == pytest.approx(total.item(), rel=1e-6)
        output.loss.backward()
    assert all(value.grad is None for value in teacher.parameters())
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    assert any(value.grad is not None and value.grad.any() for value in student.relation_scorer.parameters())


def test_a_student_like_its_teacher_has_nothing_to_learn(toy) -> None:
    model = toy.model(seed=1)
    for batch in taught_set(toy, model, toy.model(seed=1), [toy.document(i) for i in range(3)])(0):
        assert model(batch).losses["distillation"].item() == pytest.approx(0.0, abs=1e-9)


def test_a_teacher_that_refuses_pairs_teaches_their_own_logits(toy) -> None:
    """Where it decides itself, they have no relation."""
    model, teacher = (toy.model(seed=1, relations={"representation": "pair-aware"}) for _ in range(2))
    taught, related, refused = taught_set(toy, model, teacher, [toy.document(i) for i in range(3)]), [], 0
    hook = teacher.relation_scorer.representation.classifier.register_forward_hook(
        lambda module, given, logits: related.append(logits.sigmoid())
    )
    list(taught(0))
    hook.remove()
    for scorer in (model.relation_scorer, teacher.relation_scorer):  # which tag pairs as well
        scorer.pair_threshold = torch.cat(related).median().item()
    for batch in taught(0):
        assert model.eval()(batch).losses["distillation"].item() == pytest.approx(0.0, abs=1e-9)
        given = taught.teacher.stages.batch(batch.given.documents, given=True)
        with torch.no_grad():
            scored = taught.teacher.stages.pairs(given, *taught.teacher.stages.given(given))
            decisive = scored.logits()
        moved = decisive[:, 1:] < batch.targets.teacher.logits[:, 1:] - 1
        assert torch.equal(moved.all(1), moved.any(1))
        assert (decisive[moved.any(1), 1:] <= -10).all()
        assert torch.equal(decisive[~moved.any(1)], batch.targets.teacher.logits[~moved.any(1)])
        refused += int(moved.any(1).sum())
    assert refused == 3 * 4 * 3 / 2


def test_documents_without_pairs(toy) -> None:
    model = toy.model(seed=1)
    documents = [toy.document(1, entities=1, relations=None), toy.document(2, entities=1, relations=0)]
    for batch in taught_set(toy, model, toy.model(seed=2), documents)(0):
        assert batch.targets.teacher.logits.shape == (0, 5)
        assert model(batch).losses["relations"] == 0


def test_pairs_however_far_apart(toy) -> None:
    near, far = (toy.model(seed=2, relations={"max_word_distance": limit}) for limit in (1, 500))
    documents = [toy.document(1, sentences=6)]
    one, other = (taught_set(toy, toy.model(seed=1), teacher, documents)(0)[0] for teacher in (near, far))
    assert torch.equal(one.targets.teacher.logits, other.targets.teacher.logits)


def test_the_same_relations_in_the_same_order() -> None:
    wanted = Schema.from_names(["PER", "LOC"], ["P1", "P2"])
    check_labels(Path("t"), Schema.from_names(["ORG", "LOC", "PER"], {"P1": "another name", "P2": "x"}), wanted)
    for relations in (["P2", "P1"], ["P1"], ["P1", "P2", "P3"]):
        with pytest.raises(InputError, match=rf"t: knows {len(relations)} relation types, which are not the 2 of"):
            check_labels(Path("t"), Schema.from_names(["PER", "LOC"], relations), wanted)
    with pytest.raises(InputError, match=r"t: the teacher's schema: entity type 'LOC' is not in the schema"):
        check_labels(Path("t"), Schema.from_names(["PER"], ["P1", "P2"]), wanted)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    """The world with a teacher (smaller, another vocabulary order, markers) and unlabelled documents."""
    folder = tmp_path_factory.mktemp("world")
    path = world["write_world"](folder)
    world["write_encoder"](folder / "small", hidden=16)
    overrides = [f"model.encoder.name={folder / 'small'}", "model.relations.input=markers", "tune=false"]
    teacher = experiment(path, *overrides, "training.epochs=6", "training.monitor=gold_entities")
    run_experiment(teacher, folder / "teacher")
    write_jsonl([world["document"](200 + i, relations=False) for i in range(8)], folder / "unlabelled.jsonl")
    merged = load_yaml([path], world["SHORT"])
    merged["tune"] = False
    merged["adaptation"] = {
        "teacher": str(folder / "teacher" / "best"),
        "train": [{"corpus": str(folder / "unlabelled.jsonl")}, {"corpus": str(folder / "train.jsonl"), "limit": 4}],
        "training": {**merged["training"], "epochs": 2, "seed": 5},
    }
    path.write_text(yaml.safe_dump(merged), encoding="utf-8")
    return path


def experiment(config: Path, *overrides: str) -> Experiment:
    return Experiment.from_mapping(load_yaml([config], overrides), "config")


def contents(folder: Path) -> dict[str, bytes]:
    """All checkpoints, byte by byte."""
    return world["contents"](folder, ("best", "last", "adaptation/best", "adaptation/last"))


def test_adaptation_then_training(config, tmp_path) -> None:
    still = ["training.encoder_learning_rate=0", "training.head_learning_rate=0", "training.epochs=1"]
    longer = ["adaptation.training.epochs=8", "adaptation.weight=2"]
    run_experiment(experiment(config, *longer, *still), tmp_path / "run")
    steps = records(tmp_path / "run" / "adaptation", "step")
    taught = [step["losses"]["distillation"] for step in steps]
    assert sum(taught[-4:]) < 0.3 * sum(taught[:4])
    # batches of unlabelled documents have no loss of relation labels, and the others have both
    assert {"relations" in step["losses"] for step in steps} == {True, False}
    assert all("distillation" not in step["losses"] for step in records(tmp_path / "run", "step"))
    # training begins where adaptation ended: with learning rates of 0 it stays there
    before, after = (load_file(tmp_path / "run" / part / "model.safetensors") for part in ("adaptation/last", "last"))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {"log.jsonl", "best", "last", "state"} == {path.name for path in (tmp_path / "run/adaptation").iterdir()}


def test_an_adapted_student_starts_better(config, tmp_path) -> None:
    for name, overrides in (("with", ["adaptation.training.epochs=8"]), ("without", ["adaptation=null"])):
        run_experiment(experiment(config, *overrides, "training.epochs=1"), tmp_path / name)
    first = {name: records(tmp_path / name, "step")[0]["losses"]["relations"] for name in ("with", "without")}
    assert first["with"] < 0.7 * first["without"]
    assert not (tmp_path / "without" / "adaptation").exists()


def test_killed_runs_resume_to_the_same_bits(config, tmp_path) -> None:
    """Adaptation writes 10 records (8 steps, 2 validations), training 8."""
    chains = ["log:99", "log:6", "log:10", "log:11", "log:15", "log:3,log:12"]
    copied = tmp_path / "config.yaml"
    shutil.copy(config, copied)
    command = [sys.executable, "-c", KILLED, WORLD, str(tmp_path), *chains]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    statuses = {words[1]: words[2:] for line in done.stdout.splitlines() if (words := line.split())[0] == "ended"}
    whole = tmp_path / chains[0]
    assert statuses.pop(chains[0]) == ["0", "0"], done.stderr
    assert (len(records(whole / "adaptation")), len(records(whole))) == (10, 8)
    for chain, found in statuses.items():
        assert found == ["-9"] * (chain.count(",") + 1) + ["0"], (chain, done.stderr)
        for part in (".", "adaptation"):
            assert records(tmp_path / chain / part) == records(whole / part), chain
        ours, theirs = contents(tmp_path / chain), contents(whole)
        assert ours.keys() == theirs.keys()
        assert [name for name in ours if ours[name] != theirs[name]] == [], chain


def test_a_run_that_has_begun_needs_no_teacher_any_more(config, tmp_path) -> None:
    teacher = tmp_path / "teacher"
    shutil.copytree(config.with_name("teacher") / "best", teacher)
    made = experiment(config, f"adaptation.teacher={teacher}", "adaptation.training.epochs=1")
    result = run_experiment(made, tmp_path / "run")
    before = contents(tmp_path / "run")
    shutil.rmtree(teacher)
    assert run_experiment(made, tmp_path / "run", resume=True) == result
    assert contents(tmp_path / "run") == before
    with pytest.raises(InputError, match="teacher: no such folder"):
        run_experiment(made, tmp_path / "other")


def test_a_finished_adaptation_is_not_repeated(config, tmp_path, monkeypatch) -> None:
    """Killed between the two, the run goes on without asking the teacher anything."""
    made = experiment(config, "adaptation.training.epochs=1")
    run_experiment(made, tmp_path / "run")
    before = contents(tmp_path / "run")
    for name in ("best", "last", "state", "log.jsonl"):
        path = tmp_path / "run" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    monkeypatch.setattr(Teacher, "logits", None)
    run_experiment(made, tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before
    with pytest.raises(InputError, match=r"was started with adaptation\.weight = 1\.0, now it is 2\.0"):
        run_experiment(
            experiment(config, "adaptation.training.epochs=1", "adaptation.weight=2"), tmp_path / "run", True
        )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["adaptation.training.monitor=f1"], r"adaptation\.training\.monitor = 'f1' is not measured"),
        (["adaptation.loss=mae"], r"adaptation\.loss = 'mae' is not a choice.*allowed: mse, kl"),
        (["adaptation.weight=0"], r"adaptation: weight = 0\.0 should be above 0"),
        (["adaptation.train=[]"], r"adaptation: train is empty"),
        (["model.task_weights.relations=0"], r"adaptation is about relations; give model\.task_weights\.relations"),
    ],
)
def test_wrong_settings_are_refused(config, overrides, message) -> None:
    with pytest.raises(InputError, match=message):
        experiment(config, *overrides)


def test_wrong_teachers_are_named_before_anything_is_written(config, tmp_path) -> None:
    def refused(match: str, *overrides: str, resume: bool = False) -> None:
        with pytest.raises(InputError, match=match):
            run_experiment(experiment(config, *overrides), tmp_path / "run", resume)
        assert not (tmp_path / "run").exists()

    other = tmp_path / "other"
    shutil.copytree(config.with_name("teacher") / "best", other)
    settings = json.loads((other / "config.json").read_text())
    settings["labels"]["relation_types"].reverse()
    (other / "config.json").write_text(json.dumps(settings))
    refused(
        r"other: knows 2 relation types, which are not the 2 of the training data in the same order",
        f"adaptation.teacher={other}",
    )
    refused("nowhere: no such folder", "adaptation.teacher=./nowhere")
    refused("no such file", "adaptation.train=[{corpus: gone.jsonl}]")
    refused("no such run folder to resume", resume=True)
