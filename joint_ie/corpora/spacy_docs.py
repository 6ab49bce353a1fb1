"""Documents as spaCy's `Doc`, and back; the layout is described in `joint_ie.corpora.docbin`.

spaCy is imported inside of functions, because it loads torch.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document, Entity, Span
from joint_ie.errors import InputError

if TYPE_CHECKING:
    import spacy.tokens
    import spacy.vocab

KEY = "joint_ie"
"""Of what ``doc.user_data`` has of ours, and of the group of all mentions that the pipeline component writes."""
_GROUP = re.compile(r"coref_clusters_(\d+)")
_OVERLAPPING = "sc"


def new_doc(document: Document, vocab: "spacy.vocab.Vocab") -> "spacy.tokens.Doc":
    """The document as a `Doc`. Text that lies between our tokens becomes tokens, too."""
    from spacy.tokens import Doc
    from spacy.util import filter_spans

    words: list[str] = []
    spaces: list[bool] = []
    done = 0
    # spaCy has no tokens without a character; DocRED's layout has.
    filled = [(start, end) for start, end in document.tokens if start < end]
    for start, end in [*filled, (len(document.text), len(document.text))]:
        gap = document.text[done:start]
        if words and gap.startswith(" "):  # the one thing between tokens that spaCy has
            spaces[-1] = True
            gap = gap[1:]
        for word in (gap, document.text[start:end]):
            if word:
                words.append(word)
                spaces.append(False)
        done = end
    doc = Doc(vocab, words=words, spaces=spaces)
    begins = {document.tokens[start][0] for start, end in document.sentence_spans if 0 < start < end}
    for token in doc:
        token.is_sent_start = token.i == 0 or token.idx in begins
    doc.ents = filter_spans(annotate(doc, document))
    return doc


def annotate(doc: "spacy.tokens.Doc", document: Document) -> list["spacy.tokens.Span"]:
    """Write the document's annotations into a `Doc` of the same text; returns its mentions, entity by entity.

    Each has its type as label, the entity's id as ``kb_id_`` and the name of the entity's span group as ``id_``.
    Span groups and what we wrote earlier are replaced; putting the mentions into ``doc.ents`` is left to the caller.
    """
    from spacy.tokens import Span, SpanGroup

    _clear(doc)
    data = document.to_dict()
    spans = []
    for number, (entity, described) in enumerate(zip(document.entities, data.pop("entities"), strict=True)):
        name = _name(number)
        members = [
            Span(doc, first, last, entity.mentions[i].type or entity.type, kb_id=entity.id or "", span_id=name)
            for i, (first, last) in _places(entity, doc)
        ]
        doc.spans[name] = SpanGroup(doc, name=name, attrs=described, spans=members)
        spans += members
    for relation in data.get("relations", ()):
        relation.update(head=_name(relation["head"]), tail=_name(relation["tail"]))
    if "candidates" in data:
        data["candidates"] = [[_name(head), _name(tail)] for head, tail in data["candidates"]]
    del data["text"]
    doc.user_data[KEY] = data
    return spans


def _clear(doc: "spacy.tokens.Doc") -> None:
    """Take out the groups, and, where they are ours, their mentions from ``doc.ents``."""
    groups = _groups(doc)
    if isinstance(doc.user_data.pop(KEY, None), Mapping):
        mentions = {(span.start, span.end, span.label) for group in groups.values() for span in group}
        doc.ents = [span for span in doc.ents if (span.start, span.end, span.label) not in mentions]
    for name in groups:
        del doc.spans[name]


def is_annotated(doc: "spacy.tokens.Doc") -> bool:
    """Whether it says which mentions are one entity: annotated by us, or with others' span groups."""
    return isinstance(doc.user_data.get(KEY), Mapping) or bool(_groups(doc))


def read_doc(doc: "spacy.tokens.Doc", id: str, where: str, repairs: Repairs, singles: bool = True) -> Document:
    """A `Doc` of ours, or one by others, which gets this ``id``; `InputError` begins with ``where``.

    ``singles`` are spans in ``doc.ents`` that are in no group: in one of ours, others have put them there.
    """
    ours = doc.user_data.get(KEY)
    if isinstance(ours, Mapping):
        return _ours(doc, ours, where, repairs, singles)
    return _others(doc, id, where, repairs)


def words_of(doc: "spacy.tokens.Doc") -> tuple[Span, ...]:
    """Character spans of its tokens, without white space."""
    # token.is_space is always False with a vocabulary that has no language.
    return tuple((token.idx, token.idx + len(token)) for token in doc if token.text.strip())


def first_words(tokens: Sequence[Span], characters: Iterable[int]) -> set[int]:
    """The tokens with which sentences begin that begin at these characters, or behind them; always the first token."""
    ends = [end for _, end in tokens]  # a token may have white space before its first letter
    return ({0} | {bisect_right(ends, character) for character in characters}) - {len(tokens)}


def cut(tokens: Sequence[Span], begins: Iterable[int]) -> tuple[Span, ...]:
    """Sentences as token spans, from their first tokens."""
    return tuple(pairwise([*sorted(begins), len(tokens)]))


def _places(entity: Entity, doc: "spacy.tokens.Doc") -> list[tuple[int, Span]]:
    """The positions of mentions and their tokens in spaCy, where they have any."""

    def token_at(character: int) -> int:
        return bisect_left(doc, character, key=lambda token: token.idx)

    spans = [(token_at(mention.char_start), token_at(mention.char_end)) for mention in entity.mentions]
    return [(i, span) for i, span in enumerate(spans) if span[0] < span[1]]


