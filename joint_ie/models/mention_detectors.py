"""Mention detectors: what the scores of an encoded batch teach, and which spans they make mentions.

``span`` decides on every span alone (JEREX), ``crf`` and ``semi-markov`` on a whole sentence at once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from joint_ie.encoding.batches import Words
from joint_ie.encoding.sentences import sentence_rows
from joint_ie.encoding.spans import all_spans
from joint_ie.encoding.targets import Targets
from joint_ie.heads import semi_markov, tag_chain
from joint_ie.heads.mentions import SpanMentionScorer
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.segmentation import Segmentation
from joint_ie.heads.word_tags import WordTagScorer
from joint_ie.losses import mean_binary_cross_entropy, negative_log_likelihood
from joint_ie.losses.common import at_least_float32
from joint_ie.models.settings import MentionSettings, ModelSettings

SPANS = 1 << 12  # scored together: few enough to stay in a cache
SENTENCE_WORDS = 1 << 14  # of sentences side by side, padding included: some ten megabytes
PROBABLE = 2**-7  # spans below this probability are never mentions where mentions may not overlap


@dataclass(frozen=True)
class Candidates:
    """Spans that may be mentions, of up to ``max_width`` words.

    Shapes: ``spans`` [n, 2] flat words, in candidate order; ``probability`` [n], 0 for spans that lose against others;
    ``wider`` [m] the last words of mentions that were found, but are wider.
    """

    spans: Tensor
    probability: Tensor
    wider: Tensor


class MentionDetector(Protocol):
    """A way to find mentions; ``vectors`` answer maxima over any range of words (`models.outputs.Encoded.words`)."""

    def widths(self, targets: Targets) -> Tensor:
        """Those of the spans [n] whose vectors a training batch asks for."""

    def loss(self, vectors: RangeMax, words: Words, targets: Targets) -> Tensor:
        """Of a training batch, a scalar."""

    def candidates(self, vectors: RangeMax, words: Words) -> Candidates:
        """Of a batch, without gradients."""


class SpanDetector:
    """Every span is a mention or not, on its own."""

    def __init__(self, scorer: SpanMentionScorer, settings: MentionSettings) -> None:
        self.scorer = scorer
        self.settings = settings

    def widths(self, targets: Targets) -> Tensor:
        """Mentions and sampled other spans."""
        return targets.spans.diff(dim=1).squeeze(1)

    def loss(self, vectors: RangeMax, words: Words, targets: Targets) -> Tensor:
        """The mean over mentions and sampled other spans."""
        scores = self.scorer(vectors(targets.spans), self.widths(targets))
        return mean_binary_cross_entropy(scores, targets.is_mention)

    def candidates(self, vectors: RangeMax, words: Words) -> Candidates:
        """Where mentions may not overlap, spans that lose against a more probable one have probability 0."""
        spans = all_spans(words.sentence, self.settings.max_width)
        probability = _span_logits(self.scorer, vectors, spans).sigmoid()
        if not self.settings.overlap:
            probability = probability * most_probable(spans, probability)
        return Candidates(spans, probability, spans.new_zeros(0))


class SentenceDetector(ABC):
    """A sentence is cut into mentions and words outside; no two mentions share a word.

    The best segmentation decides which spans are kept, and their probability is the marginal one, over all
    segmentations: a threshold of 0 keeps the best segmentation as it is, a higher one what is surer.
    """

    padding: float
    """The score behind the end of a sentence."""

    def __init__(self, settings: MentionSettings) -> None:
        self.settings = settings

    def widths(self, targets: Targets) -> Tensor:
        """All mentions; no other spans are sampled."""
        return targets.spans.diff(dim=1).squeeze(1)

    def loss(self, vectors: RangeMax, words: Words, targets: Targets) -> Tensor:
        """The negative log-likelihood of the mentions that share no word, a mean over words."""
        if targets.segments is None:
            raise ValueError("a training batch needs segments")
        scores, gold = self.scores(vectors, words), self.gold(targets.segments, len(words.sentence))
        likelihood = [
            self.log_likelihood(rows.take(scores, self.padding), rows.take(gold, 0), rows.lengths)
            for rows in sentence_rows(words.sentence, SENTENCE_WORDS)
        ]
        return negative_log_likelihood(torch.cat(likelihood), len(words.sentence))

    def candidates(self, vectors: RangeMax, words: Words) -> Candidates:
        """All spans; those outside the best segmentation have probability 0."""
        scores = self.scores(vectors, words)
        found = words.sentence.new_zeros(len(words.sentence))
        marginal = scores.new_zeros(len(words.sentence), self.settings.max_width)
        for rows in sentence_rows(words.sentence, SENTENCE_WORDS):
            here = self.segmentation(rows.take(scores, self.padding), rows.lengths)
            rows.put(here.width, found)
            rows.put(here.marginal, marginal)
        spans = all_spans(words.sentence, self.settings.max_width)
        last, width = spans[:, 1] - 1, spans.diff(dim=1).squeeze(1)
        # never 0 by rounding: a threshold of 0 keeps all of the best segmentation
        probability = marginal[last, width - 1].clamp(torch.finfo(marginal.dtype).tiny, 1)
        wider = torch.nonzero(found > self.settings.max_width).squeeze(1)
        return Candidates(spans, probability * (found[last] == width), wider)

    @abstractmethod
    def scores(self, vectors: RangeMax, words: Words) -> Tensor:
        """What the dynamic programme runs on, [words, n], in 32 bits at least."""

    @abstractmethod
    def gold(self, segments: Tensor, words: int) -> Tensor:
        """Mentions ``segments`` [mentions, 2] as `log_likelihood` takes them, [words, ...]."""

    @abstractmethod
    def log_likelihood(self, scores: Tensor, gold: Tensor, lengths: Tensor) -> Tensor:
        """[sentences], from [sentences, longest, ...] and the sentences' ``lengths``."""

    @abstractmethod
    def segmentation(self, scores: Tensor, lengths: Tensor) -> Segmentation:
        """The best one, and marginals of spans of up to ``max_width`` words."""


