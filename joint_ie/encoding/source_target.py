"""Documents as pairs of subword sequences: the text, and what a model writes for it (see `linearisation`)."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from joint_ie.document import Document, Relation, Span
from joint_ie.encoding.grouping import by_length
from joint_ie.encoding.index import OnDevice
from joint_ie.encoding.linearisation import Order, Part, Syntax, ordered_relations
from joint_ie.encoding.subwords import SubwordTokeniser
from joint_ie.encoding.training_set import Budget
from joint_ie.errors import InputError

logger = logging.getLogger(__name__)

IGNORED = -100  # the label of padding


@dataclass(frozen=True)
class Source:
    """Words ``span`` of a document as subwords.

    ``ids`` with special tokens; ``words`` are the half-open positions in ``ids`` of every word of the span, and
    ``sentence_ends`` where its sentences, or what is in the span of them, end there.
    """

    span: Span
    ids: tuple[int, ...]
    words: tuple[Span, ...]
    sentence_ends: tuple[int, ...]


@dataclass(frozen=True)
class SourceTarget(OnDevice):
    """A batch. Shapes: ``input_ids`` and ``attention_mask`` [windows, width]; ``labels`` [windows, longest target],
    `IGNORED` where padded.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor


class TextTokeniser:
    """Subwords of texts and of linearised facts, word by word in both, so that a name has the same ones in both.

    Args:
        tokenizer: knows the markers as tokens (see `add_markers`). From here on, what reads like a marker or a
            special token in a text is split like any other word.
        syntax: how facts are written.
        max_source: subwords in a window, special tokens included; longer documents are cut between sentences.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, syntax: Syntax, max_source: int) -> None:
        self.tokenizer = tokenizer
        tokenizer.split_special_tokens = True
        self.syntax = syntax
        self.max_source = max_source
        self.subwords = SubwordTokeniser(tokenizer)
        self.room = max_source - len(self.subwords.prefix) - len(self.subwords.suffix)
        if self.room < 1:
            raise InputError(f"max_source = {max_source} leaves no room beside special tokens; raise it")
        self.end_id = end_token(tokenizer)
        self.pad_id: int = self.subwords.pad_id
        self.silent = {tokenizer.bos_token_id, self.pad_id}  # what REBEL's reading of a string removes
        self.marker_ids: Mapping[str, int] = {m: tokenizer.convert_tokens_to_ids(m) for m in syntax.markers}

    @cached_property
    def relation_ids(self) -> Mapping[str, str]:
        """Relation id of every readable name, as `decode` gives it back."""
        found: dict[str, str] = {}
        names = self.encode([[(name, False)] for name in self.syntax.relations])
        for ids, id in zip(names, self.syntax.relations.values(), strict=True):
            known = found.setdefault(self.decode(ids), id)
            if known != id:
                raise InputError(f"schema: {known!r} and {id!r} have the same name to the tokenizer; rename one")
        return found

    def sources(self, document: Document) -> list[Source]:
        """The document, in windows of whole sentences if it is too long; of a longer sentence, in windows of words.

        What a single word has beyond a whole window is cut off.
        """
        whole = self.subwords.plain([document])[0]
        length = (whole.word_end - whole.word_start).clip(max=self.room)
        before = np.concatenate(([0], length.cumsum()))
        windows: list[Span] = []
        for first, last in document.sentence_spans:
            if windows and before[last] - before[windows[-1][0]] <= self.room:
                windows[-1] = (windows[-1][0], last)
                continue
            start = first
            for word in range(first, last):
                if before[word + 1] - before[start] > self.room:
                    windows.append((start, word))
                    start = word
            if start < last:
                windows.append((start, last))
        prefix, suffix = self.subwords.prefix, self.subwords.suffix
        last_words = {last for _, last in document.sentence_spans}
        made = []
        for start, end in windows:
            ids = [i for w in range(start, end) for i in whole.ids[whole.word_start[w] :][: length[w]].tolist()]
            places = (before[start : end + 1] - before[start] + len(prefix)).tolist()
            ends = [place for w, place in enumerate(places[1:], start + 1) if w in last_words or w == end]
            made.append(Source((start, end), (*prefix, *ids, *suffix), tuple(pairwise(places)), tuple(ends)))
        return made

    def encode(self, texts: Sequence[Sequence[Part]]) -> list[list[int]]:
        """The subwords of strings of facts, or of pieces of them, without the end token."""
        words = iter(self._words([words.split() for text in texts for words, is_marker in text if not is_marker]))
        return [
            [i for part, is_marker in text for i in ([self.marker_ids[part]] if is_marker else next(words))]
            for text in texts
        ]

    def parts(self, ids: Iterable[int]) -> list[Part]:
        """What the subwords stand for, up to the end token; only markers that are tokens are markers."""
        names = {i: marker for marker, i in self.marker_ids.items()}
        written = (i for i in _until(ids, self.end_id) if i not in self.silent)
        parts: list[Part] = []
        for marker, grouped in groupby(written, names.get):
            run = list(grouped)
            parts += [(self._text(run), False)] if marker is None else [(marker, True)] * len(run)
        return parts

    def decode(self, ids: Iterable[int]) -> str:
        """The string that the subwords stand for, up to the end token; markers stand apart."""
        return " ".join(" ".join(words for words, _ in self.parts(ids)).split())

    def keys(self, texts: Sequence[str]) -> list[str]:
        """What is left of texts after the tokenizer, without white space: equal where a model cannot tell apart."""
        return ["".join(self._text(ids).split()) for ids in self._words([text.split() for text in texts])]

    def _words(self, sequences: Sequence[Sequence[str]]) -> list[list[int]]:
        if not any(sequences):
            return [[] for _ in sequences]
        # an empty sequence would make the tokenizer take the batch for something else
        filled = [list(words) or [" "] for words in sequences]
        encoded = self.tokenizer(filled, is_split_into_words=True, add_special_tokens=False, verbose=False)
        return [ids if words else [] for words, ids in zip(sequences, encoded["input_ids"], strict=True)]

    def _text(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)

    def batch(self, sources: Sequence[Source], targets: Sequence[Sequence[int]] = ()) -> SourceTarget:
        """Padded tensors."""
        ids = _padded([source.ids for source in sources], self.pad_id)
        mask = _padded([[1] * len(source.ids) for source in sources], 0)
        return SourceTarget(ids, mask, _padded(targets, IGNORED))


def add_markers(tokenizer: PreTrainedTokenizerBase, syntax: Syntax) -> None:
    """Make every marker one token."""
    tokenizer.add_tokens(list(syntax.markers), special_tokens=True)


def end_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The subword that ends a target: the tokenizer's own, or its separator (BERT)."""
    for end in (tokenizer.eos_token_id, tokenizer.sep_token_id):
        if end is not None:
            return end
    raise InputError(f"{tokenizer.name_or_path}: has neither an end nor a separator token; use another encoder")


