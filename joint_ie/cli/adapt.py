"""``joint-ie adapt``: a model for labels of one's own, from a few annotated documents."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joint_ie
from joint_ie.cli.arguments import files_and_overrides

if TYPE_CHECKING:
    from joint_ie.corpora import Repairs
    from joint_ie.document import Document
    from joint_ie.evaluation.protocol import Mode
    from joint_ie.schema import Schema
    from joint_ie.settings import Given
    from joint_ie.training.held_out import Parts

SETTINGS = Path(joint_ie.__file__).parent / "training" / "own-schema.yaml"
PREDICTED = "predicted.jsonl"


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "adapt",
        help="a model for your own labels, from 20 to 50 annotated documents",
        description="Derive the labels of DOCUMENTS, hold a part of them out, train the start model on the others, "
        "and score it on those held out. The model is in OUTPUT/best.",
    )
    parser.add_argument("documents", metavar="DOCUMENTS", help="a file or folder in any format, or a corpus name")
    parser.add_argument("settings", nargs="*", help="YAML files, and overrides such as training.epochs=60")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--reader", metavar="R", help="format of DOCUMENTS (default: recognised)")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="a schema.json (default: the labels that occur)")
    parser.add_argument("--dev-share", type=float, default=0.2, metavar="S", help="held out (default: %(default)s)")
    parser.add_argument("--start", metavar="MODEL", help="folder or hub id to start from (default: the bundled model)")
    parser.set_defaults(run=run)
    parser.scattered = "settings"


def run(args: argparse.Namespace) -> int:
    """Check, split, train, score, show an example; 0 when done."""
    from joint_ie.corpora import Repairs, derive_schema, load_corpus, write_jsonl
    from joint_ie.extraction import load
    from joint_ie.schema import Schema
    from joint_ie.training.experiment import run_experiment
    from joint_ie.training.held_out import split
    from joint_ie.training.loop import check_new_folder
    from joint_ie.training.own_card import add_own_card
    from joint_ie.training.own_schema import (
        check_annotated,
        check_labels,
        check_trainable,
        doubts,
        own_schema_experiment,
        write_parts,
    )

    check_new_folder(args.output)
    given, where = _settings(args)
    repairs = Repairs()
    documents = load_corpus(args.documents, args.reader, repairs=repairs)
    check_trainable(documents, args.documents)
    schema = Schema.load(args.schema) if args.schema else derive_schema(documents)
    check_labels(documents, schema, args.documents)
    experiment = own_schema_experiment(given, schema, args.output, where)
    seed = experiment.training.seed
    parts = split(documents, args.dev_share, seed)
    check_annotated(parts.training, f"{args.documents}: of what training.seed = {seed} leaves to learn from")
    _show_parts(args.documents, parts, schema, repairs)
    for doubt in doubts(parts, schema, experiment.model):
        print(f"beware: {doubt}")
    write_parts(parts, schema, args.output, experiment)
    run_experiment(experiment, args.output)

    best = args.output / "best"
    extract = load(best)
    predicted = {mode: list(extract.by_mode(mode, parts.held_out)) for mode in experiment.validation}
    shown = next(iter(predicted.values()))
    write_jsonl(shown, args.output / PREDICTED)
    scores = {mode: _scores(mode, parts.held_out, found) for mode, found in predicted.items()}
    chosen = (
        f"chosen on {experiment.data.dev}" if experiment.tune else f"those of {experiment.start} or as they were set"
    )
    how = f"Nothing was chosen with them: the schedule was set before, and the thresholds are {chosen}."
    add_own_card(best, args.documents, parts, scores, how)
    _show_scores(args.output, scores, len(parts.held_out), how)
    _show_example(parts.held_out, shown)
    print(f'\ncheckpoint: {best}\ngo on with: joint-ie extract --model {best} "a text, or files"')
    return 0


def _settings(args: argparse.Namespace) -> "tuple[dict[str, Any], Given]":
    """Everything that is set, start model included, and where."""
    from joint_ie.settings import Given, load_yaml

    files, overrides = files_and_overrides(args.settings)
    files = [str(SETTINGS), *files]
    given = load_yaml(files, overrides)
    return given | ({"start": args.start} if args.start else {}), Given(tuple(files), tuple(overrides))


def _show_parts(source: str, parts: "Parts", schema: "Schema", repairs: "Repairs") -> None:
    """What was read, and how often each label occurs in either part."""
    from rich.table import Table
    from rich.text import Text

    from joint_ie.cli.tables import wide_console
    from joint_ie.corpora.check import check
    from joint_ie.corpora.describe import describe

    both = [describe(part) for part in (parts.training, parts.held_out)]
    table = Table("what", "to learn from", "held out", title=Text(source), title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in ("documents", "words", "mentions", "entities", "relations", "relations_cross_sentence"):
        table.add_row(name.replace("_", " "), *(f"{getattr(found, name):,}" for found in both))
    for label in schema.entity_types:
        table.add_row(Text(f"entity {label.id}"), *(str(found.entities_by_type.get(label.id, 0)) for found in both))
    for label in schema.relation_types:
        table.add_row(Text(f"relation {label.id}"), *(str(found.relations_by_type.get(label.id, 0)) for found in both))
    wide_console().print(table)
    if repairs.found:
        print(f"read: {repairs.summary()}")
    odd = Counter(item.kind for item in check((*parts.training, *parts.held_out)))
    if odd:
        print(f"found: {', '.join(f'{number:,} x {kind}' for kind, number in odd.most_common())}")
    if repairs.found or odd:
        print(f"joint-ie data check {source} lists them")


def _scores(mode: "Mode", gold: "Sequence[Document]", predicted: "Sequence[Document]") -> dict[str, Any]:
    """As `joint-ie evaluate --intervals` has them: by the first protocol of the mode."""
    from joint_ie.cli.scoring import intervals
    from joint_ie.evaluation import count_documents, protocols

    protocol = next(iter(protocols(mode).values()))
    counted = count_documents(protocol, gold, predicted)
    measures = [f"{measure}.f1" for measure in protocol.measures]
    return {**counted.scores.to_dict(), "intervals": intervals(counted, measures)}


def _show_scores(folder: Path, scores: "Mapping[Mode, dict[str, Any]]", documents: int, how: str) -> None:
    """Tables, and ``test.json``, and how little they say."""
    from joint_ie.cli.tables import print_scores, write_json
    from joint_ie.training.own_schema import HELD_OUT

    for mode, found in scores.items():
        print_scores(found, f"{documents} held-out documents, {mode}")
    write_json(
        {"corpus": str(folder / HELD_OUT), **{str(mode): found for mode, found in scores.items()}},
        str(folder / "test.json"),
    )
    print(how)
    print(
        f"beware: {documents} documents are too few to compare settings by, and the intervals are a little too narrow; "
        f"training.seed=2 (in another folder) draws another split, and trains anew: look at three before you decide"
    )
    if "end-to-end" in scores:
        files = f"{folder / HELD_OUT} {folder / PREDICTED}"
        print(f"what went wrong, to look at: joint-ie score {files} --errors {folder / 'errors.html'}")


def _show_example(gold: "Sequence[Document]", predicted: "Sequence[Document]") -> None:
    """What is found in the held-out document with the most annotated relations."""
    import sys

    from joint_ie.cli.triples import print_documents

    example = max(range(len(gold)), key=lambda i: len(gold[i].relations or ()))
    print(f"\nfor example, in the held-out document {gold[example].id!r}:\n{gold[example].text}\n")
    print_documents([predicted[example]], sys.stdout)