def _name(entity: int) -> str:
    return f"coref_clusters_{entity + 1}"


def _ours(doc: "spacy.tokens.Doc", data: Mapping[str, Any], where: str, repairs: Repairs, singles: bool) -> Document:
    bare = {**data, "text": doc.text, "relations": None, "candidates": None}
    groups = _groups(doc)
    stored = {name: dict(group.attrs) for name, group in groups.items() if "mentions" in group.attrs}
    document = Document.from_dict({**bare, "entities": list(stored.values())}, where)
    unchanged = {}
    for name, entity in zip(stored, document.entities, strict=True):
        if [place for _, place in _places(entity, doc)] == [(span.start, span.end) for span in groups[name]]:
            unchanged[name] = entity
    entities = _entities(doc, document, unchanged, repairs, singles)
    place = {name: i for i, name in enumerate(entities)}

    def positions(names: Any) -> list[int]:
        missing = [name for name in names if name not in place]
        if missing:
            raise InputError(f"{where}: a relation names the span group {missing[0]!r}, which is not there; remove it")
        return [place[name] for name in names]

    changed = replace(document, entities=tuple(entities.values())).to_dict()
    try:
        if data.get("relations") is not None:
            changed["relations"] = [
                {
                    **relation,
                    **dict(zip(("head", "tail"), positions((relation["head"], relation["tail"])), strict=True)),
                }
                for relation in data["relations"]
            ]
        if data.get("candidates") is not None:
            changed["candidates"] = [positions(pair) for pair in data["candidates"]]
    except (TypeError, KeyError):
        raise InputError(f'{where}: user_data["{KEY}"] is malformed; write the file again') from None
    return Document.from_dict(changed, where)


def _others(doc: "spacy.tokens.Doc", id: str, where: str, repairs: Repairs) -> Document:
    from spacy.pipeline import Sentencizer

    tokens = words_of(doc)
    whole = Document(id, doc.text, tokens, ((0, len(tokens)),) if tokens else ())
    entities = tuple(_entities(doc, whole, {}, repairs).values())
    for name in doc.spans:
        if not _GROUP.fullmatch(name) and name not in (_OVERLAPPING, KEY):  # KEY: the mentions of the groups again
            repairs.note(id, "span groups of other names left out", f"{name!r} with {len(doc.spans[name])} spans")
    if tokens and not doc.has_annotation("SENT_START"):
        repairs.note(id, "documents without sentences cut by spaCy's sentencizer", where)
        doc = Sentencizer()(doc)
    begins = first_words(tokens, (sentence.start_char for sentence in doc.sents))
    inside = {i for entity in entities for mention in entity.mentions for i in range(mention.start + 1, mention.end)}
    if begins & inside:
        repairs.note(
            id, "documents with sentence ends inside mentions removed", f"{len(begins & inside)} sentence ends"
        )
    document = replace(whole, sentence_spans=cut(tokens, begins - inside), entities=entities)
    document.validate()
    return document


def _groups(doc: "spacy.tokens.Doc") -> Mapping[str, "spacy.tokens.SpanGroup"]:
    """The groups that are entities, in the order of their numbers."""
    numbers = {name: int(match[1]) for name in doc.spans if (match := _GROUP.fullmatch(name))}
    return {name: doc.spans[name] for name in sorted(numbers, key=numbers.__getitem__)}


def _characters(spans: Iterable["spacy.tokens.Span"]) -> list[Span]:
    return [(span.start_char, span.end_char) for span in spans]


def _entities(
    doc: "spacy.tokens.Doc",
    document: Document,
    known: Mapping[str, Entity],
    repairs: Repairs,
    with_singles: bool = True,
) -> Mapping[str, Entity]:
    """The entities by the names of their groups, the ``known`` ones as they are, then the others' single spans."""
    groups = _groups(doc)
    singles = [*doc.ents, *doc.spans.get(_OVERLAPPING, ())]
    labels = {place: span.label_ for place, span in zip(_characters(singles), singles, strict=True) if span.label_}
    found: dict[str, Entity] = {}
    for name, group in groups.items():
        entity = known.get(name) or _entity(list(group), labels, document, name, repairs)
        if entity:
            found[name] = entity
    taken = {place for group in groups.values() for place in _characters(group)}
    for span in singles if with_singles else ():
        key = f"{span.start_char}-{span.end_char}-{span.label_}"
        if (span.start_char, span.end_char) not in taken and key not in found:
            entity = _entity([span], labels, document, f"the span {span.text!r}", repairs)
            if entity:
                found[key] = entity
    return found


def _entity(
    spans: Sequence["spacy.tokens.Span"], labels: Mapping[Span, str], document: Document, what: str, repairs: Repairs
) -> Entity | None:
    """An entity of the type of its first labelled span; ``labels`` are those of ``doc.ents``. None if none has one."""
    types = [span.label_ or labels.get(place) for span, place in zip(spans, _characters(spans), strict=True)]
    type = next((type for type in types if type), None)
    mentions = []
    for span, own in zip(spans, types, strict=True):
        # The tokens inside of the span: it may begin or end with white space.
        start = bisect_left(document.tokens, (span.start_char, 0))
        end = bisect_right(document.tokens, span.end_char, key=lambda token: token[1])
        if start < end:
            mentions.append(document.mention(start, end, type=None if own == type else own))
    if type is None or not mentions:
        repairs.note(document.id, "spans without a label or a word left out", what)
        return None
    return Entity(type, mentions[0].text, tuple(mentions), id=next((s.kb_id_ for s in spans if s.kb_id_), None))
