"""Turtle: RDF for people (https://www.w3.org/TR/turtle/)."""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import TextIO

from joint_ie.graph.ntriples import quoted
from joint_ie.graph.vocabulary import INTEGER, TYPE, Names, Resource, Term, TripleTerm

# What may follow a prefix without being escaped: letters, digits and what `quote` makes, without a dot at the ends.
_LOCAL = re.compile(r"(?:[A-Za-z0-9_]|%[0-9A-F]{2})(?:(?:[A-Za-z0-9_.-]|%[0-9A-F]{2})*(?:[A-Za-z0-9_-]|%[0-9A-F]{2}))?")


def write_turtle(resources: Iterable[Resource], names: Names, file: TextIO) -> int:
    """Write resource by resource, each a paragraph; returns how many triples."""
    prefixes = names.prefixes
    file.writelines(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in prefixes.items())
    count = 0
    for resource in resources:
        said = [
            f"{'a' if predicate == TYPE else shortened(predicate, prefixes)} "
            + ", ".join(_term(object, prefixes) for _, object in objects)
            for predicate, objects in groupby(resource.properties, key=itemgetter(0))
        ]
        file.write(f"\n{shortened(resource.iri, prefixes)} " + " ;\n    ".join(said) + " .\n")
        count += len(resource.properties)
    return count


def shortened(iri: str, prefixes: dict[str, str]) -> str:
    """``entity:per-marie-curie``, or the IRI in angle brackets where no prefix fits."""
    for prefix, start in prefixes.items():
        if iri.startswith(start) and _LOCAL.fullmatch(iri, len(start)):
            return f"{prefix}:{iri[len(start) :]}"
    return f"<{iri}>"


def _term(value: Term, prefixes: dict[str, str]) -> str:
    if isinstance(value, TripleTerm):
        parts = (shortened(iri, prefixes) for iri in (value.subject, value.predicate, value.object))
        return f"<<( {' '.join(parts)} )>>"
    if isinstance(value, str):
        return shortened(value, prefixes)
    if value.datatype == INTEGER:
        return value.value
    return quoted(value.value) + (f"^^{shortened(value.datatype, prefixes)}" if value.datatype else "")