class SourceTargetSet:
    """Documents, each with the share of epochs in which it is visited; called with an epoch, it gives its batches.

    What cannot be taught is logged: documents without relation annotation, facts whose entities share no window, and
    facts beyond ``max_target`` subwords.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        shares: Sequence[float],
        tokeniser: TextTokeniser,
        order: Order,
        max_target: int,
        budget: Budget,
        seed: int,
    ) -> None:
        self.tokeniser = tokeniser
        self.max_target = max_target
        self.budget = budget
        self.seed = seed
        self.examples: list[tuple[Source, list[int]]] = []
        self.shares: list[float] = []
        unannotated = apart = beyond = 0
        bar = tqdm(documents, desc="writing training targets", unit=" documents", disable=None, leave=False, delay=2.0)
        for document, share in zip(bar, shares, strict=True):
            if document.relations is None:
                unannotated += 1
                continue
            taught: set[Relation] = set()
            for source in tokeniser.sources(document):
                relations = ordered_relations(document, order, source.span)
                target, kept = self._fitting(document, relations, source.span)
                self.examples.append((source, target))
                self.shares.append(share)
                taught.update(relations)
                beyond += len(relations) - kept
            apart += len({*document.relations} - taught)
        for count, what in (
            (unannotated, "documents without relation annotation are left out"),
            (apart, "facts are not taught: no window holds both entities"),
            (beyond, f"facts are not taught: their text has more than {max_target} subwords (generation.max_target)"),
        ):
            if count:
                logger.warning("%d %s", count, what)
        self.lengths = [len(source.ids) + len(target) for source, target in self.examples]

    def __call__(self, epoch: int) -> "EpochBatches":
        """The batches of an epoch, in order; they depend on seed and epoch alone."""
        random = np.random.default_rng((self.seed, epoch))
        chosen = np.flatnonzero(random.random(len(self.examples)) < np.array(self.shares))
        order = random.permutation(chosen).tolist()
        groups = [group for i in range(0, len(order), self.budget.buffer) for group in self._groups(order, i)]
        return EpochBatches(self, [groups[i] for i in random.permutation(len(groups))])

    def _groups(self, order: Sequence[int], first: int) -> Iterator[list[int]]:
        most = self.budget.documents
        for group in by_length(self.lengths, self.budget.tokens, order[first : first + self.budget.buffer]):
            yield from (group[i : i + most] for i in range(0, len(group), most))

    def _fitting(self, document: Document, relations: Sequence[Relation], span: Span) -> tuple[list[int], int]:
        """The target of as many relations as fit, and their number."""
        target: list[int] = []
        for kept, fact in enumerate(self.tokeniser.encode(self.tokeniser.syntax.facts(document, relations, span))):
            if len(target) + len(fact) >= self.max_target:  # one is the end token's
                return [*target, self.tokeniser.end_id], kept
            target += fact
        return [*target, self.tokeniser.end_id], len(relations)


class EpochBatches(Sequence[SourceTarget]):
    """Batches made when they are asked for."""

    def __init__(self, source: SourceTargetSet, groups: Sequence[Sequence[int]]) -> None:
        self.source = source
        self.groups = groups

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, position: int) -> SourceTarget:  # type: ignore[override]
        sources, targets = zip(*(self.source.examples[i] for i in self.groups[position]), strict=True)
        return self.source.tokeniser.batch(sources, targets)


def _padded(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    width = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.long)


def _until(ids: Iterable[int], end: int) -> Iterator[int]:
    for i in ids:
        if i == end:
            return
        yield i
