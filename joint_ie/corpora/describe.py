"""What a corpus holds, in numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from joint_ie.document import Document, Entity


@dataclass(frozen=True)
class Statistics:
    """Counts over all documents; mentions and relations are counted as they are listed, with repeats.

    A fact is ``cross_sentence`` if no sentence holds a mention of its head and one of its tail.
    """

    documents: int
    sentences: int
    words: int
    words_mean: float
    words_max: int
    mentions: int
    mention_width_max: int
    entities: int
    entities_mean: float
    entities_max: int
    entities_by_type: Mapping[str, int]
    relations: int
    relations_by_type: Mapping[str, int]
    relations_with_evidence: int
    relations_cross_sentence: int
    documents_without_relation_annotation: int

    @property
    def relation_types(self) -> int:
        """How many relation types occur."""
        return len(self.relations_by_type)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; types come in order of frequency."""
        return {**asdict(self), "relation_types": self.relation_types}


def describe(documents: Iterable[Document]) -> Statistics:
    """Statistics of a corpus, in one pass."""
    words: list[int] = []
    entities: list[int] = []
    widths: Counter[int] = Counter()
    entity_types: Counter[str] = Counter()
    relation_types: Counter[str] = Counter()
    sentences = with_evidence = cross_sentence = unannotated = 0
    for document in documents:
        words.append(len(document.tokens))
        entities.append(len(document.entities))
        sentences += len(document.sentence_spans)
        entity_types.update(entity.type for entity in document.entities)
        widths.update(mention.end - mention.start for entity in document.entities for mention in entity.mentions)
        unannotated += document.relations is None
        places = [_sentences(document, entity) for entity in document.entities]
        for relation in document.relations or ():
            relation_types[relation.type] += 1
            with_evidence += bool(relation.evidence)
            cross_sentence += places[relation.head].isdisjoint(places[relation.tail])
    return Statistics(
        documents=len(words),
        sentences=sentences,
        words=sum(words),
        words_mean=sum(words) / len(words) if words else 0.0,
        words_max=max(words, default=0),
        mentions=widths.total(),
        mention_width_max=max(widths, default=0),
        entities=sum(entities),
        entities_mean=sum(entities) / len(entities) if entities else 0.0,
        entities_max=max(entities, default=0),
        entities_by_type=dict(entity_types.most_common()),
        relations=relation_types.total(),
        relations_by_type=dict(relation_types.most_common()),
        relations_with_evidence=with_evidence,
        relations_cross_sentence=cross_sentence,
        documents_without_relation_annotation=unannotated,
    )


def _sentences(document: Document, entity: Entity) -> set[int]:
    """The sentences that an entity's mentions stand in."""
    return {sentence for m in entity.mentions for sentence in document.token_sentence[m.start : m.end]}
