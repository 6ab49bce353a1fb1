"""``joint-ie tune``: thresholds of a checkpoint, on held-out documents."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from joint_ie.cli.arguments import positive

if TYPE_CHECKING:
    from joint_ie.models.tuning import Tuned


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "tune",
        help="set a checkpoint's thresholds on held-out documents",
        description="Find the mention, coreference and relation thresholds with the best F1 on a corpus and write "
        "them into the checkpoint's config.json: one relation threshold, or one for each relation, as its "
        "model.relations.thresholds says (global, per-class). What the model was not trained for is left as it is. "
        "`joint-ie train` does this at its end.",
    )
    parser.add_argument("model", metavar="MODEL", help="folder of a checkpoint")
    parser.add_argument("corpus", metavar="CORPUS", help="corpus name or file, held out from training")
    parser.add_argument(
        "--entities-from",
        metavar="MODEL",
        help="another model, whose entities this one shall say relations between (a pipeline): only the threshold for "
        "these is chosen; folder, hub id, or default",
    )
    parser.add_argument("--reader", metavar="R", help="format of the corpus (default: recognised)")
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tune, write, and print what was found; 0 when done."""
    from pathlib import Path

    import torch

    from joint_ie.corpora import load_corpus
    from joint_ie.models.sources import find_model
    from joint_ie.training.finish import tune_checkpoint

    if args.threads:
        torch.set_num_threads(args.threads)
    finder = find_model(args.entities_from) if args.entities_from else None
    tuned = tune_checkpoint(Path(args.model), load_corpus(args.corpus, reader=args.reader), finder)
    for line in lines(tuned) if finder is None else [_relations(tuned)]:
        print(line)
    return 0


def lines(tuned: "Tuned") -> Iterator[str]:
    """Every threshold with the F1 that it reaches, or that it was left."""
    settings = tuned.settings
    relations = settings.relations
    yield f"mentions      from {settings.mentions.threshold:.3f}   {_reached(tuned.mentions)}"
    yield f"coreference   above {settings.coreference.threshold:.3f}  {_reached(tuned.clusters, ' (clusters)')}"
    yield _relations(tuned)
    yield f"gold entities shift {shift_text(relations.gold_shift)} {_reached(tuned.gold_entities)}"


def _relations(tuned: "Tuned") -> str:
    shift = tuned.settings.relations.shift
    return f"relations     shift {shift_text(shift)} {_reached(tuned.relations_strict, ' (strict)')}"


def _reached(f1: float | None, what: str = "") -> str:
    return (
        "left as it was: not trained for this, or for a step before it (model.task_weights)"
        if f1 is None
        else f"F1 {100 * f1:.2f}{what}"
    )


def shift_text(shift: float | tuple[float, ...]) -> str:
    """One shift, or the range of those of all relations."""
    if isinstance(shift, tuple):
        return f"{min(shift):+.3f} to {max(shift):+.3f} (each relation its own)"
    return f"{shift:+.3f}"