class TagDetector(SentenceDetector):
    """A linear-chain CRF over the tags of words."""

    padding = 0.0

    def __init__(self, scorer: WordTagScorer, settings: MentionSettings) -> None:
        super().__init__(settings)
        self.scorer = scorer

    def scores(self, vectors: RangeMax, words: Words) -> Tensor:
        """Emissions [words, tags]."""
        word = torch.arange(len(words.sentence), device=words.sentence.device)
        emissions = at_least_float32(self.scorer(vectors(torch.stack((word, word + 1), dim=1))))
        # the same for all tags of a word, which changes no probability: sums over long sentences stay small and exact
        return emissions.log_softmax(1)

    def gold(self, segments: Tensor, words: int) -> Tensor:
        """Tags [words]."""
        return tag_chain.segment_tags(segments, words)

    def log_likelihood(self, scores: Tensor, gold: Tensor, lengths: Tensor) -> Tensor:
        """See `heads.tag_chain`."""
        return tag_chain.log_likelihood(scores, self.scorer.transitions, lengths, gold)

    def segmentation(self, scores: Tensor, lengths: Tensor) -> Segmentation:
        """See `heads.tag_chain`; the best segmentation may have mentions wider than ``max_width``."""
        return tag_chain.segmentation(scores, self.scorer.transitions, lengths, self.settings.max_width)


class SegmentDetector(SentenceDetector):
    """A semi-Markov model whose segments have the scores that `SpanDetector` decides on."""

    padding = -torch.inf

    def __init__(self, scorer: SpanMentionScorer, settings: MentionSettings) -> None:
        super().__init__(settings)
        self.scorer = scorer

    def widths(self, targets: Targets) -> Tensor:
        """All mentions and all candidates."""
        return torch.cat((super().widths(targets), targets.spans.new_tensor([self.settings.max_width])))

    def scores(self, vectors: RangeMax, words: Words) -> Tensor:
        """Scores [words, max_width] of the spans that end with a word."""
        spans = all_spans(words.sentence, self.settings.max_width)
        return self._by_last_word(spans, _span_logits(self.scorer, vectors, spans), len(words.sentence), -torch.inf)

    def gold(self, segments: Tensor, words: int) -> Tensor:
        """Which spans they are, [words, max_width] bool."""
        return self._by_last_word(segments, torch.ones_like(segments[:, 0], dtype=torch.bool), words, 0)

    def log_likelihood(self, scores: Tensor, gold: Tensor, lengths: Tensor) -> Tensor:
        """See `heads.semi_markov`."""
        return semi_markov.log_likelihood(scores, gold)

    def segmentation(self, scores: Tensor, lengths: Tensor) -> Segmentation:
        """See `heads.semi_markov`."""
        return semi_markov.segmentation(scores)

    def _by_last_word(self, spans: Tensor, values: Tensor, words: int, rest: float) -> Tensor:
        """``values`` [spans] by the last word and the width of their spans, ``rest`` where there is none."""
        table = values.new_full((words, self.settings.max_width), rest)
        return table.index_put((spans[:, 1] - 1, spans.diff(dim=1).squeeze(1) - 1), values)


def mention_scorer(settings: ModelSettings, width: int) -> SpanMentionScorer | WordTagScorer:
    """The head of the detector that the settings name; ``width`` of the encoder's hidden states."""
    if settings.mentions.detector == "crf":
        return WordTagScorer(width, settings.dropout)
    return SpanMentionScorer(width, settings.embedding_size, settings.mentions.sizes, settings.dropout)


def mention_detector(scorer: SpanMentionScorer | WordTagScorer, settings: MentionSettings) -> MentionDetector:
    """The detector that the settings name, with its head."""
    if isinstance(scorer, WordTagScorer):
        return TagDetector(scorer, settings)
    return (SegmentDetector if settings.detector == "semi-markov" else SpanDetector)(scorer, settings)


def most_probable(spans: Tensor, probability: Tensor) -> Tensor:
    """Which spans overlap no more probable one that is kept itself; [spans] bool, False below `PROBABLE`.

    Whether a span is kept depends on more probable ones alone, so that a threshold may come before or after.
    """
    keep = torch.zeros(len(spans), dtype=torch.bool)
    likely = torch.nonzero(probability >= PROBABLE).squeeze(1)
    order = likely[torch.argsort(probability[likely], descending=True, stable=True)].tolist()
    taken = bytearray(int(spans.max()) if len(spans) else 0)
    for i, (start, end) in zip(order, spans[order].tolist(), strict=True):
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            keep[i] = True
    return keep.to(spans.device)


def _span_logits(scorer: SpanMentionScorer, vectors: RangeMax, spans: Tensor) -> Tensor:
    """[spans], in 32 bits at least."""
    parts = [scorer(vectors(part), part.diff(dim=1).squeeze(1)) for part in spans.split(SPANS)]
    return at_least_float32(torch.cat(parts))
