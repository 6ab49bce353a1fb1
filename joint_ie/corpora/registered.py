"""Corpora by name, and where their files lie under the data folder."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from joint_ie.corpora.docred import docred_schema
from joint_ie.errors import InputError, nearest
from joint_ie.schema import Schema

DATA_VARIABLE = "JOINT_IE_DATA"


@dataclass(frozen=True)
class Corpus:
    """A published corpus part: the first of ``files`` that exists is read, with the reader of that name."""

    name: str
    description: str
    reader: str
    files: tuple[str, ...]
    schema: Callable[[], Schema]

    def find(self, root: Path | str | None = None) -> Path | None:
        """Its file under ``root``, or under the data folder; None if there is none."""
        paths = (data_root(root) / file for file in self.files)
        return next((path for path in paths if path.is_file()), None)

    def path(self, root: Path | str | None = None) -> Path:
        """Like `find`, but a missing file is an `InputError`."""
        found = self.find(root)
        if found is None:
            raise InputError(
                f'corpus "{self.name}": no {" or ".join(self.files)} in {data_root(root).resolve()}; '
                f"download it there, or set {DATA_VARIABLE} to the folder that has it"
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


def _docred(name: str, description: str, *files: str) -> Corpus:
    return Corpus(name, description, "docred", files, docred_schema)


CORPORA: Mapping[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        _docred(
            "redocred/train",
            "Re-DocRED, training (the full file, else the part of 992 documents)",
            "redocred/train_revised.json",
            "redocred/train_partial_992.json",
        ),
        _docred("redocred/dev", "Re-DocRED, development", "redocred/dev_revised.json"),
        _docred("redocred/test", "Re-DocRED, test", "redocred/test_revised.json"),
        _docred("docred/train", "DocRED, annotated training", "docred/train_annotated.json"),
        _docred("docred/extra", "DocRED, 282 further training documents", "docred/train_annotated_extra.json"),
        _docred("docred/distant", "DocRED, distantly labelled training", "docred/train_distant.json"),
        _docred("docred/dev", "DocRED, development", "docred/dev.json"),
        _docred("docred/unlabelled", "DocRED, test: no relations", "docred/unlabelled.json", "docred/test.json"),
        _docred("docred-joint/train", "DocRED end-to-end split, training", "docred_joint/train_joint.json"),
        _docred(
            "docred-joint/dev",
            "DocRED end-to-end split, development (the full file, else the part of 263 documents)",
            "docred_joint/dev_joint.json",
            "docred_joint/dev_joint_263.json",
        ),
        _docred("docred-joint/test", "DocRED end-to-end split, test", "docred_joint/test_joint.json"),
    )
}
