"""Which entity pairs get a relation score: those that a corpus asks about, in long documents the near ones."""

from collections.abc import Sequence

import torch
from torch import Tensor

from joint_ie.document import Document
from joint_ie.encoding.index import MentionIndex, PairIndex


def nearby_pairs(mentions: MentionIndex, word_offset: Tensor, max_distance: int) -> tuple[PairIndex, int]:
    """All ordered entity pairs that have mentions at most ``max_distance`` words apart, and how many have not.

    The distance is `word_distances`: neighbours are 1 word apart.
    In a document of no more than ``max_distance`` words these are all pairs. In longer ones the number of pairs
    then grows with the length and not with its square. ``word_offset`` [documents + 1].
    """
    long = word_offset.diff() > max_distance
    pairs = PairIndex.all(mentions.entity_document, torch.nonzero(~long).squeeze(1))
    if not bool(long.any()):
        return pairs, 0
    documents = mentions.entity_document[mentions.entity]
    order = torch.argsort(mentions.spans[:, 0], stable=True)  # by position, documents one after the other
    order = order[long[documents[order]]]
    start, end, entity = mentions.spans[order, 0], mentions.spans[order, 1], mentions.entity[order]
    # mentions that start before end + max_distance, in the same document
    reach = torch.minimum(end + max_distance, word_offset[documents[order] + 1])
    last = torch.searchsorted(start, reach)
    count = last - torch.arange(len(order), device=order.device) - 1
    first = torch.repeat_interleave(torch.arange(len(order), device=order.device), count)
    step = torch.arange(len(first), device=order.device) - torch.repeat_interleave(count.cumsum(0) - count, count)
    a, b = entity[first], entity[first + 1 + step]
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    keys = torch.unique(torch.cat((low * mentions.entities + high, high * mentions.entities + low)))
    head, tail = keys // mentions.entities, keys % mentions.entities
    head, tail = head[head != tail], tail[head != tail]
    n = torch.bincount(mentions.entity_document, minlength=len(long))[long]
    left_out = int((n * (n - 1)).sum()) - len(head)
    merged = PairIndex(
        torch.cat((pairs.head, head)),
        torch.cat((pairs.tail, tail)),
        torch.cat((pairs.document, mentions.entity_document[head])),
    )
    return merged[torch.argsort(merged.head * mentions.entities + merged.tail)], left_out


def asked_pairs(pairs: PairIndex, documents: Sequence[Document], entity_document: Tensor) -> PairIndex:
    """Those of the ``pairs`` that are `Document.candidates`; of a document that asks about all pairs, all.

    ``entity_document`` [entities]: the entities are those of the documents, in order.
    """
    restricted = [i for i, document in enumerate(documents) if document.candidates is not None]
    if not restricted:
        return pairs
    device, entities = entity_document.device, len(entity_document)
    count = torch.bincount(entity_document, minlength=len(documents))
    first = (count.cumsum(0) - count).tolist()
    asked = [
        (head + first[i]) * entities + tail + first[i]
        for i in restricted
        for head, tail in documents[i].candidates or ()
    ]
    free = torch.ones(len(documents), dtype=torch.bool, device=device)
    free[restricted] = False
    known = torch.isin(pairs.head * entities + pairs.tail, torch.tensor(asked, dtype=torch.long, device=device))
    return pairs[torch.nonzero(known | free[pairs.document]).squeeze(1)]
