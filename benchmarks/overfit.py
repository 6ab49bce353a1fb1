"""Every relation system on twenty real documents until it repeats them: F1 of 95 is expected, 80 of rebel.

JOINT_IE_DATA=../shared/data python benchmarks/overfit.py -o runs/overfit [SYSTEM ...]
"""

import argparse
import logging
import time
from pathlib import Path

from joint_ie.settings import load_yaml
from joint_ie.training.configuration import Experiment
from joint_ie.training.experiment import run_experiment

ROOT = Path(__file__).parents[1]
SYSTEMS = sorted(file.stem for file in (ROOT / "configs" / "systems").glob("*.yaml"))
# JEREX samples 200 pairs without relations from a document, and takes more rounds until it has seen them all; PAEE's
# filter of pairs learns slowly, from labels of which most are the same.
LONGER = {"jerex": 160, "jerex-global": 160, "paee": 120}
EXPECTED = {name: 80.0 if name == "rebel" else 95.0 for name in SYSTEMS}


def overfit(system: str, folder: Path, overrides: list[str]) -> float:
    """Train ``system`` into ``folder``; the best F1, in percent, on the documents that it was trained on."""
    encoder = "minilm-seq2seq.yaml" if system == "rebel" else "minilm.yaml"
    recipe = "overfit-rebel.yaml" if system == "rebel" else "overfit.yaml"
    configs = ROOT / "configs"
    longer = [f"training.epochs={LONGER[system]}", "model.dropout=0.0"] if system in LONGER else []
    files = [configs / "systems" / f"{system}.yaml", configs / "encoders" / encoder, ROOT / "benchmarks" / recipe]
    experiment = Experiment.from_mapping(load_yaml(files, [*longer, *overrides]), system)
    return 100 * (run_experiment(experiment, folder / system).best_score or 0.0)


def main() -> int:
    """Print a table; 0 if every system reached what is expected of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", nargs="*", help=f"all of {', '.join(SYSTEMS)} if none is named")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in joint-ie train")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    failed = 0
    for system in arguments.system or SYSTEMS:
        start = time.monotonic()
        f1 = overfit(system, arguments.output, arguments.set)
        failed += f1 < EXPECTED[system]
        print(
            f"{system:14} F1 {f1:6.2f}  expected {EXPECTED[system]:.0f}  {time.monotonic() - start:5.0f} s", flush=True
        )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
