"""JSON-LD: RDF as JSON (https://www.w3.org/TR/json-ld11/), one resource a line."""

import json
from collections.abc import Iterable
from typing import Any, TextIO

from joint_ie.errors import InputError
from joint_ie.graph.vocabulary import INTEGER, TYPE, Names, Resource, Term, TripleTerm


def write_jsonld(resources: Iterable[Resource], names: Names, file: TextIO) -> int:
    """Write ``{"@context": ..., "@graph": [...]}``, resource by resource; returns how many triples."""
    prefixes = names.prefixes
    file.write(f'{{"@context": {json.dumps(prefixes)},\n"@graph": [')
    count = 0
    for resource in resources:
        node: dict[str, Any] = {"@id": _shortened(resource.iri, prefixes)}
        for predicate, object in resource.properties:
            if predicate == TYPE and isinstance(object, str):
                node.setdefault("@type", []).append(_shortened(object, prefixes))
            else:
                node.setdefault(_shortened(predicate, prefixes), []).append(_value(object, prefixes))
        file.write((",\n" if count else "\n") + json.dumps(node, ensure_ascii=False))
        count += len(resource.properties)
    file.write("\n]}\n")
    return count


def _shortened(iri: str, prefixes: dict[str, str]) -> str:
    for prefix, start in prefixes.items():
        if iri.startswith(start):
            return f"{prefix}:{iri[len(start) :]}"
    return iri


def _value(term: Term, prefixes: dict[str, str]) -> Any:
    """Numbers with a fraction stay strings: as JSON numbers they would be rounded, and 1.0 would be an integer."""
    if isinstance(term, TripleTerm):
        raise InputError("JSON-LD has no terms for triples; write reification, or RDF 1.2 as turtle or ntriples")
    if isinstance(term, str):
        return {"@id": _shortened(term, prefixes)}
    if term.datatype == INTEGER:
        return int(term.value)
    return {"@value": term.value, "@type": _shortened(term.datatype, prefixes)} if term.datatype else term.value
