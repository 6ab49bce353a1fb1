"""Documents as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from joint_ie.document import Document, Span
from joint_ie.encoding.index import MentionIndex, OnDevice
from joint_ie.encoding.subwords import Subwords, SubwordTokeniser
from joint_ie.encoding.windows import Windows, cut


@dataclass(frozen=True)
class TokenView(OnDevice):
    """Subwords of a batch of documents, with or without markers.

    Shapes: ``casing`` [tokens]; ``token_offset`` [documents + 1]; ``word_tokens`` [tokens of words], the flat
    tokens that belong to words, in order; ``word_length`` [words], how many each word has; ``word_row`` [words],
    the token that stands for a mention starting there.
    """

    windows: Windows
    casing: Tensor
    token_offset: Tensor
    word_tokens: Tensor
    word_length: Tensor
    word_row: Tensor


@dataclass(frozen=True)
class Words(OnDevice):
    """Words of a batch. Shapes: ``offset`` [documents + 1] first word of every document; ``sentence`` [words]
    ascending, no two documents share a number.
    """

    offset: Tensor
    sentence: Tensor


@dataclass(frozen=True)
class Batch:
    """Documents with their tensors; ``marked`` and ``mentions`` where entities are given beforehand."""

    documents: tuple[Document, ...]
    words: Words
    plain: TokenView | None = None
    marked: TokenView | None = None
    mentions: MentionIndex | None = None
    entity_type: Tensor | None = None  # [entities]

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        moved = {
            name: value.to(device)
            for name in ("words", "plain", "marked", "mentions", "entity_type")
            if (value := getattr(self, name)) is not None
        }
        return replace(self, **moved)


class Collator:
    """Makes `Batch` parts of documents with one tokenizer and window size."""

    def __init__(self, tokeniser: SubwordTokeniser, max_length: int, overlap: int) -> None:
        self.tokeniser = tokeniser
        self.max_length = max_length
        self.overlap = overlap

    def plain(self, documents: Sequence[Document]) -> TokenView:
        """Documents without markers."""
        return self.view(self.tokeniser.plain(documents))

    def marked(
        self,
        documents: Sequence[Document],
        entities: Sequence[Sequence[Sequence[Span]]],
        types: Sequence[Sequence[int]] | None = None,
    ) -> TokenView:
        """Documents with markers around ``entities[document][entity]`` = spans.

        ``types[document][entity]`` makes them name the type: see `encoding.markers.marker_numbers`.
        """
        spans = [[span for entity in document for span in entity] for document in entities]
        numbers = None
        if types is not None:
            numbers = [
                [number for entity, number in zip(*pair, strict=True) for _ in entity]
                for pair in zip(entities, types, strict=True)
            ]
        return self.view(self.tokeniser.marked(documents, spans, numbers))

    def view(self, subwords: Sequence[Subwords]) -> TokenView:
        """Subword sequences, concatenated and cut into windows."""
        windows = cut(
            [s.ids.tolist() for s in subwords],
            self.max_length,
            self.overlap,
            self.tokeniser.prefix,
            self.tokeniser.suffix,
            self.tokeniser.pad_id,
        )
        offset = [0, *accumulate(len(s.ids) for s in subwords)]
        lengths = np.concatenate([s.word_end - s.word_start for s in subwords] or [np.zeros(0, np.int64)])
        starts = np.concatenate(
            [s.word_start + o for s, o in zip(subwords, offset[:-1], strict=True)] or [np.zeros(0, np.int64)]
        )
        rows = np.concatenate([s.row + o for s, o in zip(subwords, offset[:-1], strict=True)])
        within = np.arange(lengths.sum()) - np.repeat(lengths.cumsum() - lengths, lengths)
        return TokenView(
            windows=windows,
            casing=torch.from_numpy(np.concatenate([s.casing for s in subwords])),
            token_offset=torch.tensor(offset),
            word_tokens=torch.from_numpy(np.repeat(starts, lengths) + within),
            word_length=torch.from_numpy(lengths),
            word_row=torch.from_numpy(rows),
        )


def words_of(documents: Sequence[Document]) -> Words:
    """Word and sentence numbers of a batch."""
    sentences: list[np.ndarray] = []
    first = 0
    for document in documents:
        sentences.append(np.array(document.token_sentence, dtype=np.int64) + first)
        first += len(document.sentence_spans)
    return Words(
        offset=torch.tensor([0, *accumulate(len(document.tokens) for document in documents)]),
        sentence=torch.from_numpy(np.concatenate(sentences)),
    )


def gold_spans(document: Document) -> list[list[Span]]:
    """The spans of every entity, as listed."""
    return [[mention.span for mention in entity.mentions] for entity in document.entities]
