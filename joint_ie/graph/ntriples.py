"""N-Triples: one triple a line, what every triple store reads (https://www.w3.org/TR/n-triples/)."""

import re
from collections.abc import Iterable
from typing import TextIO

from joint_ie.graph.vocabulary import Literal, Resource, Term, TripleTerm

# Control characters (also those that end a line for some readers) and characters that no XML can hold, besides
# the two that have a meaning.
_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufffe\uffff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_ntriples(resources: Iterable[Resource], file: TextIO) -> int:
    """Write resource by resource; returns how many triples."""
    count = 0
    for resource in resources:
        for predicate, object in resource.properties:
            file.write(f"<{resource.iri}> <{predicate}> {term(object)} .\n")
        count += len(resource.properties)
    return count


def term(value: Term) -> str:
    """An IRI, a literal or a triple term; SPARQL reads them, too."""
    if isinstance(value, Literal):
        return quoted(value.value) + (f"^^<{value.datatype}>" if value.datatype else "")
    if isinstance(value, TripleTerm):
        return f"<<( <{value.subject}> <{value.predicate}> <{value.object}> )>>"
    return f"<{value}>"


def quoted(text: str) -> str:
    """A string in quotes, on one line."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04X}"
