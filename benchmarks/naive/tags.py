"""Mentions by a linear chain over the tags of words (Lafferty et al. 2001): sums and maxima over sequences of tags.

Without the structure of spans: the probability of a mention is the share of all sequences that have its tags.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from joint_ie.document import Document, Span
from joint_ie.models.joint import JointModel

from .encoding import Encoded
from .scores import span_vectors

OUTSIDE, FIRST, INSIDE, LAST, SINGLE = TAGS = range(5)
NEVER = -1e30


def tag_logits(model: JointModel, encoded: Encoded, sentence: Span) -> Tensor:
    """Of the words of a sentence: [words, tags], in 64 bits."""
    scorer = model.mention_scorer
    vectors = span_vectors(encoded, [(word, word + 1) for word in range(*sentence)])
    return scorer.out(scorer.dropout(torch.relu(scorer.hidden(vectors)))).double()


def tagged_spans(logits: Tensor, transitions: Tensor) -> list[tuple[Span, float]]:
    """The mentions of the best sequence of tags, in words of the sentence, each with its probability."""
    transitions = transitions.double()
    tags = _best_tags(logits, transitions)
    spans: list[Span] = []
    for word, tag in enumerate(tags):
        if tag in (FIRST, SINGLE):
            start = word
        if tag in (LAST, SINGLE):
            spans.append((start, word + 1))
    everything = _log_sum(logits, transitions)
    found = []
    for start, end in spans:
        only = torch.full_like(logits[start:end], NEVER)
        for word in range(end - start):
            only[word, tags[start + word]] = logits[start + word, tags[start + word]]
        with_it = _log_sum(torch.cat((logits[:start], only, logits[end:])), transitions)
        found.append(((start, end), (with_it - everything).exp().item()))
    return found


def tag_likelihood(logits: Tensor, transitions: Tensor, spans: Sequence[Span]) -> Tensor:
    """Log-probability of the mentions ``spans`` of a sentence, which share no word; a scalar."""
    tags = [OUTSIDE] * len(logits)
    for start, end in spans:
        tags[start:end] = [SINGLE] if end - start == 1 else [FIRST] + [INSIDE] * (end - start - 2) + [LAST]
    score = -_log_sum(logits, transitions.double())
    for word, tag in enumerate(tags):
        score = score + logits[word, tag] + transitions[tag, tags[word - 1] if word else OUTSIDE]
    return score


def segments(document: Document, max_width: int) -> list[Span]:
    """Mentions that share no word: of those that overlap the longest, of equally long ones the first."""
    spans = {mention.span for entity in document.entities for mention in entity.mentions}
    kept: list[Span] = []
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        inside = any(first <= start and end <= last for first, last in document.sentence_spans)
        if inside and end - start <= max_width and all(end <= a or b <= start for a, b in kept):
            kept.append((start, end))
    return kept


def _allowed(transitions: Tensor) -> Tensor:
    """``transitions`` [to, from] that keep mentions whole, `NEVER` for others."""
    rows = transitions.clone()
    for tag in TAGS:
        for before in TAGS:
            if (tag in (INSIDE, LAST)) != (before in (FIRST, INSIDE)):
                rows[tag, before] = NEVER
    return rows


def _start(logits: Tensor) -> Tensor:
    """Of the word outside that is as if before every sentence."""
    start = torch.full_like(logits[0], NEVER)
    start[OUTSIDE] = 0
    return start


def _log_sum(logits: Tensor, transitions: Tensor) -> Tensor:
    """The log of the summed exponential scores of all sequences, a scalar."""
    steps, so_far = _allowed(transitions), _start(logits)
    for row in logits:
        so_far = (so_far[None] + steps).logsumexp(1) + row
    return so_far[[OUTSIDE, LAST, SINGLE]].logsumexp(0)


def _best_tags(logits: Tensor, transitions: Tensor) -> list[int]:
    """Of the sequence with the highest score."""
    steps, best = _allowed(transitions), _start(logits)
    came_from = []
    for row in logits:
        best, before = (best[None] + steps).max(1)
        best = best + row
        came_from.append(before.tolist())
    tags = [max((OUTSIDE, LAST, SINGLE), key=best.tolist().__getitem__)]
    for before in reversed(came_from[1:]):
        tags.append(before[tags[-1]])
    return tags[::-1]
