"""What is odd in a corpus: nothing here is an error, but each of these can mislead a program."""

from collections import Counter
from collections.abc import Iterable, Iterator

from joint_ie.corpora.repairs import Finding
from joint_ie.document import Document, Span
from joint_ie.schema import Schema

WIDE = 10  # tokens; span models rarely look at wider mentions

_KindAndMessage = tuple[str, str]


def check(documents: Iterable[Document], schema: Schema | None = None) -> list[Finding]:
    """All irregularities of a corpus, in document order; unknown labels are looked for with a ``schema`` only."""
    found = []
    for document in documents:
        findings = [*_whole(document), *_mentions(document), *_overlaps(document), *_relations(document)]
        if schema:
            findings += _labels(document, schema)
        found += [Finding(document.id, kind, message) for kind, message in findings]
    return found


def _whole(document: Document) -> Iterator[_KindAndMessage]:
    if not document.tokens:
        yield "empty document", "there are no tokens"
    if document.relations is None:
        yield "no relation annotation", "nobody looked for relations"
    firsts = [min(mention.start for mention in entity.mentions) for entity in document.entities]
    if firsts != sorted(firsts):
        yield "entities not in text order", "entities are not in the order of their first mentions"


def _mentions(document: Document) -> Iterator[_KindAndMessage]:
    for i, entity in enumerate(document.entities):
        listed = [mention.span for mention in entity.mentions]
        if listed != sorted(listed):
            yield "mentions not in text order", f"entity {i} ({entity.name!r}) lists a later mention before an earlier"
        for span, times in Counter(listed).items():
            if times > 1:
                yield "repeated mention", f"entity {i} lists {_show(document, span)} {times} times"
            if span[1] - span[0] > WIDE:
                yield "wide mention", f"entity {i}: {_show(document, span)} has {span[1] - span[0]} tokens"
        types = sorted({mention.type or entity.type for mention in entity.mentions})
        if len(types) > 1:
            yield "mixed mention types", f"entity {i} ({entity.name!r}) has mentions of types {', '.join(types)}"


def _overlaps(document: Document) -> Iterator[_KindAndMessage]:
    owners: dict[Span, set[int]] = {}
    for i, entity in enumerate(document.entities):
        for mention in entity.mentions:
            owners.setdefault(mention.span, set()).add(i)
    spans = sorted(owners)
    for i, span in enumerate(spans):
        if len(owners[span]) > 1:
            entities = ", ".join(map(str, sorted(owners[span])))
            yield "one span, several entities", f"{_show(document, span)} is a mention of entities {entities}"
        for other in spans[i + 1 :]:
            if other[0] >= span[1]:
                break
            yield "overlapping mentions", f"{_show(document, span)} and {_show(document, other)}"


def _relations(document: Document) -> Iterator[_KindAndMessage]:
    facts = Counter((relation.head, relation.type, relation.tail) for relation in document.relations or ())
    asked = None if document.candidates is None else set(document.candidates)
    for (head, type, tail), times in facts.items():
        if times > 1:
            yield "repeated relation", f"{type} from entity {head} to {tail} is listed {times} times"
        if head == tail:
            yield "relation to itself", f"{type} from entity {head} to itself"
        if asked is not None and (head, tail) not in asked:
            yield "relation outside of the candidates", f"{type} from entity {head} to {tail} is not asked about"


def _labels(document: Document, schema: Schema) -> Iterator[_KindAndMessage]:
    for entity in document.entities:
        for type in sorted({entity.type, *(mention.type or entity.type for mention in entity.mentions)}):
            if type not in schema.entity_index:
                yield "unknown label", f"entity type {type!r}"
    for type in sorted({relation.type for relation in document.relations or ()}):
        if type not in schema.relation_index:
            yield "unknown label", f"relation type {type!r}"


def _show(document: Document, span: Span) -> str:
    return f"{document.slice(*span)!r} [{span[0]}, {span[1]}]"
