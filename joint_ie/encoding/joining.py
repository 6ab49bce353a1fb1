"""Several documents as one, so that a model learns what long texts are like.

Annotated documents are short and about one thing. A model that has seen only them takes any two entities of a long
text for related. In joined documents entities of different origin are related to nothing across the seam.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from joint_ie.document import Document, Entity, Mention, Relation

GAP = "\n\n"


def join(documents: Sequence[Document]) -> Document:
    """One document: texts one after the other, entities of equal type and name (letter case aside) merged.

    Only across seams: entities of one part are different, whatever their names (father and son). Of several that could
    be merged with one of an earlier part, the first is.

    Relations are those of the parts; they are None if any part was not annotated with relations. If any part asks
    about certain pairs only, the whole asks about the pairs of its parts, none across a seam.
    """
    tokens: list[tuple[int, int]] = []
    sentences: list[tuple[int, int]] = []
    entities: list[Entity] = []
    relations: list[Relation] = []
    known: dict[tuple[str, str], int] = {}
    facts: set[tuple[int, int, str]] = set()
    restricted = any(document.candidates is not None for document in documents)
    asked: set[tuple[int, int]] = set()
    chars = 0
    for document in documents:
        words, first_sentence = len(tokens), len(sentences)
        tokens += [(start + chars, end + chars) for start, end in document.tokens]
        sentences += [(start + words, end + words) for start, end in document.sentence_spans]
        free = dict(known)  # the entities of earlier parts that none of this part is merged with
        number = []
        for entity in document.entities:
            moved = tuple(_moved(mention, words, chars) for mention in entity.mentions)
            place = free.pop((entity.type, entity.name.casefold()), None)
            if place is None:
                place = len(entities)
                entities.append(replace(entity, mentions=moved))
            else:
                entities[place] = replace(entities[place], mentions=entities[place].mentions + moved)
            number.append(place)
        for entity, place in zip(document.entities, number, strict=True):
            known.setdefault((entity.type, entity.name.casefold()), place)
        for relation in document.relations or ():
            head, tail = number[relation.head], number[relation.tail]
            if (head, tail, relation.type) not in facts:
                facts.add((head, tail, relation.type))
                evidence = tuple(i + first_sentence for i in relation.evidence)
                relations.append(replace(relation, head=head, tail=tail, evidence=evidence))
        if restricted:
            pairs = permutations(range(len(number)), 2) if document.candidates is None else document.candidates
            asked |= {(number[head], number[tail]) for head, tail in pairs}
        chars += len(document.text) + len(GAP)
    complete = all(document.relations is not None for document in documents)
    return Document(
        id=" + ".join(document.id for document in documents),
        text=GAP.join(document.text for document in documents),
        tokens=tuple(tokens),
        sentence_spans=tuple(sentences),
        entities=tuple(entities),
        relations=tuple(relations) if complete else None,
        candidates=tuple(sorted(asked)) if restricted else None,
    )


def _moved(mention: Mention, words: int, chars: int) -> Mention:
    return replace(
        mention,
        start=mention.start + words,
        end=mention.end + words,
        char_start=mention.char_start + chars,
        char_end=mention.char_end + chars,
    )
