"""A trained model for labels of one's own, from a few annotated documents: what is checked, and what is run."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from joint_ie.corpora import write_jsonl
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.models.checkpoint import load_checkpoint
from joint_ie.models.relabelling import relabelled_shift
from joint_ie.models.settings import ModelSettings
from joint_ie.models.sources import find_model
from joint_ie.schema import Schema
from joint_ie.settings import Where, merge, to_mapping
from joint_ie.training.configuration import Experiment
from joint_ie.training.data import dev_documents, labelled_documents
from joint_ie.training.held_out import Parts, check_apart

TRAINING, HELD_OUT, SCHEMA = "train.jsonl", "held-out.jsonl", "schema.json"
"""What lies in the folder of a run, beside what every run has."""

FEW_DOCUMENTS = 20
FEW_FACTS = 10


def check_trainable(documents: Sequence[Document], source: str) -> None:
    """Raise `InputError` where there is nothing to split and to learn from; ``source`` begins the sentence."""
    if len(documents) < 2:
        held = "one document" if documents else "no document"
        raise InputError(f"{source}: holds {held}, and {FEW_DOCUMENTS} to 50 are needed; add some")
    [(id, times)] = Counter(document.id for document in documents).most_common(1)
    if times > 1:
        raise InputError(f"{source}: {times} documents have the id {id!r}; give every document its own")
    check_annotated(documents, source)


def check_annotated(documents: Sequence[Document], source: str) -> None:
    """Raise `InputError` unless there are entities and relations."""
    if not any(document.entities for document in documents):
        raise InputError(f"{source}: no document has an entity; annotate mentions, or export them with the texts")
    if not any(document.relations for document in documents):
        raise InputError(f"{source}: no document has a relation; annotate some, or take an export that has them")


def check_labels(documents: Sequence[Document], schema: Schema, source: str) -> None:
    """Raise `InputError` for a label that the schema has not."""
    try:
        for document in documents:
            document.validate(schema)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def doubts(parts: Parts, schema: Schema, settings: ModelSettings) -> Iterator[str]:
    """What can be trained on, but will disappoint."""
    documents = (*parts.training, *parts.held_out)
    if len(documents) < FEW_DOCUMENTS:
        yield f"{len(documents)} documents are few; {FEW_DOCUMENTS} to 50 are what this is made for"
    if parts.repeated:
        yield f"{parts.repeated} documents repeat the words of another, and are on the same side of the split"
    facts = Counter(relation.type for document in parts.training for relation in document.relations or ())
    rare = [f"{label.id} ({facts[label.id]})" for label in schema.relation_types if facts[label.id] < FEW_FACTS]
    if rare:
        more = f" and {len(rare) - 10} more" if len(rare) > 10 else ""
        yield f"relations with fewer than {FEW_FACTS} facts to learn from: {', '.join(rare[:10])}{more}"
    types = {entity.type for document in parts.training for entity in document.entities}
    unseen = [label.id for label in schema.entity_types if label.id not in types]
    if unseen:
        yield f"entity types without an example to learn from: {', '.join(unseen)}"
    unannotated = sum(document.relations is None for document in documents)
    if unannotated:
        yield f"{unannotated} documents were not annotated with relations; they teach the other tasks only"
    width = settings.mentions.max_width
    mentions = [mention for document in documents for entity in document.entities for mention in entity.mentions]
    wide = sum(mention.end - mention.start > width for mention in mentions)
    if wide:
        yield f"{wide} mentions are wider than {width} words and cannot be found (model.mentions.max_width)"


def own_schema_experiment(given: Mapping[str, Any], schema: Schema, folder: Path, where: Where) -> Experiment:
    """The run into ``folder``: ``given`` settings, laid over the start model's own and over what `write_parts` writes.

    The start model's parts and thresholds stay. Held-out documents have no place in the run: its only validation, after
    the last epoch, is on documents that it learned from, and chooses nothing.
    """
    start = given.get("start")
    if not isinstance(start, str):
        raise InputError(f"{where}: start = {start!r} should be a checkpoint folder, a hub id, or default")
    loaded, _ = load_checkpoint(find_model(start))
    relations = loaded.settings.relations
    model = replace(
        loaded.settings,
        relations=replace(
            relations,
            shift=relabelled_shift(relations.shift, loaded.schema, schema),
            gold_shift=relabelled_shift(relations.gold_shift, loaded.schema, schema),
        ),
    )
    own = {
        "data": {
            "train": [{"corpus": str(folder / TRAINING)}],
            "dev": str(folder / TRAINING),
            "schema": str(folder / SCHEMA),
        },
        "model": to_mapping(model),
    }
    return Experiment.from_mapping(merge(own, given), where)


def write_parts(parts: Parts, schema: Schema, folder: Path, experiment: Experiment) -> None:
    """The documents of both parts as JSON Lines, and the schema.

    Raises `InputError` where the ``experiment`` names held-out documents to learn from or to choose with.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        schema.save(folder / SCHEMA)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another place") from None
    write_jsonl(parts.training, folder / TRAINING)
    write_jsonl(parts.held_out, folder / HELD_OUT)
    for source in experiment.data.train:
        check_apart(labelled_documents(source, schema), parts.held_out, source.corpus)
    check_apart(dev_documents(experiment.data, schema), parts.held_out, experiment.data.dev)
