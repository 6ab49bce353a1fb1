"""spaCy's DocBin (``.spacy``, https://spacy.io/api/docbin): compressed msgpack, of which spaCy unpickles nothing.

Written are, for spaCy's users, sentence starts, ``doc.ents`` (of overlapping mentions the longest) and, for every
entity, a span group ``coref_clusters_1``, ``coref_clusters_2``, ... (spacy-experimental's names) of its mentions,
labelled with their types, with the entity itself in the group's ``attrs``. ``doc.user_data["joint_ie"]`` has what spaCy
has no place for: id, tokens, sentences, relations and candidates (which name the groups). Text that lies between our
tokens becomes tokens, as spaCy's tokeniser does with white space. So reading gives the same Documents.

Files by others are read, too: tokens other than white space; sentences, cut by spaCy's sentencizer where there are
none; groups of that name as entities; and each span of ``doc.ents`` and of the group ``sc`` (spaCy's for overlapping
spans) that is in none of these as an entity of its own. So is what others changed in ours: a group is taken as
we wrote it as long as it has the spans that we wrote.

spaCy is imported inside of functions, because it loads torch.
"""

import gc
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joint_ie.corpora.files import read_bytes, writing
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs
from joint_ie.document import Document, Entity, Span
from joint_ie.errors import InputError

if TYPE_CHECKING:
    import spacy.tokens
    import spacy.vocab

_KEY = "joint_ie"
_GROUP = re.compile(r"coref_clusters_(\d+)")
_OVERLAPPING = "sc"


