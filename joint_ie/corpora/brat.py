"""brat's standoff format (https://brat.nlplab.org/standoff.html): ``a.ann`` beside ``a.txt``, alone or in folders.

Read are text-bound annotations (``T``, event triggers too), relations (``R``) and equivalences (``*``); events,
attributes, normalisations and notes are left out, and counted. A discontinuous mention becomes the span that covers it.

Offsets count characters. Tools differ on a line end of two characters (brat counts one, nlplab/brat issue 853) and
on a byte order mark: the reading is taken under which all mentions have the text that their lines say.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from joint_ie.corpora.files import decode, read_bytes, visible_files
from joint_ie.corpora.offsets import trimmed
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.standoff import Marked, Standoff, standoff_documents
from joint_ie.document import Document, Span
from joint_ie.errors import InputError

_TEXT_BOUND = re.compile(r"(T\S+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t([^\t]*).*)?")
_RELATION = re.compile(r"R\S+\t(\S+) (\S+?):(\S+) (\S+?):(\S+)\s*")
_EQUIVALENCE = re.compile(r"\*\t(\S+)((?: \S+)+)\s*")
_EVENT = re.compile(r"(E\S+)\t\S+:\S+.*")
_LEFT_OUT = {"E": "events", "A": "attributes", "M": "attributes", "N": "normalisations", "#": "notes"}


def read_brat(path: Path | str, coreference: str = "Coref", repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a folder (and its subfolders), or of one ``.ann`` file; `InputError` names file and line.

    Mentions that a relation of type ``coreference`` or an ``Equiv`` line links are one entity. A document's id is its
    file's name, with the subfolder, without the ending. See `standoff_documents` for what becomes of mentions.
    """
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    folder = path if path.is_dir() else path.parent
    files = [path]
    if path.is_dir():
        files = visible_files(path, "**/*.ann")
        for text in visible_files(path, "**/*.txt"):
            if not text.with_suffix(".ann").exists():
                repairs.note(_id(text, folder), "texts without annotations left out", f"{text} has no .ann file")
    if not files:
        raise InputError(f"{path}: has no .ann file; name the folder in which brat keeps its annotations")
    yield from standoff_documents([_read(file, folder, coreference, repairs) for file in files], repairs)


def _id(file: Path, folder: Path) -> str:
    return file.relative_to(folder).with_suffix("").as_posix()


@dataclass(frozen=True)
class _TextBound:
    """A ``T`` line; ``text`` is what it says, None if nothing."""

    id: str
    type: str
    pieces: tuple[Span, ...]
    text: str | None
    where: str

    @property
    def span(self) -> Span:
        return min(start for start, _ in self.pieces), max(end for _, end in self.pieces)

    def fits(self, text: str, shift: int) -> bool:
        """Whether the line says what stands at its offsets, white space aside."""
        if self.text is None:
            return True
        found = " ".join(text[max(start + shift, 0) : max(end + shift, 0)] for start, end in self.pieces)
        return found.split() == self.text.split()

    def in_pieces(self, text: str, shift: int) -> bool:
        """Whether other words lie between its pieces; brat also cuts mentions at line ends."""
        ordered = sorted(self.pieces)
        return any(text[end + shift : start + shift].strip() for (_, end), (start, _) in pairwise(ordered))


@dataclass(frozen=True)
class _Link:
    """A relation, or an equivalence (type ``""``), of the annotations with these ids."""

    type: str
    ids: Sequence[str]
    where: str


