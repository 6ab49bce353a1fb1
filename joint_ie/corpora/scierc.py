"""SciERC's JSON (Luan et al. 2018): abstracts with mentions, coreference clusters and relations, one object a line.

``{"doc_key", "sentences", "ner": [[[first, last, type], ...], ...], "clusters": [[[first, last], ...], ...],
"relations": [[[first, last, first, last, relation], ...], ...]}``: positions are words of the document, the last one
included; ``ner`` and ``relations`` have a list for every sentence.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from joint_ie.corpora.files import field, parse_json
from joint_ie.corpora.lines import numbered_lines
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs, unique_id
from joint_ie.document import Document, Entity, Relation, Span
from joint_ie.errors import InputError
from joint_ie.schema import Schema


def scierc_schema() -> Schema:
    """The six entity types and seven relations of the paper."""
    return Schema.from_names(
        {
            "Task": "task",
            "Method": "method",
            "Metric": "evaluation metric",
            "Material": "material",
            "OtherScientificTerm": "other scientific term",
            "Generic": "generic",
        },
        {
            "USED-FOR": "used for",
            "FEATURE-OF": "feature of",
            "HYPONYM-OF": "hyponym of",
            "PART-OF": "part of",
            "EVALUATE-FOR": "evaluate for",
            "COMPARE": "compare",
            "CONJUNCTION": "conjunction",
        },
    )


def read_scierc(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a file; `InputError` names file, line and field.

    Entities are the clusters, then the mentions that are in no cluster. A cluster has the most frequent type of its
    mentions, of several the one that comes first; the mentions keep their own (`Mention.type`). Relations hold between
    mentions and are lifted to their entities, with the sentences that state them as evidence. COMPARE and CONJUNCTION
    have no direction and are given as they are listed.
    """
    repairs = Repairs() if repairs is None else repairs
    labels = {label.id: label.name for label in scierc_schema().relation_types}
    used: set[str] = set()
    for where, line in numbered_lines(Path(path)):
        if not line.strip():
            continue
        record = parse_json(line, where)
        title = str(field(record, "doc_key", (str, int), where))
        id = unique_id(title, used, where, repairs)
        yield _document(record, id, labels, repairs, f"{where} ({title!r})")


def _document(record: Mapping[str, Any], id: str, labels: Mapping[str, str], repairs: Repairs, where: str) -> Document:
    sentences = field(record, "sentences", list, where)
    for i, sentence in enumerate(sentences):
        if not isinstance(sentence, list) or not all(isinstance(word, str) for word in sentence):
            raise InputError(f"{where}: sentences[{i}] should be a list of words; correct it")
    bare = Document.from_words(id, sentences)
    types = _types(record, bare, repairs, where)
    groups = _clusters(record, bare, types, repairs, where)
    clustered = {span for group in groups for span in group}
    groups += [[span] for span in types if span not in clustered]
    entities = [_entity(group, types, bare, repairs) for group in groups]
    if record.get("relations") is None:
        return bare.with_annotations(entities, None)
    place = {span: i for i, group in enumerate(groups) for span in group}
    return bare.with_annotations(entities, _relations(record, bare, place, labels, repairs, where))


def _types(record: Mapping[str, Any], document: Document, repairs: Repairs, where: str) -> dict[Span, str]:
    """The type of every mention, in the order of the file."""
    types: dict[Span, str] = {}
    for i, (sentence, listed) in enumerate(_by_sentence(record, "ner", document, where)):
        for item in listed:
            place = f"{where}: ner[{i}]"
            (span,) = _spans(item, 1, True, document, place)
            _check_sentence(span, sentence, place)
            if span in types:
                message = f"{place}: {document.slice(*span)!r} is listed as {types[span]} and as {item[2]}"
                repairs.note(document.id, "mentions listed again left out", message)
            types.setdefault(span, item[2])
    return types


def _clusters(
    record: Mapping[str, Any], document: Document, types: Mapping[Span, str], repairs: Repairs, where: str
) -> list[list[Span]]:
    """The clusters without repeats, and without the mentions that an earlier one has."""
    groups: list[list[Span]] = []
    used: set[Span] = set()
    listed = field(record, "clusters", list, where) if "clusters" in record else []
    for i, cluster in enumerate(listed):
        place = f"{where}: clusters[{i}]"
        if not isinstance(cluster, list):
            raise InputError(f"{place} should be a list of mentions; correct it")
        spans = [_spans(item, 1, False, document, place)[0] for item in cluster]
        group = [span for span in dict.fromkeys(spans) if span not in used]
        if len(group) < len(spans):
            message = f"{place}: {len(spans) - len(group)} of {len(spans)}"
            repairs.note(document.id, "clusters with mentions listed before, which are left out", message)
        if not any(span in types for span in group):
            if group:
                message = f"{place}: {document.slice(*group[0])!r}"
                repairs.note(document.id, "clusters without a typed mention left out", message)
            continue
        for span in group:
            if span not in types:
                message = f"{place}: {document.slice(*span)!r}"
                repairs.note(document.id, "cluster mentions without a type given their cluster's", message)
        used.update(group)
        groups.append(group)
    return groups