def write_docbin(documents: Iterable[Document], path: Path | str) -> int:
    """Write a ``.spacy`` file; returns how many documents. `InputError` names one that is no text."""
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    vocab = Vocab()
    packed = DocBin(attrs=["ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "SENT_START"], store_user_data=True)
    for document in documents:
        try:
            packed.add(_doc(document, vocab))
        except UnicodeEncodeError:
            raise InputError(
                f"document {document.id!r}: has half of a surrogate pair, which spaCy cannot store; "
                f"decode its source with the real encoding"
            ) from None
    with writing(Path(path)):
        Path(path).write_bytes(packed.to_bytes())
    return len(packed)


def _doc(document: Document, vocab: "spacy.vocab.Vocab") -> "spacy.tokens.Doc":
    from spacy.tokens import Doc, Span, SpanGroup
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
    data = document.to_dict()
    spans = []
    for number, (entity, described) in enumerate(zip(document.entities, data.pop("entities"), strict=True)):
        members = [
            Span(doc, first, last, label=entity.mentions[i].type or entity.type, kb_id=entity.id or "")
            for i, (first, last) in _places(entity, doc)
        ]
        doc.spans[_name(number)] = SpanGroup(doc, name=_name(number), attrs=described, spans=members)
        spans += members
    doc.ents = filter_spans(spans)
    for relation in data.get("relations", ()):
        relation.update(head=_name(relation["head"]), tail=_name(relation["tail"]))
    if "candidates" in data:
        data["candidates"] = [[_name(head), _name(tail)] for head, tail in data["candidates"]]
    del data["text"]
    doc.user_data[_KEY] = data
    return doc


def _places(entity: Entity, doc: "spacy.tokens.Doc") -> list[tuple[int, Span]]:
    """The positions of mentions and their tokens in spaCy, where they have any."""

    def token_at(character: int) -> int:
        return bisect_left(doc, character, key=lambda token: token.idx)

    spans = [(token_at(mention.char_start), token_at(mention.char_end)) for mention in entity.mentions]
    return [(i, span) for i, span in enumerate(spans) if span[0] < span[1]]


def _name(entity: int) -> str:
    return f"coref_clusters_{entity + 1}"


def read_docbin(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a ``.spacy`` file; `InputError` names file and document. Others' get ids such as ``train-1``."""
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    for number, doc in enumerate(_docs(path), start=1):
        where = f"{path}: document {number}"
        ours = doc.user_data.get(_KEY)
        if isinstance(ours, Mapping):
            yield _ours(doc, ours, where, repairs)
        else:
            yield _others(doc, f"{path.stem}-{number}", where, repairs)


def _docs(path: Path) -> Iterator["spacy.tokens.Doc"]:
    import spacy
    from spacy.tokens import DocBin

    data = read_bytes(path)
    if not data:
        raise InputError(f"{path}: is empty; write it again with DocBin.to_disk")
    vocab = spacy.blank("xx").vocab  # any language: it knows white space and punctuation
    try:
        for doc in DocBin().from_bytes(data).get_docs(vocab):
            for spans in (doc.ents, *doc.spans.values()):
                _ = [(span.label_, span.kb_id_) for span in spans]  # unpacked only now
            yield doc
    # spaCy does not check what it unpacks
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        gc.enable()  # srsly switches it off to unpack, and on only where that succeeds
        reason = " ".join(str(error).split())[:80]
        raise InputError(
            f"{path}: is no DocBin of spaCy 3, or cut off ({reason}); write it again with DocBin.to_disk"
        ) from None


def _ours(doc: "spacy.tokens.Doc", data: Mapping[str, Any], where: str, repairs: Repairs) -> Document:
    bare = {**data, "text": doc.text, "relations": None, "candidates": None}
    groups = _groups(doc)
    stored = {name: dict(group.attrs) for name, group in groups.items() if "mentions" in group.attrs}
    document = Document.from_dict({**bare, "entities": list(stored.values())}, where)
    unchanged = {}
    for name, entity in zip(stored, document.entities, strict=True):
        if [place for _, place in _places(entity, doc)] == [(span.start, span.end) for span in groups[name]]:
            unchanged[name] = entity
    entities = _entities(doc, document, unchanged, repairs)
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
        raise InputError(f'{where}: user_data["{_KEY}"] is malformed; write the file again') from None
    return Document.from_dict(changed, where)


def _others(doc: "spacy.tokens.Doc", id: str, where: str, repairs: Repairs) -> Document:
    from spacy.pipeline import Sentencizer

    tokens = tuple((token.idx, token.idx + len(token)) for token in doc if not token.is_space)
    whole = Document(id, doc.text, tokens, ((0, len(tokens)),) if tokens else ())
    entities = tuple(_entities(doc, whole, {}, repairs).values())
    for name in doc.spans:
        if not _GROUP.fullmatch(name) and name != _OVERLAPPING:
            repairs.note(id, "span groups of other names left out", f"{name!r} with {len(doc.spans[name])} spans")
    if tokens and not doc.has_annotation("SENT_START"):
        repairs.note(id, "documents without sentences cut by spaCy's sentencizer", where)
        doc = Sentencizer()(doc)
    first_characters = [start for start, _ in tokens]
    begins = {bisect_left(first_characters, sentence.start_char) for sentence in doc.sents} if tokens else set()
    inside = {i for entity in entities for mention in entity.mentions for i in range(mention.start + 1, mention.end)}
    if begins & inside:
        repairs.note(
            id, "documents with sentence ends inside mentions removed", f"{len(begins & inside)} sentence ends"
        )
    kept = sorted((begins | {0}) - inside - {len(tokens)})
    document = replace(whole, sentence_spans=tuple(pairwise([*kept, len(tokens)])), entities=entities)
    document.validate()
    return document


def _groups(doc: "spacy.tokens.Doc") -> Mapping[str, "spacy.tokens.SpanGroup"]:
    """The groups that are entities, in the order of their numbers."""
    numbers = {name: int(match[1]) for name in doc.spans if (match := _GROUP.fullmatch(name))}
    return {name: doc.spans[name] for name in sorted(numbers, key=numbers.__getitem__)}


def _characters(spans: Iterable["spacy.tokens.Span"]) -> list[Span]:
    return [(span.start_char, span.end_char) for span in spans]


def _entities(
    doc: "spacy.tokens.Doc", document: Document, known: Mapping[str, Entity], repairs: Repairs
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
    for span in singles:
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


DOCBIN = Reader(
    name="docbin",
    description="spaCy's DocBin (.spacy)",
    read=read_docbin,
    write=write_docbin,
    recognises=lambda _: False,
    extensions=(".spacy",),
    binary=True,
)
