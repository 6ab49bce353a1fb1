"""Sentences that support a predicted relation."""

from collections.abc import Sequence

import torch

from joint_ie.document import Document
from joint_ie.encoding.batches import TokenView
from joint_ie.encoding.index import PairIndex
from joint_ie.heads.multi_instance import mention_pairs
from joint_ie.heads.pair_contexts import pair_contexts
from joint_ie.heads.pair_input import PairInput

BOTH = "both-entities"  # sentences in which head and tail stand
CONTEXT = "context"  # of head or tail: those of the nearest mentions and those that the localized context points to
NEAREST = "nearest-mentions"  # the sentences of the two mentions that are closest
SHARE = 0.25  # of the localized context that a sentence must hold to be evidence


def evidence(
    given: PairInput, view: TokenView, documents: Sequence[Document], facts: PairIndex
) -> list[tuple[tuple[int, ...], str]]:
    """Evidence sentences (positions in their document) of every fact, and how they were found.

    Sentences in which both entities stand come first. Where there are none: the sentences of the two nearest
    mentions (`NEAREST`), and those sentences of head or tail that hold at least a quarter of the localized context's
    weight, or the most of it (`CONTEXT`, if there are any).
    """
    starts = [0]
    for document in documents:
        starts.append(starts[-1] + len(document.sentence_spans))
    mentions = given.mentions
    of_mention = given.word_sentence[mentions.spans[:, 0]].tolist()
    places: list[set[int]] = [set() for _ in range(mentions.entities)]
    for entity, place in zip(mentions.entity.tolist(), of_mention, strict=True):
        places[entity].add(place)
    pairs = list(zip(facts.head.tolist(), facts.tail.tolist(), strict=True))
    found = [(places[head] & places[tail], BOTH) for head, tail in pairs]
    apart = [i for i, (shared, _) in enumerate(found) if not shared]
    rest = facts[torch.tensor(apart, dtype=torch.long, device=facts.head.device)]
    for i, nearest, pointed in zip(apart, _nearest(given, rest), _pointed_to(given, view, rest), strict=True):
        head, tail = pairs[i]
        pointed &= places[head] | places[tail]
        found[i] = (nearest | pointed, CONTEXT if pointed else NEAREST)
    return [
        (tuple(sorted(place - starts[document] for place in chosen)), how)
        for (chosen, how), document in zip(found, facts.document.tolist(), strict=True)
    ]


def _pointed_to(given: PairInput, view: TokenView, facts: PairIndex) -> list[set[int]]:
    """The sentences that the localized context of every fact points to; none without one, or without weight."""
    if given.attention is None or not len(facts):
        return [set() for _ in range(len(facts))]
    sentence = given.word_sentence
    # the context of one-hot sentence vectors is the weight of every sentence
    one_hot = torch.zeros(view.windows.tokens, int(sentence[-1]) + 1, device=sentence.device)
    one_hot[view.word_tokens, torch.repeat_interleave(sentence, view.word_length)] = 1.0
    weight = pair_contexts(given.attention, given.mentions, one_hot, given.token_offset, facts)  # [facts, sentences]
    total = weight.sum(1, keepdim=True)
    enough = weight >= SHARE * total
    enough.scatter_(1, weight.argmax(1, keepdim=True), True)
    enough &= total > 0
    return [set(torch.nonzero(row).squeeze(1).tolist()) for row in enough]


def _nearest(given: PairInput, facts: PairIndex) -> list[set[int]]:
    """The sentences of the closest mentions of head and tail, by their first words."""
    instances, owner = mention_pairs(given.mentions, facts)
    start = given.mentions.spans[:, 0]
    first, second = start[instances[:, 0]], start[instances[:, 1]]
    distance = (first - second).abs().tolist()
    best: dict[int, int] = {}
    for i, fact in enumerate(owner.tolist()):
        if fact not in best or distance[i] < distance[best[fact]]:
            best[fact] = i
    sentence = given.word_sentence
    return [{int(sentence[first[best[i]]]), int(sentence[second[best[i]]])} for i in range(len(facts))]
