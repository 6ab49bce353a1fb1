"""``joint-ie study``: a comparison of systems over seeds."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint_ie.cli.arguments import positive
from joint_ie.cli.study_report import add_report_parser

if TYPE_CHECKING:
    from joint_ie.study.cells import Cell
    from joint_ie.study.plan import Plan

COMMANDS = ("run", "report")


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """``study CONFIG`` is short for ``study run CONFIG``."""
    words = list(arguments)
    place = next((i for i, word in enumerate(words) if not word.startswith("-")), len(words))
    after = words[place + 1 : place + 2]
    if words[place : place + 1] == ["study"] and after and after[0] not in (*COMMANDS, "-h", "--help"):
        words.insert(place + 1, "run")
    return words


def add_parser(commands: Any) -> None:
    """Declare the command and its own commands."""
    parser = commands.add_parser("study", help="compare systems over seeds: run (may be left out), report")
    own = parser.add_subparsers(dest="study_command", metavar="COMMAND", required=True)
    _add_run_parser(own)
    add_report_parser(own)


def _add_run_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="run a comparison, or go on with it",
        description="Train and score every variant of a study with every seed, several at a time, each in a process of "
        "its own. Started again, it goes on where it was: finished cells stay, failed ones are tried again.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a YAML file that states the question")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="folder of the study (default: runs/studies/NAME)"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="AXIS=VALUE",
        help="variants with this value only; may be given several times, of one axis any of the values will do",
    )
    parser.add_argument("--seeds", type=_seeds, metavar="S,S", help="these of the study's seeds only")
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="cells at a time (default: one for each GPU, or as many as the threads of each leave room for)",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads of a cell, whatever the study says")
    parser.add_argument(
        "--redo", action="store_true", help="delete cells whose settings have changed, and run them anew"
    )
    parser.add_argument(
        "--reuse",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="folder of another study: new cells that it has trained alike, with this seed, are scored from the "
        "predictions that it kept; may be given several times",
    )
    parser.add_argument("--dry-run", action="store_true", help="list cells, their state, and in what variants differ")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run what is not finished yet; 1 if cells failed, which are named, and the rest done."""
    # Imported here so that `joint-ie --help` stays quick.
    from joint_ie.cli.study_view import print_plan, print_summary, study_view
    from joint_ie.study.configuration import read_study
    from joint_ie.study.folder import StudyFolder
    from joint_ie.study.kept import with_kept_predictions
    from joint_ie.study.measuring import visible_gpus
    from joint_ie.study.plan import make_plan, with_parts
    from joint_ie.study.runner import Runner, default_workers

    settings = read_study(args.config)
    plan = make_plan(settings, str(args.config), args.threads)
    folder = StudyFolder(args.output or Path("runs", "studies", settings.name))
    plan = with_kept_predictions(plan, _chosen(args, plan), folder, args.reuse)
    chosen = with_parts(_chosen(args, plan), plan.cells)
    if args.dry_run:
        print_plan(folder, plan, chosen)
        return 0
    gpus = visible_gpus()
    workers = args.workers or default_workers(chosen, gpus)
    with folder.alone():
        folder.prepare(plan, redo=chosen if args.redo else ())
        with study_view(settings.question) as watch:
            outcome = Runner(folder.cells, plan.cells, chosen, workers, gpus, watch).run()
    print_summary(folder, chosen, outcome)
    return 1 if outcome.failures or outcome.blocked else 0


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} should be whole numbers with commas between, such as 1,2") from None


def _chosen(args: argparse.Namespace, plan: "Plan") -> "list[Cell]":
    from joint_ie.errors import InputError
    from joint_ie.study.grid import check_levels

    axes: dict[str, list[str]] = {}
    for cell in plan.cells:
        for axis, level in cell.levels.items():
            axes.setdefault(axis, []).append(level)
    asked: dict[str, set[str]] = {}
    for word in args.only:
        axis, equals, level = word.partition("=")
        if not equals:
            raise InputError(f"--only {word}: should be written AXIS=VALUE; axes are {', '.join(axes)}")
        check_levels({axis: level}, {name: dict.fromkeys(levels) for name, levels in axes.items()}, "--only")
        asked.setdefault(axis, set()).add(level)
    seeds = {cell.seed for cell in plan.cells}
    for seed in args.seeds or ():
        if seed not in seeds:
            raise InputError(
                f"--seeds: the study has no seed {seed}, only {', '.join(map(str, sorted(seeds)))}; add it"
            )
    return [
        cell
        for cell in plan.cells
        if all(cell.levels.get(axis) in levels for axis, levels in asked.items())
        and (args.seeds is None or cell.seed in args.seeds)
    ]
