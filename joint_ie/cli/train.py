"""`joint-ie train CONFIG [CONFIG ...] [key.path=value ...]`."""

import argparse
from pathlib import Path
from typing import Any

from joint_ie.cli.arguments import files_and_overrides


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "train",
        help="train a model",
        description="Train a model from YAML files; later files and overrides win. The merged configuration is "
        "stored with the checkpoint.",
    )
    parser.add_argument("config", nargs="+", help="YAML files, and overrides such as training.epochs=3")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in OUTPUT")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train; the best checkpoint is in OUTPUT/best."""
    from joint_ie.settings import Given, load_yaml
    from joint_ie.training.configuration import Experiment
    from joint_ie.training.experiment import run_experiment

    files, overrides = files_and_overrides(args.config)
    where = Given(tuple(files), tuple(overrides))
    experiment = Experiment.from_mapping(load_yaml(files, overrides), where)
    result = run_experiment(experiment, args.output, args.resume)
    if result.best_score is not None and result.best_epoch is not None:
        monitor = experiment.training.monitor
        print(f"best {monitor} {100 * result.best_score:.2f} after {result.best_epoch + 1} epochs")
    print(f"checkpoint: {args.output / 'best'}")
    return 0
