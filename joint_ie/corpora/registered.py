"""Corpora by name, and where their files lie under the data folder."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from joint_ie.corpora.bioc import BIOC
from joint_ie.corpora.docred import DOCRED, HACRED, docred_schema
from joint_ie.corpora.dwie import DWIE_DOCRED, DWIE_TEST, DWIE_TRAIN, dwie_schema
from joint_ie.corpora.eog import EOG, cdr_schema, gda_schema
from joint_ie.corpora.origin import Corpus, Origin
from joint_ie.corpora.pubtator import PUBTATOR, biored_schema
from joint_ie.corpora.scierc import SCIERC, scierc_schema
from joint_ie.corpora.spert import SPERT, conll04_schema
from joint_ie.errors import InputError, nearest

DATA_VARIABLE = "JOINT_IE_DATA"

_PARTIAL = frozenset(("redocred/train_partial_992.json", "docred_joint/dev_joint_263.json"))

_DOCRED = Origin("https://github.com/thunlp/DocRED", "MIT")
_REDOCRED = Origin("https://github.com/tonytan48/Re-DocRED", "MIT")
_DOCRED_JOINT = Origin("https://github.com/amazon-science/e2e-docie", "MIT-0")
_DOCRED_EXTRA = Origin(
    "https://github.com/phos-phophy/creed and https://github.com/amazon-science/e2e-docie",
    "MIT; MIT-0",
    "collect it there from the documents of",
)
_HACRED = Origin("https://github.com/qiaojiim/HacRED", "not stated")
_DWIE = Origin("https://github.com/klimzaporojets/DWIE", "annotations GPL-3.0; texts (c) Deutsche Welle")
_DWIE_DOCRED = Origin(
    "https://github.com/rudongyu/LogiRE",
    "as DWIE, from which a script makes it",
    "make it there from DWIE with the script of",
)
_CDR = Origin("https://biocreative.bioinformatics.udel.edu/tasks/biocreative-v/track-3-cdr/", "public")
_EOG = Origin(
    "https://github.com/fenchri/edge-oriented-graph",
    "made from the public corpora by a script for non-commercial use",
    "make it there from the public corpus with the script of",
)
_BIORED = Origin("https://ftp.ncbi.nlm.nih.gov/pub/lu/BioRED/", "CC0")
_SCIERC = Origin("http://nlp.cs.washington.edu/sciIE/", "not stated")
_SPERT = Origin("https://github.com/lavis-nlp/spert", "not stated")


def find(corpus: Corpus, root: Path | str | None = None) -> Path | None:
    """Its file or folder under ``root``, or under the data folder; None if there is none."""
    paths = (data_root(root) / file for file in corpus.files)
    return next((path for path in paths if path.exists()), None)


def stand_in(name: str, root: Path | str | None = None) -> str | None:
    """The partial file that is read where a corpus of that name is asked for; None for whole ones and for others."""
    part = CORPORA.get(name)
    if part is None:
        return None
    found = find(part, root)
    return next((file for file in part.partial if found == data_root(root) / file), None)


def facts_path(name: str) -> Path:
    """A DocRED ``.fact`` file: a path, or one below the data folder."""
    path = Path(name)
    return path if path.exists() else data_root() / path


def path_of(corpus: Corpus, root: Path | str | None = None) -> Path:
    """Like `find`, but a missing file is an `InputError`."""
    found = find(corpus, root)
    if found is None:
        raise InputError(
            f'corpus "{corpus.name}": no {" or ".join(corpus.files)} in {data_root(root).resolve()}; '
            f"{corpus.origin.how} {corpus.origin.url}, or set {DATA_VARIABLE} to the folder that has it"
        )
    return found


def data_root(root: Path | str | None = None) -> Path:
    """``root``, else the folder that ``JOINT_IE_DATA`` names, else ``data`` in the working directory."""
    return Path(root or os.environ.get(DATA_VARIABLE) or "data")


def corpus(name: str) -> Corpus:
    """The registered corpus of that name; `InputError` with the nearest name if there is none."""
    if name not in CORPORA:
        raise InputError(
            f'corpus "{name}" is neither registered nor a file{nearest(name, CORPORA)}; '
            f'"joint-ie data list" shows the names'
        )
    return CORPORA[name]


def _docred() -> Iterator[Corpus]:
    parts = {
        "redocred/train": (
            "Re-DocRED, training (the full file, else the part of 992 documents)",
            ("redocred/train_revised.json", "redocred/train_partial_992.json"),
            _REDOCRED,
        ),
        "redocred/dev": ("Re-DocRED, development", ("redocred/dev_revised.json",), _REDOCRED),
        "redocred/test": ("Re-DocRED, test", ("redocred/test_revised.json",), _REDOCRED),
        "docred/train": ("DocRED, annotated training", ("docred/train_annotated.json",), _DOCRED),
        "docred/extra": (
            "DocRED, 282 further training documents",
            ("docred/train_annotated_extra.json",),
            _DOCRED_EXTRA,
        ),
        "docred/distant": ("DocRED, distantly labelled training", ("docred/train_distant.json",), _DOCRED),
        "docred/dev": ("DocRED, development", ("docred/dev.json",), _DOCRED),
        "docred/unlabelled": ("DocRED, test: no relations", ("docred/unlabelled.json", "docred/test.json"), _DOCRED),
        "docred-joint/train": (
            "DocRED end-to-end split, training",
            ("docred_joint/train_joint.json", "docred_joint/train_joint_qcode.json"),
            _DOCRED_JOINT,
        ),
        "docred-joint/dev": (
            "DocRED end-to-end split, development (the full file, else the part of 263 documents)",
            ("docred_joint/dev_joint.json", "docred_joint/dev_joint_qcode.json", "docred_joint/dev_joint_263.json"),
            _DOCRED_JOINT,
        ),
        "docred-joint/test": (
            "DocRED end-to-end split, test",
            ("docred_joint/test_joint.json", "docred_joint/test_joint_qcode.json"),
            _DOCRED_JOINT,
        ),
    }
    for name, (description, files, origin) in parts.items():
        yield Corpus(name, description, DOCRED.name, files, docred_schema, origin, _PARTIAL.intersection(files))


def _parts() -> Iterator[Corpus]:
    """Everything that is not in DocRED's layout."""
    for part, long in (("train", "training"), ("dev", "development"), ("test", "test")):
        yield Corpus(f"hacred/{part}", f"HacRED, {long}", HACRED.name, (f"hacred/{part}.json",), None, _HACRED)
    yield Corpus(
        "dwie/train", "DWIE, training articles", DWIE_TRAIN.name, ("dwie/annos_with_content",), dwie_schema, _DWIE
    )
    yield Corpus("dwie/test", "DWIE, test articles", DWIE_TEST.name, ("dwie/annos_with_content",), dwie_schema, _DWIE)
    for part, file, long in (
        ("train", "train_annotated", "training"),
        ("dev", "dev", "development"),
        ("test", "test", "test"),
    ):
        yield Corpus(
            f"dwie-docred/{part}",
            f"DWIE in DocRED's form, {long}",
            DWIE_DOCRED.name,
            (f"dwie/{file}.json",),
            dwie_schema,
            _DWIE_DOCRED,
        )
    for part, file, long in (
        ("train", "Training", "training"),
        ("dev", "Development", "development"),
        ("test", "Test", "test"),
    ):
        yield Corpus(
            f"cdr/{part}",
            f"CDR, {long}, pairs after the hypernym filter",
            EOG.name,
            (f"cdr/{part}_filter.data",),
            cdr_schema,
            _EOG,
        )
        yield Corpus(
            f"cdr-unfiltered/{part}", f"CDR, {long}, all pairs", EOG.name, (f"cdr/{part}.data",), cdr_schema, _EOG
        )
        yield Corpus(
            f"cdr-pubtator/{part}",
            f"CDR, {long}, as published",
            PUBTATOR.name,
            (f"cdr/CDR_{file}Set.PubTator.txt",),
            cdr_schema,
            _CDR,
        )
    for part, long in (("train", "training"), ("dev", "development"), ("test", "test")):
        yield Corpus(f"gda/{part}", f"GDA, {long}", EOG.name, (f"gda/{part}.data",), gda_schema, _EOG)
        file = f"biored/{part.capitalize()}"
        yield Corpus(f"biored/{part}", f"BioRED, {long}", PUBTATOR.name, (f"{file}.PubTator",), biored_schema, _BIORED)
        yield Corpus(
            f"biored-bioc/{part}",
            f"BioRED, {long}, as BioC JSON",
            BIOC.name,
            (f"{file}.BioC.JSON",),
            biored_schema,
            _BIORED,
        )
    for part, long in (("train", "training"), ("dev", "development"), ("test", "test")):
        yield Corpus(f"scierc/{part}", f"SciERC, {long}", SCIERC.name, (f"scierc/{part}.json",), scierc_schema, _SCIERC)
        yield Corpus(
            f"conll04/{part}",
            f"CoNLL04 (sentences), {long}",
            SPERT.name,
            (f"spert_conll04/conll04_{part}.json",),
            conll04_schema,
            _SPERT,
        )


CORPORA: Mapping[str, Corpus] = {corpus.name: corpus for corpus in (*_docred(), *_parts())}
