"""After training: thresholds on held-out documents, and a copy that is small enough to ship."""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from joint_ie.corpora.files import decode, load_json, read_bytes
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.models.checkpoint import WEIGHTS, collator_for, load_checkpoint
from joint_ie.models.loading import load_model, predictor_for
from joint_ie.models.pipeline import Pipeline
from joint_ie.models.precision import autocast, default_device
from joint_ie.models.quantisation import quantise
from joint_ie.models.tuning import Tuned, Tuner
from joint_ie.settings import to_mapping
from joint_ie.training.model_card import model_card
from joint_ie.training.validation import grouped

logger = logging.getLogger(__name__)


def tune_checkpoint(folder: Path, documents: Sequence[Document], entities_from: Path | None = None) -> Tuned:
    """Find the best thresholds on annotated ``documents`` and write them into the folder's ``config.json``.

    With ``entities_from``, another checkpoint folder, only the shift of relations between the entities that it finds.
    """
    model, tokenizer = load_checkpoint(folder)
    model.to(default_device())
    with autocast(model.device):
        tuner = Tuner(model, collator_for(model, tokenizer), grouped(documents))
        if entities_from is None:
            tuned = tuner.tune()
        else:
            other, its_tokenizer = load_model(entities_from)
            pipeline = Pipeline(predictor_for(other.to(model.device), its_tokenizer), predictor_for(model, tokenizer))
            tuned = tuner.tune_between(pipeline.finder.entities)
    path = folder / "config.json"
    config: dict[str, Any] = load_json(path)
    config["model"] = to_mapping(tuned.settings)
    partial = path.with_name("config.json.partial")  # killed while writing, the old file is still whole
    write_json(config, partial)
    partial.replace(path)
    logger.info("thresholds: %s", {k: v for k, v in to_mapping(tuned).items() if k != "settings"})
    return tuned


def pack_checkpoint(
    folder: Path, output: Path, scores: Sequence[Path] = (), license: str | None = None, notes: Path | None = None
) -> None:
    """Copy a checkpoint with 8-bit weights (see `models.quantisation`), ``scores.json`` and a model card.

    Args:
        folder: a checkpoint folder.
        output: a folder that does not exist yet.
        scores: files written by ``joint-ie evaluate --json``.
        license: identifier for the card, such as ``apache-2.0``.
        notes: a Markdown file that ends the card.
    """
    if output.exists():
        raise InputError(f"{output}: exists already; name a new folder")
    load_checkpoint(folder)  # raises what is wrong with it
    measured = [_read_scores(path) for path in scores]
    text = decode(read_bytes(notes), str(notes)) if notes else ""
    try:
        output.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{output}: cannot be made ({error.strerror}); choose another place") from None
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name != WEIGHTS:
            shutil.copy(file, output)
    save_file(quantise(load_file(folder / WEIGHTS)), output / WEIGHTS, metadata={"format": "pt"})
    (output / WEIGHTS).chmod(0o644)  # safetensors makes files for their owner alone
    config = load_json(output / "config.json")
    write_json({**config, "packed": True}, output / "config.json")
    if measured:
        write_json({_name(data): data for data in measured}, output / "scores.json")
    add_card(output, license, text)


def add_card(folder: Path, license: str | None = None, notes: str = "") -> None:
    """Write ``README.md`` into a checkpoint folder; see `model_card`."""
    (folder / "README.md").write_text(model_card(folder, license, notes), encoding="utf-8")


def write_json(data: dict[str, Any], path: Path) -> None:
    """Indented, for people to read."""
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _name(scores: dict[str, Any]) -> str:
    """The protocol; that of scores with gold mentions has been used end-to-end, too."""
    given = " (gold mentions)" if scores.get("mode") == "gold-mentions" else ""
    return f"{scores['protocol']}{given}"


def _read_scores(path: Path) -> dict[str, Any]:
    """What `joint-ie evaluate --json` wrote, without details."""
    scores = load_json(path)
    if not isinstance(scores, dict) or "protocol" not in scores:
        raise InputError(f"{path}: holds no scores; name a file that `joint-ie evaluate --json` wrote")
    return {key: value for key, value in scores.items() if key not in ("macro", "per_label")}
