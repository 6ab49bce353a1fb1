"""The scores of a finished run on its test corpus."""

import logging
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any

from joint_ie.corpora.facts import Fact
from joint_ie.corpora.files import load_json
from joint_ie.document import Document
from joint_ie.models.loading import load_model, predictor_for
from joint_ie.models.precision import autocast, default_device
from joint_ie.training.finish import write_json
from joint_ie.training.log import TrainingLog
from joint_ie.training.validation import scores_by_mode

logger = logging.getLogger(__name__)


def score_test(
    run: Path, corpus: str, documents: Sequence[Document], modes: Sequence[str], training_facts: Set[Fact]
) -> None:
    """Score ``run/best`` on a test corpus, once in the life of the run, into ``run/test.json`` and the log."""
    path = run / "test.json"
    if not path.exists():
        scores = final_scores(run / "best", documents, modes, training_facts)
        partial = path.with_name("test.json.partial")  # killed while writing, it is scored anew
        write_json({"corpus": corpus, **scores}, partial)
        partial.replace(path)
    scores = load_json(path)
    metrics = {
        f"{mode}: {task}": values["f1"]
        for mode in modes
        for task, values in scores[mode].items()
        if isinstance(values, dict) and "f1" in values
    }
    # a resumed run has forgotten what its log said after the last state
    TrainingLog(run / "log.jsonl").write("test", {"corpus": corpus, "metrics": metrics})
    logger.info("%s: %s", corpus, ", ".join(f"{name} {100 * value:.2f}" for name, value in metrics.items()))


def final_scores(
    folder: Path, documents: Sequence[Document], modes: Sequence[str], training_facts: Set[Fact]
) -> dict[str, Any]:
    """By mode, what `joint-ie evaluate --json` writes for a checkpoint; Ign F1 leaves ``training_facts`` out."""
    model, tokenizer = load_model(folder)
    model.to(default_device())
    predictor = predictor_for(model, tokenizer)
    with autocast(model.device):
        scores = scores_by_mode(predictor, documents, modes, training_facts)
    return {mode: found.to_dict() for mode, found in scores.items()}
