"""The ``README.md`` of a checkpoint, in the form that the hub shows."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from joint_ie.corpora.files import load_json
from joint_ie.models.settings import TaskWeights
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping

_WIKIDATA = re.compile(r"P\d+")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")

TASKS = {
    "mentions": "mentions",
    "clusters": "clusters",
    "entities": "entities",
    "relations": "relations",
    "relations_strict": "relations with entity types (strict)",
    "relations_ign": "relations (Ign)",
}
PROTOCOLS = {"jerex": "end-to-end (JEREX's protocol)", "docred": "gold entities (DocRED's protocol)"}
_DETECTORS = {
    "span": "every span, on its own, of up to {} words (JEREX, arXiv 2102.05980)",
    "crf": "tags of words by a linear-chain CRF (Lafferty et al. 2001), up to {} words",
    "semi-markov": "the segments of a sentence by a semi-Markov model (Sarawagi and Cohen 2004), up to {} words",
}
_COREFERENCE = {
    "pairwise": "mention pairs (JEREX), {} linkage",
    "antecedent": "every mention's best antecedent (Lee et al. 2017, arXiv 1707.07045)",
}
SNIPPET = (
    "```python",
    "import joint_ie",
    "",
    'extract = joint_ie.load("THIS FOLDER OR HUB ID")',
    'for triple in extract("Marie Curie was born in Warsaw.").triples():',
    "    print(triple.head.name, triple.relation, triple.tail.name, triple.score)",
    "```",
)
_ENTITIES_SNIPPET = (
    *SNIPPET[:4],
    'for entity in extract("Marie Curie was born in Warsaw.").entities:',
    "    print(entity.type, entity.name)",
    "```",
)
_GIVEN_SNIPPET = (
    *SNIPPET[:2],
    "from joint_ie.corpora import load_corpus",
    *SNIPPET[2:4],
    'for document in extract.gold_entities(load_corpus("DOCUMENTS WITH ENTITIES")):',
    "    for triple in document.triples():",
    "        print(triple.head.name, triple.relation, triple.tail.name, triple.score)",
    "```",
)
_TAGS = {
    "relation-extraction": "relations",
    "coreference-resolution": "coreference",
    "named-entity-recognition": "mentions",
    "knowledge-graph": "relations",
}
_ABILITIES = {
    "mentions": "finds mentions",
    "coreference": "groups mentions into entities",
    "entity_types": "types entities",
    "relations": "says which relations hold between entities",
}


def model_card(folder: Path, license: str | None = None, notes: str = "") -> str:
    """Made from what lies in the folder: ``config.json``, ``schema.json``, ``training.yaml``, ``scores.json``.

    ``license`` is an identifier such as ``apache-2.0``; ``notes`` is Markdown that ends the card: where data and
    encoder come from, and what the model is not good at.
    """
    schema = Schema.load(folder / "schema.json")
    settings = load_json(folder / "config.json")["model"]
    weights = from_mapping(TaskWeights, settings.get("task_weights", {}))
    training = folder / "training.yaml"
    config = yaml.safe_load(training.read_text(encoding="utf-8")) if training.is_file() else {}
    scores = folder / "scores.json"
    lines = [
        *_opening(
            ["pipeline_tag: token-classification", *([f"license: {license}"] if license else [])],
            settings["encoder"]["name"],
            ", ".join(tag for tag, task in _TAGS.items() if getattr(weights, task)),
        ),
        *_purpose(weights),
        "",
        "## What it is",
        "",
        *_model(settings, weights),
        *_labels(schema, weights),
        "",
    ]
    if config:
        lines += ["## Training", "", *_training(config), ""]
    if scores.is_file():
        lines += ["## Scores", "", *_scores(load_json(scores), config), ""]
    if notes:
        lines += [notes.strip(), ""]
    return "\n".join(lines)


def generation_card(config: Mapping[str, Any], schema: Schema) -> str:
    """The card of a generating model, from its ``training.yaml``."""
    settings, data = config["generation"], config["data"]
    search = "greedy search" if settings["beams"] == 1 else f"beam search of width {settings['beams']}"
    warm = ", as a warm-started encoder-decoder" if settings["warm_start"] else ""
    lines = [
        *_opening([], settings["name"], "relation-extraction, knowledge-graph"),
        "# Relation extraction by generation (REBEL)",
        "",
        "Writes the facts of a text as a string; names are then found in the text.",
        "",
        *SNIPPET,
        "",
        f"- network: {settings['name']}{warm}, fine-tuned; {'constrained ' if settings['constrained'] else ''}{search}",
        f"- entity types: {', '.join(label.id for label in schema.entity_types) if settings['typed'] else 'none'}",
        f"- relations: {len(schema.relation_types)}, in `schema.json`",
        f"- trained on {_corpora(data['train'])}, checkpoint chosen on `{data['dev']}`",
        _schedule(config["training"]),
        "",
    ]
    return "\n".join(lines)


def _opening(more: Iterable[str], base: str, tags: str) -> Iterator[str]:
    """The front matter, which the hub reads."""
    known = _HUB_NAME.fullmatch(base) and not Path(base).exists()  # the hub refuses cards that name anything else
    more = [*more, f"base_model: {base}"] if known else more
    yield from ("---", "library_name: joint-ie", *more, f"tags: [{tags}]", "---", "")


def _purpose(weights: TaskWeights) -> Iterator[str]:
    """Title, what the model was trained to do, and how to call it."""
    trained = [task for task in _ABILITIES if getattr(weights, task)]
    if len(trained) == len(_ABILITIES):
        title = "Joint entity and relation extraction"
        said = "Finds mentions, groups them into entities, types these, and says which relations hold between them."
    else:
        title = "Relation extraction between given entities" if weights.relations else "Entity extraction"
        said = ", ".join(_ABILITIES[task] for task in trained).capitalize()
        others = ", ".join(task.replace("_", " ") for task in _ABILITIES if task not in trained)
        said = f"{said}. It was not trained for {others}{', which it must be given' if weights.relations else ''}."
    snippet = SNIPPET if weights.entities else _GIVEN_SNIPPET
    yield from (f"# {title}", "", said, "", *(snippet if weights.relations else _ENTITIES_SNIPPET))


def _labels(schema: Schema, weights: TaskWeights) -> Iterator[str]:
    given = "" if weights.entity_types else " that it may be given"
    yield f"- entity types{given}: {', '.join(f'{label.name} (`{label.id}`)' for label in schema.entity_types)}"
    if weights.relations:
        relations = schema.relation_types
        ids = "with their Wikidata ids " if all(_WIKIDATA.fullmatch(label.id) for label in relations) else ""
        yield f"- relations: {len(relations)}, {ids}in `schema.json`"


def _model(settings: Mapping[str, Any], weights: TaskWeights) -> Iterator[str]:
    encoder, relations = settings["encoder"], settings["relations"]
    kept = f", first {encoder['layers']} layers" if encoder["layers"] else ""
    yield f"- encoder: {encoder['name']}{kept}, fine-tuned"
    if weights.mentions:
        mentions = settings["mentions"]
        yield f"- mentions: {_DETECTORS[mentions.get('detector', 'span')].format(mentions['max_width'])}"
    if weights.coreference:
        coreference = settings["coreference"]
        products = ", with products of span vectors" if coreference.get("product", False) else ""
        method = _COREFERENCE[coreference.get("method", "pairwise")].format(coreference.get("linkage", "complete"))
        typical = coreference.get("typical_mentions")
        rising = f", a threshold that rises with the number of mentions ({typical}: as it is)" if typical else ""
        yield f"- coreference: {method}{products}{rising}"
    if weights.relations:
        yield f"- relations: {relations['representation']}, {relations['loss']}, {relations['input']}"


def _training(config: Mapping[str, Any]) -> Iterator[str]:
    for source in config["data"]["train"]:
        yield ", ".join((f"- `{source['corpus']}`", *_shown(source)))
    tuned = "checkpoint and thresholds" if config.get("tune", True) else "checkpoint"
    yield f"- {tuned} chosen on `{config['data']['dev']}`"
    if config.get("start"):
        yield f"- started from the weights of `{config['start']}`"
    adaptation = config.get("adaptation")
    if adaptation:
        yield (
            f"- first, {adaptation['training']['epochs']} epochs towards the logits of `{adaptation['teacher']}` "
            f"({adaptation['loss']}), on {_corpora(adaptation['train'])}"
        )
    yield _schedule(config["training"])


def _schedule(training: Mapping[str, Any]) -> str:
    return f"- {training['epochs']} epochs, seed {training['seed']}; all settings in `training.yaml`"


def _corpora(sources: Iterable[Mapping[str, Any]]) -> str:
    """In a sentence: what was shown of every corpus stands in brackets."""
    named = ((source["corpus"], ", ".join(_shown(source))) for source in sources)
    return ", ".join(f"`{corpus}` ({shown})" if shown else f"`{corpus}`" for corpus, shown in named)


def _shown(source: Mapping[str, Any]) -> Iterator[str]:
    """What a model saw of a corpus, where that is not all of it; see `TrainingCorpus`."""
    if not source["relations"]:
        yield "without its relation labels"
    if source.get("facts"):  # as `hide`, not known to older versions
        yield f"only relations that `{source['facts']}` has"
    if source.get("hide"):
        yield f"{source['hide']:.0%} of its relation labels hidden"
    if source["share"] < 1:
        yield f"{source['share']:.0%} of the documents in every epoch"


def _scores(scores: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    corpus = config["data"]["dev"] if config else "the dev set"
    yield f"On `{corpus}`, in percent:"
    yield ""
    yield "| protocol | task | P | R | F1 |"
    yield "|---|---|---|---|---|"
    for protocol, data in scores.items():
        for key, task in TASKS.items():
            if key in data:
                numbers = " | ".join(f"{100 * data[key][part]:.2f}" for part in ("precision", "recall", "f1"))
                yield f"| {PROTOCOLS.get(protocol, protocol)} | {task} | {numbers} |"
