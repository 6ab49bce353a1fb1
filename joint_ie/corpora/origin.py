"""What is known about a published corpus part: its files, where people get it, and what its files should be."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from joint_ie.schema import Schema


@dataclass(frozen=True)
class Origin:
    """Where a corpus is published, under which licence, and (in front of ``url``) how one gets it."""

    url: str
    licence: str
    how: str = "download it there from"


@dataclass(frozen=True)
class Corpus:
    """A published corpus part: the first of ``files`` that exists is read, with the reader of that name.

    ``schema`` is None where the labels are not known without the files. The ``partial`` files hold fewer documents than
    were published.
    """

    name: str
    description: str
    reader: str
    files: tuple[str, ...]
    schema: Callable[[], Schema] | None
    origin: Origin
    partial: frozenset[str] = frozenset()

    @property
    def family(self) -> str:
        """The name without the part: ``redocred`` of ``redocred/dev``."""
        return self.name.split("/")[0]


def checksum(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


CHECKSUMS: Mapping[str, str] = {
    "redocred/dev_revised.json": "051ee1d057204a5d08ef5502beacdadf191245b5eaf0e29ec2c607cf002c016f",
    "redocred/test_revised.json": "ea673b7ef91e16510d7eb88863d3903e47318dc5653ef361266f27ae3b84723c",
    "redocred/train_partial_992.json": "caf154c29a5343e93ca5cfc697a0f27e77b962f751156dab534f8cecb64299cb",
    "docred/train_annotated_extra.json": "605b2e9be5aef9dba66f8e82a41ec9b26cf55115bc7539e44a62b45fac4819fb",
    "docred/unlabelled.json": "7b1fd6da6d675051eec232000f63d7e72e360e595598dbccac359c0ed9e9e414",
    "docred_joint/dev_joint_263.json": "17b19d6d1cc1c015f9d87b17103e205254b75a848aac4e73fd0642ed30be5e42",
    "dwie/dev.json": "b4189e8aa05e2bbe033825dbc56876f494466d8881451aa2bdcbad793dd018c9",
    "cdr/train_filter.data": "d12936a70c4e96fa9081b36ae342dadc32aae953c6505bd411a84ebce0672329",
    "cdr/dev_filter.data": "f2390876853ea8e2f64ebf3eb7d278d384f82f656aa8fffbda2023e9c93ebe7e",
    "cdr/train.data": "9d2f5cb97185a441f38469c37bc9051cbf4681c5a4a9f1b9cc63971fb2b39d4c",
    "cdr/dev.data": "88cb80fc348f35cb9cc93ea4db19da9fadac9c7a27f7ceba5e7e37e91493c0a2",
    "cdr/CDR_TrainingSet.PubTator.txt": "7afcec134e3d4871e74b0398d92850d3c9ac94c0bdc780003f2d60184c012bd8",
    "cdr/CDR_DevelopmentSet.PubTator.txt": "9e18d8e700168887a7919e62f67ac2ce2357e3f409a48ee992906abdd80fe3e5",
    "biored/Train.PubTator": "57f96059c1dc5b8a738ee0b7ec5254cf38a1cbb50cd12682809cad627f8c6b36",
    "biored/Dev.PubTator": "b648faefe4d8b76029746afbec437f31398ce35d2e691eb734aaac5db5dc5736",
    "biored/Dev.BioC.JSON": "b03a7bf3ae7d60bcb2af8ad75d1808dc2892175c99cd042a5222a2f78a5c21e4",
    "scierc/train.json": "a1e656c4de5d5552c1fba0e5416ad10541e711e0723cec71ffa11179aa33060d",
    "scierc/dev.json": "56e16fa779f8315ad49826223c206803022f9a2148f8dc14ba8436748cca0a8a",
    "spert_conll04/conll04_train.json": "5f9e9d97c954a21da8929618cf9f1e2b408ff5f1a9936425e5785cbd3c54a380",
    "spert_conll04/conll04_dev.json": "f35e81e68da81914286f37f9d66230e6be79f5ff82466438135a2c1873b4f660",
}
"""SHA-256 of the files that this package was tested with; other releases of a corpus give other numbers."""
