"""One order for every corpus, so that nothing leaks through the order of a file.

The filtered CDR files list positive pairs first, and number entities as the pairs come: the rule "smaller numbers are
related" separates the classes with an AUC of 0.97 (golden joint_and_scoring README 4).
"""

from dataclasses import replace

from joint_ie.document import Document


def in_text_order(document: Document) -> Document:
    """Entities by their first mention, relations by head, tail and type, candidates by head and tail.

    The mentions of an entity stay as they are listed. Entities that begin with the same mention keep the order in
    which they came. Where their order changes and none has an id, that is their place in the file.
    """
    firsts = [min(mention.span for mention in entity.mentions) for entity in document.entities]
    order = sorted(range(len(firsts)), key=firsts.__getitem__)
    place = {old: new for new, old in enumerate(order)}
    relations, candidates = document.relations, document.candidates
    if relations is not None:
        moved = (replace(r, head=place[r.head], tail=place[r.tail]) for r in relations)
        relations = tuple(sorted(moved, key=lambda r: (r.head, r.tail, r.type)))
    if candidates is not None:
        candidates = tuple(sorted((place[head], place[tail]) for head, tail in candidates))
    entities = tuple(document.entities[old] for old in order)
    if order != sorted(order) and all(entity.id is None for entity in entities):
        # submissions name entities by their places in the file
        entities = tuple(replace(entity, id=str(old)) for entity, old in zip(entities, order, strict=True))
    return replace(document, entities=entities, relations=relations, candidates=candidates)
