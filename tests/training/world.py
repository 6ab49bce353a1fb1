"""A little world of people and places: encoder, corpora, schema and configuration as files, learned in a second.

As a script, runs of `joint-ie train` that kill themselves and are resumed; usage: world.py FOLDER KILLS..., where
each of KILLS (such as ``log:3,tune``) is a chain of kills in one run. Every run is a fork of one process that has
imported everything, for importing takes seconds.
"""

import json
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import yaml
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from joint_ie.cli.main import main
from joint_ie.corpora import write_jsonl
from joint_ie.document import Document, Entity, Relation
from joint_ie.heads.encoder import quiet
from joint_ie.schema import Schema
from joint_ie.training import experiment
from joint_ie.training.log import TrainingLog

PEOPLE = ("ann lee", "bob", "eve", "kim", "max roe", "zoe")
PLACES = ("oslo", "rome", "new york", "bonn", "bern")
WORDS = ["was", "born", "in", "and", "died", ".", "met", "here", "who", "lived", "with"]
SCHEMA = Schema.from_names(["PER", "LOC"], {"P19": "place of birth", "P20": "place of death"})

OPTIONS = {
    "": (),
    "steps": ("training.save_every_steps=2",),
    "crf": ("training.save_every_steps=2", "model.mentions.detector=crf"),
    "semi-markov": ("training.save_every_steps=2", "model.mentions.detector=semi-markov"),
}
SHORT = ("training.epochs=2", "batches.documents=4", "model.mentions.threshold=0.2")  # 3 steps an epoch


def document(seed: int, relations: bool = True) -> Document:
    """``ann lee was born in oslo . ann lee died in rome . bob was born in ...``"""
    draw = random.Random(seed)
    sentences: list[list[str]] = []
    spans: dict[str, list[tuple[int, int]]] = {}
    facts = []

    def say(who: str, what: str, where: str) -> None:
        start = sum(map(len, sentences))
        words = [*who.split(), *what.split(), *where.split(), "."]
        end = start + len(words) - 1
        spans.setdefault(who, []).append((start, start + len(who.split())))
        spans.setdefault(where, []).append((end - len(where.split()), end))
        sentences.append(words)

    for who in draw.sample(PEOPLE, 2):
        born, died = draw.sample(PLACES, 2)
        say(who, "was born in", born)
        say(who, "died in", died)
        facts += [(who, born, "P19"), (who, died, "P20")]
    bare = Document.from_words(f"doc-{seed}", sentences)
    names = list(spans)
    entities = [
        Entity("PER" if name in PEOPLE else "LOC", name, tuple(bare.mention(*span) for span in spans[name]))
        for name in names
    ]
    known = [Relation(names.index(head), names.index(tail), kind) for head, tail, kind in facts]
    return bare.with_annotations(entities, known if relations else None)


def write_encoder(folder: Path, hidden: int = 32) -> Path:
    """A BERT with random weights."""
    torch.manual_seed(1)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces = [*special, *sorted({word for text in (*PEOPLE, *PLACES, *WORDS) for word in text.split()})]
    made = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=made, **names).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=128,
        initializer_range=0.2,
    )
    with quiet():
        BertModel(config).save_pretrained(folder)
    return folder


def write_world(folder: Path, hidden: int = 32) -> Path:
    """All files; returns the configuration."""
    write_encoder(folder / "encoder", hidden)
    write_jsonl([document(i, relations=i > 0) for i in range(12)], folder / "train.jsonl")
    write_jsonl([document(100 + i) for i in range(5)], folder / "dev.jsonl")
    SCHEMA.save(folder / "schema.json")
    config = {
        "data": {
            "train": [{"corpus": str(folder / "train.jsonl")}],
            "dev": str(folder / "dev.jsonl"),
            "schema": str(folder / "schema.json"),
        },
        "model": {
            "encoder": {"name": str(folder / "encoder"), "overlap": 16},
            "mentions": {"max_width": 3, "negatives": 30, "threshold": 0.5},
            "coreference": {"negatives": 20, "threshold": 0.5},
            "relations": {"embedding_size": 32, "block_size": 8},
        },
        "batches": {"documents": 2},
        "training": {
            "epochs": 15,
            "encoder_learning_rate": 5e-3,
            "head_learning_rate": 1e-2,
            "precision": "no",
            "threads": 1,
            "log_every": 1,
        },
        "validation": ["end-to-end", "gold-entities"],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def records(folder: Path, kind: str | None = None) -> list[dict]:
    """The log of a run, without times."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{**line, "seconds": None, "cpu_seconds": None} for line in lines if kind in (None, line["kind"])]


def contents(folder: Path, parts: Sequence[str] = ("best", "last")) -> dict[str, bytes]:
    """Both checkpoints of a run, byte by byte."""
    return {f"{part}/{file.name}": file.read_bytes() for part in parts for file in (folder / part).iterdir()}


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_log(count: int) -> None:
    """Die when ``log.jsonl`` has got ``count`` more lines."""
    remaining = [count]
    write = TrainingLog.write

    def counted(self, kind, record):
        write(self, kind, record)
        remaining[0] -= 1
        if remaining[0] == 0:
            die()

    TrainingLog.write = counted


def kill_before_tuning(_: int) -> None:
    experiment.tune_checkpoint = die


def kill_while_writing_thresholds(_: int) -> None:
    Path.replace = die


def kill_before_the_card(_: int) -> None:
    experiment.add_card = die


KILLS = {
    "log": kill_at_log,
    "tune": kill_before_tuning,
    "write": kill_while_writing_thresholds,
    "card": kill_before_the_card,
    "never": int,
}


def attempt(folder: Path, config: Path, options: Sequence[str], kill: str) -> int:
    """Run (or resume) in a fork until ``kill``; returns the exit status of the fork."""
    child = os.fork()
    if child == 0:
        kind, _, count = kill.partition(":")
        KILLS[kind](int(count or 0))
        resume = ["--resume"] if folder.exists() else []
        status = main(["-q", "train", str(config), *options, "--output", str(folder), *resume])
        sys.stdout.flush()
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    root, *chains = sys.argv[1:]
    settings = write_world(Path(root))
    torch.optim.AdamW(BertModel(BertConfig(hidden_size=12, vocab_size=2)).parameters())  # imports, once
    for chain in chains:
        # "steps=" before a chain: states are saved inside of epochs, too; "crf=": a mention detector
        kind, _, kills = chain.rpartition("=")
        options = [*SHORT, *OPTIONS[kind]]
        statuses = [attempt(Path(root, chain), settings, options, kill) for kill in (*kills.split(","), "never")]
        print("ended", chain, *statuses, flush=True)
