"""Generated facts in a text: names found in it become mentions, or are matched with entities that are given.

Names are compared by ``key``: what is left of a text after a model's tokenizer, without white space (see
`encoding.source_target.TextTokeniser.keys`), so that an uncased model can name what it cannot write.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from joint_ie.document import Document, Entity, Relation, Span
from joint_ie.encoding.linearisation import TextTriple
from joint_ie.models.evidence import BOTH, NEAREST
from joint_ie.schema import Label, Schema

UNTYPED = "ENTITY"  # the type of entities that a model without types finds

SELF = "generated facts have the same entity as head and tail"

Keys = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Generated:
    """A fact as a model wrote it, with a confidence in [0, 1]."""

    triple: TextTriple
    score: float


@dataclass(frozen=True)
class Grounded:
    """The annotated document, and how many facts of which kind had to be left out."""

    document: Document
    left_out: Counter[str]


@dataclass(frozen=True)
class Grounding:
    """How facts of one model become annotations. ``relation_ids`` maps names of relations, as the model
    writes them, to ids."""

    schema: Schema
    relation_ids: Mapping[str, str]
    keys: Keys

    def in_text(self, document: Document, facts: Sequence[Generated]) -> Grounded:
        """Entities are the names that stand in the text: every occurrence is a mention, and nothing else is.

        An occurrence inside a longer name's belongs to that name alone (unless a name has no others). Facts with an
        end that the text has not are left out.
        """
        names = {_key(name) for fact in facts for name in (fact.triple.head, fact.triple.tail)}
        spans = _occurrences(self.keys(document.words), names)
        order = sorted(spans, key=lambda key: (spans[key][0], key))
        place = {key: i for i, key in enumerate(order)}
        found, left_out = self._relations(
            facts, lambda name, _: place.get(_key(name)), "generated facts have an end that does not stand in the text"
        )
        types: dict[int, Counter[str]] = defaultdict(Counter)
        scores: dict[int, float] = defaultdict(float)
        for fact, relation in found:
            for entity, kind in ((relation.head, fact.triple.head_type), (relation.tail, fact.triple.tail_type)):
                types[entity][kind or UNTYPED] += 1
                scores[entity] = max(scores[entity], fact.score)
        used = {entity: i for i, entity in enumerate(sorted(types))}
        entities = []
        for entity in used:
            mentions = tuple(document.mention(*span) for span in spans[order[entity]])
            kind = types[entity].most_common(1)[0][0]
            entities.append(Entity(kind, mentions[0].text, mentions, scores[entity]))
        relations = [replace(r, head=used[r.head], tail=used[r.tail]) for _, r in found]
        return _written(replace(document, entities=tuple(entities)), relations, left_out)

    def in_entities(self, document: Document, facts: Sequence[Generated]) -> Grounded:
        """Names are matched with those of the document's own entities; facts with an end that has none are left out.

        Of several entities with a name, that comes first whose first listed mention has it, then one of the
        generated type, then the first in the document.
        """
        named: dict[str, dict[int, bool]] = defaultdict(dict)  # key -> entity -> is it the first listed mention's
        for i, entity in enumerate(document.entities):
            for j, key in enumerate(self.keys([mention.called for mention in entity.mentions])):
                named[key].setdefault(i, j == 0)

        def chosen(name: str, kind: str) -> int | None:
            entities = named.get(_key(name), {})
            return min(entities, key=lambda i: (not entities[i], document.entities[i].type != kind, i), default=None)

        found, left_out = self._relations(facts, chosen, "generated facts have an end that is none of the entities")
        return _written(document, [relation for _, relation in found], left_out, document.candidates)

    def _relations(
        self, facts: Sequence[Generated], entity: Callable[[str, str], int | None], unmatched: str
    ) -> tuple[list[tuple[Generated, Relation]], Counter[str]]:
        """Facts between positions, each once with its highest score, in the order in which they were first written.

        No corpus has facts of an entity with itself: they are left out.
        """
        labels: Mapping[str, Label] = {label.id: label for label in self.schema.relation_types}
        left_out: Counter[str] = Counter()
        best: dict[tuple[int, int, str], tuple[Generated, Relation]] = {}
        for fact in facts:
            id = self.relation_ids.get(fact.triple.relation)
            head = entity(fact.triple.head, fact.triple.head_type)
            tail = entity(fact.triple.tail, fact.triple.tail_type)
            if id is None:
                left_out["generated facts have a relation that the schema does not know"] += 1
            elif head is None or tail is None:
                left_out[unmatched] += 1
            elif head == tail:
                left_out[SELF] += 1
            elif (head, tail, id) not in best or best[head, tail, id][0].score < fact.score:
                best[head, tail, id] = (fact, Relation(head, tail, id, labels[id].name, fact.score))
        return list(best.values()), left_out


def _key(text: str) -> str:
    return "".join(text.split())


def _occurrences(words: Sequence[str], names: set[str]) -> dict[str, list[Span]]:
    """The word spans at which every name stands; ``words`` and names are keys, names without any are left out."""
    start_of: dict[int, int] = {}  # character -> the word that starts there
    end_of: dict[int, int] = {}
    position = 0
    for i, word in enumerate(words):
        if word:
            start_of[position] = i
            position += len(word)
            end_of[position] = i + 1
    text = "".join(words)
    found: dict[str, list[Span]] = {}
    inside: set[Span] = set()
    for name in sorted(names - {""}, key=lambda name: (-len(name), name)):
        spans = []
        character = text.find(name)
        while character >= 0:
            if character in start_of and character + len(name) in end_of:
                spans.append((start_of[character], end_of[character + len(name)]))
            character = text.find(name, character + 1)
        if spans:
            found[name] = [span for span in spans if span not in inside] or spans
            inside |= {(i, j) for start, end in found[name] for i in range(start, end) for j in range(i + 1, end + 1)}
    return found


def _written(
    document: Document,
    relations: Sequence[Relation],
    left_out: Counter[str],
    candidates: Sequence[tuple[int, int]] | None = None,
) -> Grounded:
    with_evidence = [_with_evidence(document, relation) for relation in relations]
    return Grounded(document.with_annotations(document.entities, with_evidence, candidates), left_out)


def _with_evidence(document: Document, relation: Relation) -> Relation:
    """The sentences in which both entities stand, or else those of their closest mentions."""
    sentence = document.token_sentence
    head, tail = ([m.start for m in document.entities[i].mentions] for i in (relation.head, relation.tail))
    shared = {sentence[i] for i in head} & {sentence[i] for i in tail}
    if shared:
        return replace(relation, evidence=tuple(sorted(shared)), evidence_kind=BOTH)
    first, second = min(((i, j) for i in head for j in tail), key=lambda pair: abs(pair[0] - pair[1]))
    return replace(relation, evidence=tuple(sorted({sentence[first], sentence[second]})), evidence_kind=NEAREST)
