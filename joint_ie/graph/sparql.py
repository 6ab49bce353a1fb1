"""SPARQL queries of a store. They only read: updates are another language, which is not understood here.

They are local, too: ``SERVICE``, which asks another server, is refused. Nothing else in a query leads out of the store
(Oxigraph takes the names after ``FROM`` and ``GRAPH`` for those of its own graphs).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from joint_ie.errors import InputError
from joint_ie.graph.triple_store import pyoxigraph, reading, trouble
from joint_ie.graph.turtle import shortened
from joint_ie.graph.vocabulary import Names

Row = tuple[str | None, ...]

_PLACE = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)
_KINDS = re.compile(r"\b(SELECT|ASK|CONSTRUCT|DESCRIBE)\b", re.IGNORECASE)
_SAID = re.compile(r"(?:of |, )([A-Z][A-Za-z]* [A-Za-z ]+)")  # Oxigraph's reasons among the signs that it expects
_SERVICE = re.compile("(?<=servi)c(?=e)", re.IGNORECASE)
_AFTER_SERVICE = re.compile(r"service\s*\S?\Z", re.IGNORECASE)  # Oxigraph stops at the next word, or one sign into it


class Answer:
    """The answer to a query, which can be read once: by `rows` or by `write`.

    ``columns`` are the names of the variables; an ASK has the column "answer", and a graph (CONSTRUCT, DESCRIBE)
    "subject", "predicate" and "object".
    """

    def __init__(self, found: Any, names: Names, path: Path) -> None:
        oxigraph = pyoxigraph()
        self._found = found
        self._names = names
        self._path = path
        self._graph = isinstance(found, oxigraph.QueryTriples)
        self._ask = isinstance(found, oxigraph.QueryBoolean)
        if self._graph:
            self.columns: tuple[str, ...] = ("subject", "predicate", "object")
        else:
            self.columns = ("answer",) if self._ask else tuple(variable.value for variable in found.variables)

    def rows(self) -> Iterator[Row]:
        """Readable values: text of literals, IRIs with the usual prefixes; None where a variable has no value."""
        if self._ask:
            yield ("true" if self._found else "false",)
            return
        with trouble(self._path):
            for found in self._found:
                terms = (found.subject, found.predicate, found.object) if self._graph else found
                yield tuple(None if term is None else self._readable(term) for term in terms)

    def write(self, file: IO[bytes], form: Literal["csv", "json"]) -> None:
        """Write row by row in the SPARQL 1.1 results format; a graph as Turtle, whatever the format."""
        oxigraph = pyoxigraph()
        with trouble(self._path):
            if self._graph:
                oxigraph.serialize(self._found, file, oxigraph.RdfFormat.TURTLE, prefixes=self._names.prefixes)
            else:
                formats = {"csv": oxigraph.QueryResultsFormat.CSV, "json": oxigraph.QueryResultsFormat.JSON}
                self._found.serialize(file, format=formats[form])
        if self._ask and form == "json":
            file.write(b"\n")

    def _readable(self, term: object) -> str:
        if isinstance(term, pyoxigraph().NamedNode):
            return shortened(term.value, self._names.prefixes)
        return str(getattr(term, "value", term))


@contextmanager
def query(path: Path | str, text: str) -> Iterator[Answer]:
    """Ask the store in folder ``path``; the prefixes of `Names.prefixes` need not be declared.

    The answer is found while it is read, so read it before the ``with`` ends. No load can begin meanwhile.
    """
    with reading(path) as (store, names):
        try:
            with trouble(Path(path)):
                if _SERVICE.search(text):
                    pyoxigraph().Store().query(_without_services(text), prefixes=names.prefixes)
                found = store.query(text, prefixes=names.prefixes)
        except SyntaxError as error:
            raise InputError(_reason(text, str(error))) from None
        except UnicodeEncodeError:
            raise InputError("query: holds half a character (a lone surrogate), which is no text") from None
        yield Answer(found, names, Path(path))


def _without_services(text: str) -> str:
    """The query with another word wherever "service" stands, which is a query exactly if that was no keyword.

    Oxigraph has no way to forbid the keyword, and only its own grammar tells a keyword from a part of a name, a text,
    an IRI or a comment.
    """
    letter = next((letter for letter in map(chr, range(0x3400, 0x9FFF)) if letter not in text), "x")
    return _SERVICE.sub(letter, text)


def _reason(text: str, message: str) -> str:
    """One sentence with the place; of the many signs that Oxigraph expects, only reasons in words are given."""
    if not _KINDS.search(text):
        return "query: should be a SELECT, ASK, CONSTRUCT or DESCRIBE (graph query only reads)"
    place = _PLACE.fullmatch(message)
    if place is None:
        return f"query: is not SPARQL ({' '.join(message.split())})"
    line, column = int(place[1]), int(place[2])
    offset = sum(len(part) + 1 for part in text.split("\n")[: line - 1]) + column - 1
    if _AFTER_SERVICE.search(text, 0, offset):
        return f"query, line {line}, column {column}: SERVICE would ask another server, which graph query never does"
    start = max(text.rfind(sign, 0, offset) for sign in " \n\t") + 1  # Oxigraph may stop inside a word
    rest = " ".join(text[start:].split())[:30] if text[offset:].strip() else ""
    near = rest or " ".join(text.split())[-30:]
    reason = _SAID.search(place[3])
    return f"query, line {line}, column {column}: " + (reason[1].strip() if reason else f"is not SPARQL near {near!r}")
