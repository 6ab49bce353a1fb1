"""``joint-ie info``: versions, device, and what a model knows."""

import argparse
import platform
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("info", help="versions, device, and what a model knows")
    parser.add_argument(
        "model", nargs="?", default="default", metavar="MODEL", help="folder or hub id (default: the bundled)"
    )
    parser.add_argument("--relations", action="store_true", help="list the relations that the model knows")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print tables of versions, model and scores, and the relations if asked for."""
    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.models.loading import load_model
    from joint_ie.models.sources import find_model

    folder = find_model(args.model)  # first, since a wrong name should be all that is said
    _print("joint-ie", _installation())
    model, _ = load_model(folder)
    _print(f"model {args.model}", _model(model, folder))
    scores = folder / "scores.json"
    if scores.is_file():
        _print("scores (F1 in percent)", _scores(scores))
    if args.relations:
        _print("relations", ((label.id, label.name) for label in model.schema.relation_types))
    return 0


def _print(title: str, rows: Iterable[tuple[str, object]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from joint_ie.cli.tables import wide_console

    table = Table(title=Text(title), title_justify="left", show_header=False)
    for name, value in rows:
        table.add_row(Text(name), Text(str(value)))
    wide_console(sys.stdout).print(table)


def _installation() -> Iterator[tuple[str, object]]:
    import torch

    from joint_ie.extraction import usable_device
    from joint_ie.models.precision import resolve_precision

    device = usable_device()
    for package in ("joint-ie", "torch", "transformers"):
        yield package, version(package)
    yield "python", platform.python_version()
    yield "device", torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    yield "threads", torch.get_num_threads()
    yield "OpenVINO", version("openvino") if find_spec("openvino") else "not installed"
    yield "precision auto", {"bf16": "bf16", "no": "no (32 bits)"}[resolve_precision("auto", device)]


def _model(model: Any, folder: Path) -> Iterator[tuple[str, object]]:
    from joint_ie.models.checkpoint import parameters
    from joint_ie.models.joint import JointModel

    schema = model.schema
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    yield "folder", folder.resolve()
    yield from _joint_encoder(model) if isinstance(model, JointModel) else _network(model)
    yield "parameters", f"{parameters(model):,}"
    yield "size on disk", f"{size / 1e6:.1f} MB"
    yield "entity types", ", ".join(label.id for label in schema.entity_types)
    yield "relations", f"{len(schema.relation_types)} (--relations lists them)"
    if isinstance(model, JointModel):
        yield from _thresholds(model.settings)


def _joint_encoder(model: Any) -> Iterator[tuple[str, object]]:
    encoder = model.encoder.model.config
    yield "encoder", f"{model.settings.encoder.name} ({encoder.num_hidden_layers} layers of {encoder.hidden_size})"


def _network(model: Any) -> Iterator[tuple[str, object]]:
    """Of a model that writes facts."""
    settings = model.settings
    yield "encoder-decoder", settings.name + (" (warm-started)" if settings.warm_start else "")
    yield "output", f"{'typed ' if settings.typed else ''}facts of up to {settings.max_target} subwords"
    yield "search", f"{'constrained, ' if settings.constrained else ''}{settings.beams} beams"


def _thresholds(settings: Any) -> Iterator[tuple[str, object]]:
    from joint_ie.cli.tune import shift_text

    yield (
        "relation scores",
        f"{settings.relations.representation}, {settings.relations.loss}, {settings.relations.input}",
    )
    yield "mention detector", f"{settings.mentions.detector}, up to {settings.mentions.max_width} words"
    yield "mention threshold", f"{settings.mentions.threshold:.3f}"
    yield "coreference threshold", f"{settings.coreference.threshold:.3f} ({settings.coreference.method})"
    if settings.relations.loss == "binary-cross-entropy":
        yield "relation threshold", settings.relations.threshold
    else:
        yield "relation threshold", "logit 0" if settings.relations.loss == "balanced-softmax" else "learned"
    yield (
        "relation shift",
        f"{shift_text(settings.relations.shift)} end-to-end, {shift_text(settings.relations.gold_shift)} gold entities",
    )


def _scores(path: Path) -> Iterator[tuple[str, object]]:
    """Every protocol with how many documents it was counted on, and its tasks."""
    from joint_ie.corpora.files import load_json
    from joint_ie.training.model_card import PROTOCOLS, TASKS

    for protocol, data in load_json(path).items():
        yield PROTOCOLS.get(protocol, protocol), f"{data['documents']:,} documents" if "documents" in data else ""
        for task, numbers in data.items():
            if isinstance(numbers, dict) and "f1" in numbers:
                yield f"  {TASKS.get(task, task.replace('_', ' '))}", f"{100 * numbers['f1']:.2f}"
