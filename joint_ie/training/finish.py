"""After training: thresholds on held-out documents, and a copy that is small enough to ship."""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from joint_ie.corpora.files import load_json
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.models.checkpoint import WEIGHTS, collator_for, load_checkpoint
from joint_ie.models.precision import resolve_precision
from joint_ie.models.quantisation import quantise
from joint_ie.models.tuning import Tuned, Tuner
from joint_ie.settings import to_mapping
from joint_ie.training.model_card import model_card
from joint_ie.training.validation import grouped

logger = logging.getLogger(__name__)


def tune_checkpoint(folder: Path, documents: Sequence[Document]) -> Tuned:
    """Find the best thresholds on annotated ``documents`` and write them into the folder's ``config.json``."""
    model, tokenizer = load_checkpoint(folder)
    if torch.cuda.is_available():
        model.cuda()  # type: ignore[no-untyped-call, unused-ignore]
    bf16 = resolve_precision("auto", model.device) == "bf16"
    with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
        tuned = Tuner(model, collator_for(model, tokenizer), grouped(documents)).tune()
    path = folder / "config.json"
    config: dict[str, Any] = load_json(path)
    config["model"] = to_mapping(tuned.settings)
    partial = path.with_name("config.json.partial")  # killed while writing, the old file is still whole
    partial.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
    logger.info("thresholds: %s", {k: v for k, v in to_mapping(tuned).items() if k != "settings"})
    return tuned


def pack_checkpoint(folder: Path, output: Path, scores: Sequence[Path] = ()) -> None:
    """Copy a checkpoint with 8-bit weights (see `models.quantisation`), ``scores.json`` and a model card.

    Args:
        folder: a checkpoint folder.
        output: a folder that does not exist yet.
        scores: files written by ``joint-ie evaluate --json``.
    """
    if output.exists():
        raise InputError(f"{output}: exists already; name a new folder")
    load_checkpoint(folder)  # raises what is wrong with it
    measured = [_read_scores(path) for path in scores]
    try:
        output.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{output}: cannot be made ({error.strerror}); choose another place") from None
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name != WEIGHTS:
            shutil.copy(file, output)
    save_file(quantise(load_file(folder / WEIGHTS)), output / WEIGHTS, metadata={"format": "pt"})
    if measured:
        text = json.dumps({data["protocol"]: data for data in measured}, indent=1)
        (output / "scores.json").write_text(text + "\n", encoding="utf-8")
    add_card(output)


def add_card(folder: Path) -> None:
    """Write ``README.md`` into a checkpoint folder."""
    (folder / "README.md").write_text(model_card(folder), encoding="utf-8")


def _read_scores(path: Path) -> dict[str, Any]:
    """What `joint-ie evaluate --json` wrote, without details."""
    scores = load_json(path)
    if not isinstance(scores, dict) or "protocol" not in scores:
        raise InputError(f"{path}: holds no scores; name a file that `joint-ie evaluate --json` wrote")
    return {key: value for key, value in scores.items() if key not in ("macro", "per_label")}