def _entity(group: Sequence[Span], types: Mapping[Span, str], document: Document, repairs: Repairs) -> Entity:
    counted = Counter(types[span] for span in sorted(group) if span in types)
    type = counted.most_common(1)[0][0]  # of equals the first counted
    mentions = tuple(
        document.mention(*span, type=None if types.get(span, type) == type else types[span]) for span in group
    )
    if len(counted) > 1:
        message = f"{mentions[0].text!r}: " + ", ".join(f"{name} {n}" for name, n in counted.most_common())
        repairs.note(document.id, "clusters of several types given the most frequent", message)
    return Entity(type, mentions[0].text, mentions)


def _relations(
    record: Mapping[str, Any],
    document: Document,
    place: Mapping[Span, int],
    labels: Mapping[str, str],
    repairs: Repairs,
    where: str,
) -> list[Relation]:
    """The relations between entities, each once, with its sentences."""
    evidence: dict[tuple[int, int, str], list[int]] = {}
    for i, (_, listed) in enumerate(_by_sentence(record, "relations", document, where)):
        for item in listed:
            head, tail = _spans(item, 2, True, document, f"{where}: relations[{i}]")
            for span in (head, tail):
                if span not in place:
                    raise InputError(
                        f"{where}: relations[{i}]: {document.slice(*span)!r} at words {span[0]} to {span[1] - 1} is no "
                        f"mention; correct it or remove the relation"
                    )
            fact = place[head], place[tail], item[4]
            message = f"{document.slice(*head)!r} {item[4]} {document.slice(*tail)!r} in sentence {i}"
            if place[head] == place[tail]:
                repairs.note(document.id, "relations of an entity to itself left out", message)
                continue
            if fact in evidence:
                repairs.note(document.id, "relations stated again merged", message)
            if i not in evidence.setdefault(fact, []):
                evidence[fact].append(i)
    return [
        Relation(head, tail, type, labels.get(type), evidence=tuple(sentences))
        for (head, tail, type), sentences in evidence.items()
    ]


def _by_sentence(
    record: Mapping[str, Any], key: str, document: Document, where: str
) -> Iterator[tuple[Span, list[Any]]]:
    """Every sentence with its list of a field."""
    listed = field(record, key, list, where)
    count = len(document.sentence_spans)
    if len(listed) != count or not all(isinstance(items, list) for items in listed):
        raise InputError(f'{where}: field "{key}" should have a list for each of {count} sentences; correct it')
    return zip(document.sentence_spans, listed, strict=True)


def _spans(item: Any, count: int, labelled: bool, document: Document, where: str) -> list[Span]:
    """The spans at the start of an item, which a label may follow."""
    form = [int, int] * count + [str] * labelled
    if not isinstance(item, list) or len(item) < len(form) or not all(map(isinstance, item, form)):
        should = ", ".join(["first", "last"] * count + ["label"] * labelled)
        raise InputError(f"{where}: {item!r} should be [{should}]; correct it")
    spans = [(item[i], item[i + 1] + 1) for i in range(0, 2 * count, 2)]
    for start, end in spans:
        if not 0 <= start < end <= len(document.tokens):
            raise InputError(
                f"{where}: words {start} to {end - 1} are outside the document's {len(document.tokens)} words; "
                f"correct it or remove it"
            )
    return spans


def _check_sentence(span: Span, sentence: Span, where: str) -> None:
    if not (sentence[0] <= span[0] and span[1] <= sentence[1]):
        raise InputError(
            f"{where}: words {span[0]} to {span[1] - 1} are outside their sentence, words {sentence[0]} to "
            f"{sentence[1] - 1}; correct it or remove it"
        )


SCIERC = Reader(
    name="scierc",
    description="SciERC's JSON: sentences, ner, clusters and relations, one document a line",
    read=lambda path, repairs: read_scierc(path, repairs),
    recognises=lambda head: head.lstrip().startswith("{") and '"sentences"' in head and '"ner"' in head,
)
