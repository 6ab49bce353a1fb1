"""Words to subwords of a Hugging Face tokenizer, with word alignment and optional entity markers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from joint_ie.document import Document, Span
from joint_ie.encoding.markers import typed_markers
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
    every word that ends some mention, once each however many mentions start or end there. DocuNet's name the type.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, special_tokens: bool = True) -> None:
        if not tokenizer.is_fast:
            raise InputError(f"{tokenizer.name_or_path}: needs a fast tokenizer (tokenizer.json) for word alignment")
        self.tokenizer = tokenizer
        self.prefix, self.suffix = _special_tokens(tokenizer) if special_tokens else ((), ())
        self.pad_id: int = tokenizer.pad_token_id or 0

    def plain(self, documents: Sequence[Document]) -> list[Subwords]:
        """Without markers."""
        pieces = self._pieces([document.words for document in documents])
        return [self._sequence(d.words, *p, {}, {}) for d, p in zip(documents, pieces, strict=True)]

    def marked(
        self,
        documents: Sequence[Document],
        mentions: Sequence[Sequence[Span]],
        types: Sequence[Sequence[int]] | None = None,
    ) -> list[Subwords]:
        """With a marker before and after every span of ``mentions``.

        Args:
            types: a number for every span of ``mentions``; its markers are then `typed_markers`, those of the first
                span that starts or ends there (golden README 1d).
        """
        pieces = self._pieces([document.words for document in documents])
        ((star, _),) = self._pieces([[MARKER]])
        numbers = [[0] * len(spans) for spans in mentions] if types is None else types
        markers = {
            number: (star, star) if types is None else self._typed(number)
            for number in {number for group in numbers for number in group}
        }
        sequences = []
        for i, (ids, counts) in enumerate(pieces):
            before: dict[int, NDArray[np.int64]] = {}
            after: dict[int, NDArray[np.int64]] = {}
            for (start, end), number in zip(mentions[i], numbers[i], strict=True):
                before.setdefault(start, markers[number][0])
                after.setdefault(end - 1, markers[number][1])
            sequences.append(self._sequence(documents[i].words, ids, counts, before, after))
        return sequences

    def _typed(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pieces of the `typed_markers` of a number; text is never split into them, so they are looked up."""
        ids = []
        for marker in typed_markers(number):
            id = self.tokenizer.convert_tokens_to_ids(marker)
            if id is None or self.tokenizer.convert_ids_to_tokens(id) != marker:
                raise InputError(
                    f"relations.input = typed-markers needs an encoder whose tokenizer has {marker} (BERT's does, "
                    f"RoBERTa's does not); use input = markers with this one"
                )
            ids.append(np.array([id], dtype=np.int64))
        return ids[0], ids[1]

    def _pieces(self, texts: Sequence[Sequence[str]]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The subwords of every word, one after the other, and how many each word has: one at least."""
        found = []
        for words in texts:
            # A tokenizer that knows a maximal length warns about longer texts; ours are cut into windows later.
            encoded = (
                self.tokenizer(list(words), is_split_into_words=True, add_special_tokens=False, verbose=False)
                if words
                else None
            )
            ids = np.array(encoded["input_ids"] if encoded else [], dtype=np.int64)
            word_ids = np.array(encoded.word_ids() if encoded else [], dtype=np.int64)
            counts = np.bincount(word_ids, minlength=len(words))
            missing = np.flatnonzero(counts == 0)
            if len(missing):  # a word of control characters alone, say: it becomes the unknown token
                unknown = self.tokenizer.unk_token_id
                ids = np.insert(ids, np.searchsorted(word_ids, missing), self.pad_id if unknown is None else unknown)
                counts[missing] = 1
            found.append((ids, counts))
        return found

    def _sequence(
        self,
        words: Sequence[str],
        ids: NDArray[np.int64],
        counts: NDArray[np.int64],
        before: Mapping[int, NDArray[np.int64]],
        after: Mapping[int, NDArray[np.int64]],
    ) -> Subwords:
        """``ids`` of which ``counts`` [words] belong to each word, with marker pieces before and after some words."""
        lengths = counts.copy()
        opening = np.zeros_like(counts)
        for word, marker in before.items():
            opening[word] = len(marker)
        lengths += opening
        for word, marker in after.items():
            lengths[word] += len(marker)
        row = len(self.prefix) + np.cumsum(lengths) - lengths
        start = row + opening
        end = start + counts
        sequence = np.zeros(len(self.prefix) + int(lengths.sum()) + len(self.suffix), dtype=np.int64)
        casing = np.zeros_like(sequence)
        inside = np.arange(len(ids)) + np.repeat(start - np.cumsum(counts) + counts, counts)
        sequence[inside] = ids
        casing[inside] = np.repeat(np.array([casing_class(word) for word in words], dtype=np.int64), counts)
        for word, marker in before.items():
            sequence[row[word] : start[word]] = marker
        for word, marker in after.items():
            sequence[end[word] : end[word] + len(marker)] = marker
        sequence[: len(self.prefix)] = self.prefix
        sequence[len(sequence) - len(self.suffix) :] = self.suffix
        return Subwords(ids=sequence, word_start=start, word_end=end, row=row, casing=casing)


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
