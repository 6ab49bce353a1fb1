"""Words to subwords of a Hugging Face tokenizer, with word alignment and optional entity markers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from joint_ie.document import Document, Span
from joint_ie.errors import InputError

MARKER = "*"
CASING_CLASSES = 7


@dataclass(frozen=True)
class Subwords:
    """The subword sequence of one document, special tokens included.

    ``word_start`` and ``word_end`` [words] are half-open positions in ``ids``; every word has at least one
    subword. ``row`` [words] is where a mention that starts with this word is represented: its opening marker,
    or its first subword where the sequence has no markers. ``casing`` [subwords] is the `casing_class` of the
    word, 0 for special tokens and markers.
    """

    ids: NDArray[np.int64]
    word_start: NDArray[np.int64]
    word_end: NDArray[np.int64]
    row: NDArray[np.int64]
    casing: NDArray[np.int64]


class SubwordTokeniser:
    """Splits every word on its own, as all published systems do, so that word boundaries never vanish.

    Markers (ATLOP, section 3.1; golden README 1d): ``*`` before every word that starts some mention and after
    every word that ends some mention, once each however many mentions start or end there.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, special_tokens: bool = True) -> None:
        if not tokenizer.is_fast:
            raise InputError(f"{tokenizer.name_or_path}: needs a fast tokenizer (tokenizer.json) for word alignment")
        self.tokenizer = tokenizer
        self.prefix, self.suffix = _special_tokens(tokenizer) if special_tokens else ((), ())
        self.pad_id: int = tokenizer.pad_token_id or 0

    def plain(self, documents: Sequence[Document]) -> list[Subwords]:
        """Without markers."""
        return self._encode([document.words for document in documents], [None] * len(documents))

    def marked(self, documents: Sequence[Document], mentions: Sequence[Iterable[Span]]) -> list[Subwords]:
        """With a marker before and after every span of ``mentions``."""
        words: list[list[str]] = []
        origins: list[NDArray[np.int64] | None] = []
        for document, spans in zip(documents, mentions, strict=True):
            starts = {start for start, _ in spans}
            ends = {end for _, end in spans}
            sequence: list[str] = []
            origin: list[int] = []
            for i, word in enumerate(document.words):
                for text, source in ((MARKER, -1),) * (i in starts) + ((word, i),) + ((MARKER, -1),) * (i + 1 in ends):
                    sequence.append(text)
                    origin.append(source)
            words.append(sequence)
            origins.append(np.array(origin, dtype=np.int64))
        return self._encode(words, origins)

    def _encode(
        self, sequences: Sequence[Sequence[str]], origins: Sequence[NDArray[np.int64] | None]
    ) -> list[Subwords]:
        # A tokenizer that knows a maximal length warns about longer texts; ours are cut into windows later.
        encoded = [
            self.tokenizer(list(words), is_split_into_words=True, add_special_tokens=False, verbose=False)
            if words
            else None
            for words in sequences
        ]
        return [
            self._align(
                words,
                origin,
                np.array(e["input_ids"] if e else [], dtype=np.int64),
                np.array(e.word_ids() if e else [], dtype=np.int64),
            )
            for words, origin, e in zip(sequences, origins, encoded, strict=True)
        ]

    def _align(
        self,
        words: Sequence[str],
        origin: NDArray[np.int64] | None,
        ids: NDArray[np.int64],
        word_ids: NDArray[np.int64],
    ) -> Subwords:
        counts = np.bincount(word_ids, minlength=len(words))
        missing = np.flatnonzero(counts == 0)
        if len(missing):  # a word of control characters alone, say: it becomes the unknown token
            before = np.searchsorted(word_ids, missing)
            unknown = self.tokenizer.unk_token_id
            ids = np.insert(ids, before, self.pad_id if unknown is None else unknown)
            counts[missing] = 1
        first = len(self.prefix) + np.cumsum(counts) - counts
        if origin is None:
            origin = np.arange(len(words))
        is_word = origin >= 0
        opening = np.where(np.concatenate(([False], ~is_word[:-1])), np.concatenate(([0], first[:-1])), first)
        casing = np.array([casing_class(word) for word in words], dtype=np.int64) * is_word
        return Subwords(
            ids=np.concatenate((self.prefix, ids, self.suffix)).astype(np.int64),
            word_start=first[is_word],
            word_end=(first + counts)[is_word],
            row=opening[is_word],
            casing=np.concatenate(
                (np.zeros(len(self.prefix)), np.repeat(casing, counts), np.zeros(len(self.suffix)))
            ).astype(np.int64),
        )


def casing_class(word: str) -> int:
    """1 lower case, 2 capitalised, 3 all capitals, 4 mixed, 5 with digits, 6 neither letters nor digits."""
    if any(c.isdigit() for c in word):
        return 5
    if not any(c.isalpha() for c in word):
        return 6
    if word.islower():
        return 1
    if word.isupper() and len(word) > 1:
        return 3
    return 2 if word[0].isupper() and not any(c.isupper() for c in word[1:]) else 4


def _special_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the tokenizer puts before and after one sequence, e.g. ``[CLS]`` and ``[SEP]``."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    start = next(i for i in range(len(full)) if full[i : i + len(bare)] == bare)
    return tuple(full[:start]), tuple(full[start + len(bare) :])
