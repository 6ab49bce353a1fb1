"""CDR and GDA as ``.data`` rows, the form in which most papers report them (Christopoulou et al. 2019, EoG).

One line a document, with tabs: id, text (sentences split by ``|``, words by spaces), then 17 fields for every pair:
label (``1:CID:2``, ``1:GDA:2``, negative ``1:NR:2``, or ``not_include`` after the hypernym filter), direction, whether
the sentences differ, two ranges, then concept, names, type, starts, ends and sentences of the chemical or gene, and the
same six of the disease (golden joint_and_scoring README 4).

The head is always the chemical or gene, whichever comes first in the text, and nothing depends on the order of the
pairs: the filtered files list the positive ones first.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from joint_ie.corpora.lines import numbered_lines
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document, Entity, Relation, Span
from joint_ie.errors import InputError
from joint_ie.schema import Schema

CDR_RELATIONS = {"CID": "chemical-induced disease"}
GDA_RELATIONS = {"GDA": "gene-disease association"}

_LABELS = {**CDR_RELATIONS, **GDA_RELATIONS}
_FIELDS = 17  # of a pair
_LABEL = re.compile(r"1:(\w+):2")
_NEGATIVE = "NR"
_ROW = re.compile(r"[^\t\n]+\t[^\t\n]*\t(1:\w+:2|not_include)\t(L2R|R2L)\t")

_Pair = tuple[str, str]  # two concepts
_Name = tuple[int, int, str]  # a mention: its words [start, end), and what the file calls it


def cdr_schema() -> Schema:
    """BioCreative V CDR: chemicals, diseases, and which induces which."""
    return Schema.from_names({"Chemical": "chemical", "Disease": "disease"}, CDR_RELATIONS)


def gda_schema() -> Schema:
    """GDA: genes, diseases, and which are associated."""
    return Schema.from_names({"Gene": "gene", "Disease": "disease"}, GDA_RELATIONS)


@dataclass
class _Row:
    """What the pairs of one document say together."""

    mentions: dict[str, Counter[_Name]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    labels: dict[_Pair, set[str]] = field(default_factory=dict)


def read_eog(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a ``.data`` file; `InputError` names file and line.

    Entities have their concept (MeSH, Entrez) as ``id``, those of pairs that are not included as well.
    ``candidates`` are the pairs that are included, ``relations`` the positive ones. A document id that comes again is
    read once.
    """
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    used: set[str] = set()
    for where, line in numbered_lines(path):
        if not line.strip():
            continue
        id, *fields = line.split("\t")
        if len(fields) % _FIELDS != 1:
            raise InputError(
                f"{where}: has {len(fields) + 1} fields, but should have 2 and {_FIELDS} for every pair; "
                f"correct it or fetch the file again"
            )
        if id in used:
            repairs.note(id, "repeated documents left out", f"{where} has the id of an earlier document")
            continue
        used.add(id)
        yield _document(id, fields, repairs, f"{where} (document {id})")


def _document(id: str, fields: Sequence[str], repairs: Repairs, where: str) -> Document:
    bare = Document.from_words(id, [sentence.split(" ") for sentence in fields[0].split("|")])
    row = _Row()
    for number, first in enumerate(range(1, len(fields), _FIELDS), start=1):
        _pair(row, fields[first : first + _FIELDS], bare, repairs, f"{where}: pair {number}")
    # By the text alone, so that the order of the pairs has no say; the concept where two begin with one mention.
    order = sorted(row.mentions, key=lambda concept: (min(row.mentions[concept])[:2], concept))
    entities = []
    for concept in order:
        listed = sorted(row.mentions[concept].elements())
        mentions = tuple(bare.mention(start, end, name) for start, end, name in listed)
        for mention in mentions:
            if mention.name is not None:
                message = f"{mention.name!r} stands for the words {mention.text!r} [{mention.start}, {mention.end}]"
                repairs.note(id, "mentions in words with more than their name kept whole", message)
        entities.append(Entity(row.types[concept], mentions[0].name or mentions[0].text, mentions, id=concept))
    place = {concept: i for i, concept in enumerate(order)}
    labels = sorted((place[head], place[tail], sorted(types)) for (head, tail), types in row.labels.items())
    relations = [
        Relation(head, tail, type, _LABELS.get(type))
        for head, tail, types in labels
        for type in types
        if type != _NEGATIVE
    ]
    return bare.with_annotations(entities, relations, [(head, tail) for head, tail, _ in labels])


def _pair(row: _Row, fields: Sequence[str], document: Document, repairs: Repairs, where: str) -> None:
    label = _LABEL.fullmatch(fields[0])
    if label is None and fields[0] != "not_include":
        raise InputError(
            f"{where} has the label {fields[0]!r}, which should be one such as 1:CID:2, 1:NR:2 or not_include; "
            f"correct it or check the format"
        )
    for concept, *rest in (fields[5:11], fields[11:17]):
        names = _names(rest, document, f"{where}: {concept}")
        known = row.mentions.get(concept, names)
        if known != names:
            repairs.note(document.id, "concepts with other mentions in another pair merged", f"{where}: {concept}")
        row.mentions[concept] = known | names
        type = row.types.setdefault(concept, rest[1])
        if type != rest[1]:
            told = f"{where}: {concept} is {rest[1]}, in an earlier pair {type}"
            repairs.note(document.id, "concepts of two types given the first in the alphabet", told)
            row.types[concept] = min(type, rest[1])
    if label:
        pair = (fields[5], fields[11])
        if pair in row.labels:
            repairs.note(document.id, "pairs listed again merged", f"{where} lists {pair[0]} and {pair[1]} again")
        row.labels.setdefault(pair, set()).add(label[1])


def _names(fields: Sequence[str], document: Document, where: str) -> Counter[_Name]:
    """The mentions of one argument: ``fields`` are names, type, starts, ends and sentences."""
    names = fields[0].split("|")
    starts, ends, sentences = ([_number(part, where) for part in listed.split(":")] for listed in fields[2:5])
    if not len(names) == len(starts) == len(ends) == len(sentences):
        raise InputError(
            f"{where} has {len(names)} names, {len(starts)} starts, {len(ends)} ends and {len(sentences)} sentences; "
            f"correct it to one of each for every mention"
        )
    for name, start, end, sentence in zip(names, starts, ends, sentences, strict=True):
        whole = _sentence(document, sentence, f"{where}: mention {name!r}")
        if not whole[0] <= start < end <= whole[1]:
            raise InputError(
                f"{where}: mention {name!r} is at words [{start}, {end}], outside sentence {sentence} at "
                f"[{whole[0]}, {whole[1]}]; correct it or remove it"
            )
    return Counter(zip(starts, ends, names, strict=True))


def _sentence(document: Document, number: int, where: str) -> Span:
    if number >= len(document.sentence_spans):
        raise InputError(
            f"{where} is in sentence {number}, but the document has {len(document.sentence_spans)} sentences; "
            f"correct it or remove it"
        )
    return document.sentence_spans[number]


def _number(part: str, where: str) -> int:
    if not part.isdecimal():
        raise InputError(f"{where} has {part!r} where a number of a word or sentence should be; correct it")
    return int(part)


EOG = Reader(
    name="eog",
    description="CDR and GDA as .data rows, filtered by hypernyms or not",
    read=read_eog,
    recognises=lambda head: _ROW.match(head) is not None,
    extensions=(".data",),
)
