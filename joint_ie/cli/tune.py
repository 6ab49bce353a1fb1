"""``joint-ie tune``: thresholds of a checkpoint, on held-out documents."""

import argparse
from typing import Any

from joint_ie.cli.arguments import positive


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "tune",
        help="set a checkpoint's thresholds on held-out documents",
        description="Find the mention, coreference and relation thresholds with the best F1 on a corpus and write "
        "them into the checkpoint's config.json: one relation threshold, or one for each relation, as its "
        "model.relations.thresholds says (global, per-class). `joint-ie train` does this at its end.",
    )
    parser.add_argument("model", metavar="MODEL", help="folder of a checkpoint")
    parser.add_argument("corpus", metavar="CORPUS", help="corpus name or file, held out from training")
    parser.add_argument("--reader", metavar="R", help="format of the corpus (default: recognised)")
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tune, write, and print what was found; 0 when done."""
    from pathlib import Path

    import torch

    from joint_ie.corpora import load_corpus
    from joint_ie.training.finish import tune_checkpoint

    if args.threads:
        torch.set_num_threads(args.threads)
    tuned = tune_checkpoint(Path(args.model), load_corpus(args.corpus, reader=args.reader))
    settings = tuned.settings
    print(f"mentions      from {settings.mentions.threshold:.3f}   F1 {100 * tuned.mentions:.2f}")
    print(f"coreference   above {settings.coreference.threshold:.3f}  F1 {100 * tuned.clusters:.2f} (clusters)")
    relations = settings.relations
    print(f"relations     shift {shift_text(relations.shift)} F1 {100 * tuned.relations_strict:.2f} (strict)")
    print(f"gold entities shift {shift_text(relations.gold_shift)} F1 {100 * tuned.gold_entities:.2f}")
    return 0


def shift_text(shift: float | tuple[float, ...]) -> str:
    """One shift, or the range of those of all relations."""
    if isinstance(shift, tuple):
        return f"{min(shift):+.3f} to {max(shift):+.3f} (each relation its own)"
    return f"{shift:+.3f}"
