"""How long the package takes, as ratios to the bare encoder on the same documents, measured in turns.

    python benchmarks/speed                        # everything, some minutes
    python benchmarks/speed runs --documents 100   # only some parts: runs stages naive engines words entities memory

Ratios are medians over rounds; "cpu" counts the seconds of all threads, which a busy machine disturbs less.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from documents import corpus, of_entities, of_words
from memory import peak
from rich.console import Console
from rich.table import Table
from subjects import GOLD, JOINT, Subject, Training
from timing import in_turns

from joint_ie import load
from joint_ie.encoding.training_set import TrainingBatch
from joint_ie.models.joint import JointModel

PARTS = ("runs", "stages", "naive", "engines", "words", "entities", "memory")
WORDS = (100, 200, 500, 2000, 20000)
ENTITIES = (10, 20, 42, 100, 300)
BARE = "bare encoder"


def main() -> int:
    args = arguments().parse_args()
    torch.set_num_threads(args.threads)
    subject = Subject(args.model, args.precision)
    source = corpus(args.corpus)
    results: dict[str, Any] = {
        "threads": args.threads,
        "precision": subject.extractor.precision,
        "torch": torch.__version__,
        "corpus": args.corpus or "data/fictional",
    }
    for part in args.parts or PARTS:
        results[part] = globals()[f"measure_{part}"](subject, source, args)
        show(part, results[part])
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--model", default="default")
    parser.add_argument("--precision", default="auto", choices=("auto", "bf16", "no"))
    parser.add_argument("--corpus", help="a name or path (default: the package's invented corpus)")
    parser.add_argument("--train-corpus", help="with the model's labels, for training steps (default: none are run)")
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path)
    return parser


def measure_runs(subject: Subject, source: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """Whole runs: extraction, relations between gold entities, training steps."""
    documents = source[: args.documents]
    windows = subject.windows(documents)
    times = in_turns(
        {
            BARE: subject.bare_forward(windows),
            "extraction": subject.extraction(documents),
            "extraction from text": subject.from_text(documents),
            "gold entities": subject.gold_entities(documents),
        },
        args.rounds,
        "runs",
    )
    rows = {name: row(times, name) for name in times.seconds}
    if args.train_corpus:
        training = Training(subject, JOINT, args.train_corpus, documents=60, steps=6)
        times = in_turns({BARE: training.bare_step, "training step": training.step}, args.rounds, "training")
        rows |= {"bare encoder, forward and backward": row(times, BARE), "training step": row(times, "training step")}
    return rows


def measure_stages(subject: Subject, source: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """CPU time of the stages of extraction from text, as shares of the bare encoder's."""
    documents = source[: args.documents]
    bare, run = subject.bare_forward(subject.windows(documents)), subject.from_text(documents)
    rounds: list[dict[str, float]] = []
    base = in_turns({BARE: bare, "stages": lambda: rounds.append(subject.stages(run))}, args.rounds, "stages")
    seconds = base.seconds[BARE]["cpu"]
    names = rounds[-1]
    shares = {name: sorted(one[name] / bare for one, bare in zip(rounds[1:], seconds, strict=True)) for name in names}
    return {name: {"cpu": values[len(values) // 2]} for name, values in shares.items()}


def measure_naive(subject: Subject, source: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """The same work done as the papers' equations read, in 32 bits: how many times as long it takes."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from naive import eager_copy, naive_extract, naive_gold_entities, naive_training_loss

    documents, collator = source[: max(1, args.documents // 8)], subject.predictor.stages.collator
    slow = eager_copy(subject.model)
    work: dict[str, tuple[Any, Any]] = {
        "extraction": (subject.extraction(documents), lambda: naive_extract(slow, collator, documents)),
        "gold entities": (subject.gold_entities(documents), lambda: naive_gold_entities(slow, collator, documents)),
    }
    if args.train_corpus:
        for name, config in (("joint training step", JOINT), ("gold-entities training step", GOLD)):
            training = Training(subject, config, args.train_corpus, documents=8, steps=1)
            slow_training = eager_copy(training.model)

            def step(slow: JointModel = slow_training, batches: Sequence[TrainingBatch] = training.batches) -> None:
                for batch in batches:
                    naive_training_loss(slow, collator, batch).loss.backward()
                    slow.zero_grad()

            work[name] = (training.step, step)
    rows = {}
    for name, (ours, theirs) in work.items():
        times = in_turns({"ours": ours, "naive": theirs}, max(1, args.rounds // 2), f"naive {name}")
        rows[name] = {clock: times.ratio("naive", "ours", clock) for clock in ("cpu", "wall")}
    return rows


def measure_engines(subject: Subject, source: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """Extraction with every engine and precision; loading takes them as many seconds."""
    documents = source[: args.documents]
    functions: dict[str, Any] = {BARE: subject.bare_forward(subject.windows(documents))}
    loading = {}
    for engine in ("torch", *(["openvino"] if find_spec("openvino") else [])):
        for precision in ("no", "auto", *(["int8"] if engine == "openvino" else [])):
            name = f"{engine}, {precision}"
            start = time.perf_counter()
            extract = load(args.model, engine=engine, precision=precision)
            loading[name] = time.perf_counter() - start
            functions[name] = partial(lambda extract: list(extract.pipe(documents)), extract)
    times = in_turns(functions, max(1, args.rounds // 2), "engines")
    return {name: row(times, name) | {"loading_s": loading[name]} for name in loading}


def measure_words(subject: Subject, source: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """Extraction of documents of so many words, up to 20,000 words a run; and the time of a word to that at 500."""
    functions: dict[str, Any] = {}
    total: dict[str, int] = {}
    for words in WORDS:
        documents = [of_words(source, words, number) for number in range(max(1, min(40, 20000 // words)))]
        name = f"{words} words"
        functions[f"{BARE}, {name}"] = subject.bare_forward(subject.windows(documents))
        functions[name] = subject.extraction(documents)
        total[name] = words * len(documents)
    times = in_turns(functions, max(1, args.rounds // 2), "words")
    return {
        name: row(times, name, f"{BARE}, {name}")
        | {
            f"{clock}_word": times.ratio(name, "500 words", clock) * total["500 words"] / total[name]
            for clock in ("cpu", "wall")
        }
        for name in total
    }


def measure_entities(subject: Subject, source: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """Relations between so many given entities."""
    rows = {}
    for entities in ENTITIES:
        document = of_entities(source, subject.model.schema, entities)
        copies = [document] * max(1, 200 // entities)
        functions = {BARE: subject.bare_forward(subject.windows(copies)), "run": subject.gold_entities(copies)}
        times = in_turns(functions, max(1, args.rounds // 2), f"{entities} entities")
        rows[f"{entities} entities"] = row(times, "run")
    return rows


def measure_memory(subject: Subject, source: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of a process of its own, in MiB: loaded, and with one document extracted."""
    return {f"{words} words": peak(args, words) for words in (500, 20000)}


def row(times: Any, name: str, base: str = BARE) -> dict[str, float]:
    return {
        "cpu": times.ratio(name, base, "cpu"),
        "wall": times.ratio(name, base, "wall"),
        "seconds": times.median(name, "wall"),
    }


def show(part: str, rows: dict[str, dict[str, float]]) -> None:
    columns = list(dict.fromkeys(name for found in rows.values() for name in found))
    table = Table(part, *columns, title_justify="left")
    for name, found in rows.items():
        table.add_row(name, *(f"{found[column]:.3f}" if column in found else "" for column in columns))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
