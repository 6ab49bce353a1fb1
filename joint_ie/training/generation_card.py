"""The ``README.md`` of a generating model's checkpoint, in the form that the hub shows."""

from joint_ie.models.seq2seq_config import Seq2SeqSettings
from joint_ie.schema import Schema
from joint_ie.training.data import DataSettings
from joint_ie.training.settings import TrainingSettings


def generation_card(settings: Seq2SeqSettings, data: DataSettings, training: TrainingSettings, schema: Schema) -> str:
    """What the model is and how it was trained."""
    search = "greedy search" if settings.beams == 1 else f"beam search of width {settings.beams}"
    warm = ", as a warm-started encoder-decoder" if settings.warm_start else ""
    lines = [
        "---",
        "library_name: joint-ie",
        f"base_model: {settings.name}",
        "tags: [relation-extraction, knowledge-graph]",
        "---",
        "",
        "# Relation extraction by generation (REBEL)",
        "",
        "Writes the facts of a text as a string; names are then found in the text.",
        "",
        "```python",
        "import joint_ie",
        "",
        'extract = joint_ie.load("THIS FOLDER OR HUB ID")',
        'for triple in extract("Marie Curie was born in Warsaw.").triples():',
        "    print(triple.head.name, triple.relation, triple.tail.name, triple.score)",
        "```",
        "",
        f"- network: {settings.name}{warm}, fine-tuned; {'constrained ' if settings.constrained else ''}{search}",
        f"- entity types: {', '.join(label.id for label in schema.entity_types) if settings.typed else 'none'}",
        f"- relations: {len(schema.relation_types)}, in `schema.json`",
        f"- trained on {', '.join(f'`{source.corpus}`' for source in data.train)}, checkpoint chosen on `{data.dev}`",
        f"- {training.epochs} epochs, seed {training.seed}; all settings in `training.yaml`",
        "",
    ]
    return "\n".join(lines)