def _read(file: Path, folder: Path, coreference: str, repairs: Repairs) -> Standoff:
    id = _id(file, folder)
    bound: dict[str, _TextBound] = {}
    links: list[_Link] = []
    events: set[str] = set()
    # not splitlines: the text of a mention may hold what that takes for a line end
    for number, line in enumerate(decode(read_bytes(file), str(file)).split("\n"), start=1):
        line = line.rstrip("\r")
        where = f"{file}: line {number}"
        if not line.strip():
            continue
        if match := _TEXT_BOUND.fullmatch(line):
            pieces = tuple((int(start), int(end)) for start, end in (piece.split() for piece in match[3].split(";")))
            if match[1] in bound:
                raise InputError(f"{where}: {match[1]} is listed twice; give one of them another id")
            bound[match[1]] = _TextBound(match[1], match[2], pieces, match[4] or None, where)
        elif match := _RELATION.fullmatch(line):
            swapped = (match[2], match[4]) == ("Arg2", "Arg1")
            links.append(_Link(match[1], (match[5], match[3]) if swapped else (match[3], match[5]), where))
        elif match := _EQUIVALENCE.fullmatch(line):
            if match[1] in ("Equiv", coreference):
                links.append(_Link("", match[2].split(), where))
            else:
                repairs.note(id, "equivalences of other types left out", f"line {number}: {line}")
        elif line[0] in _LEFT_OUT and "\t" in line:
            if match := _EVENT.fullmatch(line):
                events.add(match[1])
            repairs.note(id, f"{_LEFT_OUT[line[0]]} left out", f"line {number}: {line}")
        else:
            raise InputError(f"{where}: {line[:60]!r} is no line of brat's standoff format; correct or remove it")
    text, shift = _text(file, list(bound.values()), id, repairs)
    mentions = {key: _marked(line, text, shift, id, repairs) for key, line in bound.items()}
    same: list[tuple[str, str]] = []
    relations: list[tuple[str, str, str]] = []
    for link in links:
        if events.intersection(link.ids):
            repairs.note(id, "relations of events left out", f"{link.type or 'Equiv'} of {', '.join(link.ids)}")
            continue
        for end in link.ids:
            if end not in bound:
                raise InputError(f"{link.where}: names {end}, which the file has not; add it or remove the line")
        if link.type in ("", coreference):
            same += [(link.ids[0], other) for other in link.ids[1:]]
        else:
            relations.append((link.ids[0], link.type, link.ids[1]))
    return Standoff(id, text, mentions, same, relations, str(file))


def _text(file: Path, bound: Sequence[_TextBound], id: str, repairs: Repairs) -> tuple[str, int]:
    """The document's text, and what to add to offsets so that they count its characters."""
    path = file.with_suffix(".txt")
    if not path.exists():
        raise InputError(f"{file}: there is no {path.name} beside it; put the annotated text there")
    data = read_bytes(path)
    text = decode(data, str(path))
    plain = text.replace("\r\n", "\n")
    mark = -1 if data.startswith(b"\xef\xbb\xbf") else 0
    readings = [(text, 0), (plain, 0), (text, mark), (plain, mark)]
    chosen = next((r for r in readings if all(line.fits(*r) for line in bound)), None)
    if chosen is None:
        wrong = next(line for line in bound if not line.fits(text, 0))
        start, end = wrong.span
        _check_inside(wrong, text, 0)
        raise InputError(
            f"{wrong.where}: {wrong.id} is {wrong.text!r}, but characters {start} to {end} of {path.name} "
            f"are {text[start:end]!r}; correct the offsets, or take the text that was annotated"
        )
    if chosen[0] != text:
        repairs.note(id, "texts with line ends of two characters read as of one", f"so {file.name} counts them")
    if chosen[1]:
        repairs.note(id, "offsets that count a byte order mark moved", f"{path.name} begins with one")
    return chosen


def _check_inside(line: _TextBound, text: str, shift: int) -> None:
    start, end = line.span
    if any(not first < last for first, last in line.pieces) or trimmed(text, start + shift, end + shift) is None:
        raise InputError(
            f"{line.where}: {line.id} is at characters {start} to {end}, which are empty or outside the text of "
            f"{len(text)} characters; correct the offsets"
        )


def _marked(line: _TextBound, text: str, shift: int, id: str, repairs: Repairs) -> Marked:
    _check_inside(line, text, shift)
    start, end = (place + shift for place in line.span)
    if line.in_pieces(text, shift):
        told = f"{line.id} ({line.text!r}) becomes {text[start:end]!r}"
        repairs.note(id, "mentions in pieces replaced by the span that covers them", told)
    return Marked(start, end, line.type)


BRAT = Reader(
    name="brat",
    description="brat standoff: .ann files beside their .txt files, or a folder of them",
    read=lambda path, repairs: read_brat(path, repairs=repairs),
    recognises=lambda head: _TEXT_BOUND.fullmatch(head.lstrip().split("\n")[0].rstrip("\r")) is not None,
    extensions=(".ann",),
    folder=True,
)
