"""Sentences that support a predicted relation."""

import torch

from joint_ie.encoding.batches import Batch
from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads.attention_rows import attention_rows
from joint_ie.heads.localized_context import pair_contexts
from joint_ie.heads.multi_instance import mention_pairs
from joint_ie.models.joint import JointModel
from joint_ie.models.outputs import Encoded

BOTH = "both-entities"  # sentences in which head and tail stand
CONTEXT = "context"  # sentences that the localized context points to
NEAREST = "nearest-mentions"  # the sentences of the two mentions that are closest
SHARE = 0.25  # of the localized context that a sentence must hold to be evidence


def evidence(
    model: JointModel, encoded: Encoded, batch: Batch, mentions: MentionIndex, facts: PairIndex
) -> list[tuple[tuple[int, ...], str]]:
    """Evidence sentences (positions in their document) of every fact, and how they were found.

    A sentence in which both entities stand comes first. Where there is none: the sentences that hold at least
    a quarter of the localized context's weight (at least the heaviest), or, in models without that,
    the sentences of the two nearest mentions.
    """
    sentence = batch.words.sentence
    starts = [0]
    for document in batch.documents:
        starts.append(starts[-1] + len(document.sentence_spans))
    of_mention = sentence[mentions.spans[:, 0]].tolist()
    places: list[set[int]] = [set() for _ in range(mentions.entities)]
    for entity, place in zip(mentions.entity.tolist(), of_mention, strict=True):
        places[entity].add(place)
    heads, tails, documents = facts.head.tolist(), facts.tail.tolist(), facts.document.tolist()
    shared = [places[h] & places[t] for h, t in zip(heads, tails, strict=True)]
    rest = [i for i, common in enumerate(shared) if not common]
    other = dict(zip(rest, _elsewhere(model, encoded, batch, mentions, facts, rest), strict=True))
    found = []
    for i, common in enumerate(shared):
        first = starts[documents[i]]
        chosen, how = (common, BOTH) if common else other[i]
        found.append((tuple(sorted(place - first for place in chosen)), how))
    return found


def _elsewhere(
    model: JointModel, encoded: Encoded, batch: Batch, mentions: MentionIndex, facts: PairIndex, rest: list[int]
) -> list[tuple[set[int], str]]:
    """Evidence of the facts ``rest``, whose entities share no sentence; sentences are numbered over the batch."""
    if not rest:
        return []
    sentence = batch.words.sentence
    far = facts[torch.tensor(rest, device=sentence.device)]
    view = encoded.view
    if model.relation_scorer.needs_attention:
        rows = attention_rows(
            model.encoder.model, view.windows, encoded.encoding.last_input, view.word_row[mentions.spans[:, 0]]
        )
        # the context of one-hot sentence vectors is the weight of every sentence
        one_hot = torch.zeros(view.windows.tokens, int(sentence[-1]) + 1, device=sentence.device)
        one_hot[view.word_tokens, torch.repeat_interleave(sentence, view.word_length)] = 1.0
        weight = pair_contexts(rows, mentions, one_hot, view.token_offset, far)  # [facts, sentences]
        total = weight.sum(1, keepdim=True)
        enough = weight >= SHARE * total
        enough.scatter_(1, weight.argmax(1, keepdim=True), True)
        enough &= total > 0
        chosen = [set(torch.nonzero(row).squeeze(1).tolist()) for row in enough]
        if all(chosen):
            return [(places, CONTEXT) for places in chosen]
    nearest = _nearest(batch, mentions, far)
    if model.relation_scorer.needs_attention:
        return [(c, CONTEXT) if c else (n, NEAREST) for c, n in zip(chosen, nearest, strict=True)]
    return [(places, NEAREST) for places in nearest]


def _nearest(batch: Batch, mentions: MentionIndex, facts: PairIndex) -> list[set[int]]:
    """The sentences of the closest mentions of head and tail."""
    instances, owner = mention_pairs(mentions, facts)
    first, second = mentions.spans[instances[:, 0], 0], mentions.spans[instances[:, 1], 0]
    distance = (first - second).abs().tolist()
    best: dict[int, int] = {}
    for i, fact in enumerate(owner.tolist()):
        if fact not in best or distance[i] < distance[best[fact]]:
            best[fact] = i
    sentence = batch.words.sentence
    return [{int(sentence[first[best[i]]]), int(sentence[second[best[i]]])} for i in range(len(facts))]
