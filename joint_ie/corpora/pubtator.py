"""PubTator files: BioCreative V CDR (Li et al. 2016), BioRED (Luo et al. 2022) and whatever else comes in this form.

A document is a title line ``227508|t|...``, an abstract line ``227508|a|...``, a line for every mention (id, start,
end, text, type, concept; for a mention of several concepts also what it stands for) and for every relation (id, type,
two concepts; in BioRED also whether it is novel), all with tabs, and a blank line. Characters are counted in the title,
one character, and the abstract.

BioRED's relations have no direction: their head is the entity that the text mentions first, and no other direction is
asked about (`Document.candidates`).
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from joint_ie.corpora.concepts import Annotation, Record, Statement, concept_documents
from joint_ie.corpora.eog import CDR_RELATIONS
from joint_ie.corpora.lines import numbered_lines
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document
from joint_ie.errors import InputError
from joint_ie.schema import Schema

BIORED_RELATIONS = {
    "Positive_Correlation": "positive correlation",
    "Negative_Correlation": "negative correlation",
    "Association": "association",
    "Bind": "binding",
    "Drug_Interaction": "drug interaction",
    "Cotreatment": "cotreatment",
    "Comparison": "comparison",
    "Conversion": "conversion",
}

_BIORED_TYPES = {
    "GeneOrGeneProduct": "gene or gene product",
    "DiseaseOrPhenotypicFeature": "disease or phenotypic feature",
    "ChemicalEntity": "chemical",
    "SequenceVariant": "sequence variant",
    "OrganismTaxon": "organism",
    "CellLine": "cell line",
}
_LABELS = {**CDR_RELATIONS, **BIORED_RELATIONS}
_TITLE = re.compile(r'([^\s|"]+)\|t\|(.*)')
_ABSTRACT = re.compile(r'([^\s|"]+)\|a\|(.*)')

_Line = tuple[str, str]  # where it is, and what it says


def biored_schema() -> Schema:
    """BioRED's six entity types and eight relations, which have no direction (Luo et al. 2022, tables 1 and 2)."""
    return Schema.from_names(_BIORED_TYPES, BIORED_RELATIONS)


def read_pubtator(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a file; `InputError` names file and line. Entities have their concept as ``id``.

    See `joint_ie.corpora.concepts` for mentions of several concepts or of none.
    """
    records = [_record(block) for block in _blocks(Path(path))]
    yield from concept_documents(records, _LABELS, BIORED_RELATIONS, Repairs() if repairs is None else repairs)


def _blocks(path: Path) -> Iterator[list[_Line]]:
    """The lines of every document: from a title or a blank line to the next."""
    block: list[_Line] = []
    for where, line in numbered_lines(path):
        if block and (not line.strip() or _TITLE.fullmatch(line)):
            yield block
            block = []
        if line.strip():
            block.append((where, line))
    if block:
        yield block


def _record(block: Sequence[_Line]) -> Record:
    (where, line), *lines = block
    title = _TITLE.fullmatch(line)
    if title is None:
        raise InputError(
            f"{where}: should be the title of a document, such as 227508|t|Naloxone reverses ...; "
            f"correct it or check the format"
        )
    id, text = title.groups()
    breaks: tuple[int, ...] = ()
    abstract = _ABSTRACT.fullmatch(lines[0][1]) if lines else None
    if abstract:
        at, _ = lines.pop(0)
        if abstract[1] != id:
            raise InputError(f"{at}: is the abstract of {abstract[1]}, but follows the title of {id}; correct it")
        breaks = (len(text) + 1,)
        text = f"{text} {abstract[2]}"
    annotations: list[Annotation] = []
    statements: list[Statement] = []
    for at, line in lines:
        owner, *fields = line.split("\t")
        if owner != id:
            raise InputError(f"{at}: starts with {owner[:40]!r}, but is among the lines of document {id}; correct it")
        if len(fields) in (4, 5, 6) and fields[0].isdecimal() and fields[1].isdecimal():
            annotations.append(_annotation(fields, at))
        elif len(fields) in (3, 4) and not fields[0].isdecimal():
            statements.append(Statement(fields[0], fields[1], fields[2], at, fields[3] if len(fields) == 4 else None))
        else:
            raise InputError(
                f"{at}: has {len(fields) + 1} fields that are neither a mention (document, start, end, text, type, "
                f"concept) nor a relation (document, type, concept, concept); correct it or fetch the file again"
            )
    return Record(id, text, breaks, annotations, statements, where)


def _annotation(fields: Sequence[str], where: str) -> Annotation:
    concepts = fields[4] if len(fields) > 4 else ""
    names = tuple(fields[5].split("|")) if len(fields) > 5 and fields[5] else ()
    return Annotation(int(fields[0]), int(fields[1]), fields[2], fields[3], concepts, where, names)


PUBTATOR = Reader(
    name="pubtator",
    description="PubTator: BioCreative V CDR, BioRED and others with concepts",
    read=read_pubtator,
    recognises=lambda head: _TITLE.match(head.lstrip()) is not None,
    extensions=(".pubtator",),
)
