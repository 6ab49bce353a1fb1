"""Annotated documents as training batches under a token and a pair budget."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from joint_ie.document import Document
from joint_ie.encoding.batches import Batch, Collator, gold_spans, words_of
from joint_ie.encoding.index import MentionIndex
from joint_ie.encoding.joining import join
from joint_ie.encoding.markers import marker_numbers
from joint_ie.encoding.sampling import Examples, Negatives, draw, examples
from joint_ie.encoding.subwords import Subwords
from joint_ie.encoding.targets import Targets, targets
from joint_ie.errors import check_range
from joint_ie.schema import Schema

logger = logging.getLogger(__name__)

Item = tuple[int, ...]
"""Documents that are visited together as one."""


@dataclass(frozen=True)
class TrainingBatch:
    """A batch with its targets."""

    given: Batch
    targets: Targets

    def to(self, device: torch.device) -> "TrainingBatch":
        """The same on another device."""
        return TrainingBatch(self.given.to(device), self.targets.to(device))


@dataclass(frozen=True)
class Budget:
    """Limits of one batch; a single document may exceed them. ``buffer`` documents are sorted by length together."""

    tokens: int = 1200
    pairs: int = 4000
    documents: int = 8
    buffer: int = 64

    def __post_init__(self) -> None:
        for name in ("tokens", "pairs", "documents", "buffer"):
            check_range(name, getattr(self, name), 1)


@dataclass(frozen=True)
class Joining:
    """Documents joined to longer ones (see `encoding.joining`), anew in every epoch."""

    share: float = 0.0
    """Share of the documents that are joined with others."""
    most: int = 3
    """Two to so many documents become one."""

    def __post_init__(self) -> None:
        check_range("share", self.share, 0, 1)
        check_range("most", self.most, 2)


@dataclass(frozen=True)
class Prepared:
    """A document with everything that does not change between its visits; the views that the model needs."""

    document: Document
    examples: Examples
    plain: Subwords | None
    marked: Subwords | None

    @property
    def length(self) -> int:
        """Subwords of the longer view."""
        return max(len(view.ids) for view in (self.plain, self.marked) if view is not None)

    @property
    def pairs(self) -> int:
        """Entity pairs that are scored."""
        return 0 if self.examples.pairs is None else len(self.examples.pairs)


class TrainingSet:
    """Documents, each with the share of epochs in which it is visited.

    Calling it with an epoch gives that epoch's batches: a sequence that depends on seed and epoch alone. Subwords
    and examples are computed once, negatives drawn at every visit.

    Args:
        documents: annotated documents; labels must be in the schema.
        shares: [documents] the probability in (0, 1] of being part of an epoch.
        plain, marked: which views the model needs.
        typed: whether markers name the entity's type.
        unlabelled_pairs: documents without relation annotation bring their pairs, too, for a teacher to label; they
            are then in batches of their own.
        evidence: batches bring the evidence of their relations, for a loss that asks for it.
        max_antecedents: mentions are compared with so many before them (`antecedent_pairs`), not with all others.
        segmenting: mentions are learned as `encoding.segments`; those that are not among them are reported.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        shares: Sequence[float],
        schema: Schema,
        collator: Collator,
        negatives: Negatives,
        max_width: int,
        budget: Budget,
        seed: int,
        plain: bool = True,
        marked: bool = False,
        typed: bool = False,
        joining: Joining | None = None,
        unlabelled_pairs: bool = False,
        evidence: bool = False,
        max_antecedents: int | None = None,
        segmenting: bool = False,
    ) -> None:
        self.documents = list(documents)
        self.shares = np.array(shares)
        self.schema = schema
        self.collator = collator
        # a softmax is over all antecedents, not over a draw of them
        self.negatives = negatives if max_antecedents is None else replace(negatives, coreference=None)
        self.max_width = max_width
        self.budget = budget
        self.seed = seed
        self.views = (plain, marked)
        self.marker_numbers = marker_numbers(schema) if typed else None
        self.joining = joining or Joining()
        self.unlabelled_pairs = unlabelled_pairs
        self.evidence = evidence
        self.max_antecedents = max_antecedents
        self.segmenting = segmenting
        self.prepared = [self._prepare(document) for document in self.documents]
        silent = sum(bool(d.relations) and not any(r.evidence for r in d.relations or ()) for d in self.documents)
        if evidence and silent:
            logger.info("%d of %d documents have relations, but no evidence of them", silent, len(self.documents))
        left_out = sum(member.examples.left_out for member in self.prepared)
        if left_out:
            logger.info("%d mention pairs are left out: over %s mentions apart", left_out, max_antecedents)
        if segmenting:
            self._report_left_out()

    def __call__(self, epoch: int) -> "EpochBatches":
        """The batches of an epoch, in order."""
        random = np.random.default_rng((self.seed, epoch))
        chosen = np.flatnonzero(random.random(len(self.documents)) < self.shares)
        items = self._joined(random.permutation(chosen).tolist(), random)
        groups = [
            group
            for i in range(0, len(items), self.budget.buffer)
            for kind in self._kinds(items[i : i + self.budget.buffer])
            for group in self._groups(kind)
        ]
        return EpochBatches(self, epoch, [groups[i] for i in random.permutation(len(groups))])

    def _report_left_out(self) -> None:
        """Warn of the mentions that have no place among segments."""
        found = [member.examples.segments for member in self.prepared if member.examples.segments is not None]
        across, wide, overlapping = (sum(getattr(s, n) for s in found) for n in ("across", "wide", "overlapping"))
        if left_out := across + wide + overlapping:
            logger.warning(
                "%d of %d mentions are not learned, for the detector cannot predict them: %d overlap another, %d are "
                "wider than %d words (max_width), %d go beyond their sentence",
                left_out,
                left_out + sum(len(s.spans) for s in found),
                overlapping,
                wide,
                self.max_width,
                across,
            )

    def _prepare(self, document: Document) -> Prepared:
        tokeniser = self.collator.tokeniser
        plain, marked = self.views
        spans = [span for entity in gold_spans(document) for span in entity]
        types = None
        if self.marker_numbers is not None:
            index = self.schema.entity_index
            types = [[self.marker_numbers[index[entity.type]] for entity in document.entities for _ in entity.mentions]]
        return Prepared(
            document,
            examples(
                document,
                self.schema.relation_index,
                self.max_width,
                self.unlabelled_pairs,
                self.max_antecedents,
                self.segmenting,
            ),
            tokeniser.plain([document])[0] if plain else None,
            tokeniser.marked([document], [spans], types)[0] if marked else None,
        )

    def _joined(self, order: Sequence[int], random: np.random.Generator) -> list[Item]:
        """Documents alone or several together, those with and those without relations apart."""
        if not self.joining.share:
            return [(i,) for i in order]
        items: list[Item] = []
        for annotated in (True, False):
            kind = [i for i in order if (self.documents[i].relations is not None) == annotated]
            cut = round(self.joining.share * len(kind))
            items += [(i,) for i in kind[cut:]]
            first = 0
            while first < cut:
                size = int(random.integers(2, self.joining.most + 1))
                items.append(tuple(kind[first : min(first + size, cut)]))
                first += size
        return [items[i] for i in random.permutation(len(items))]

    def _kinds(self, items: Sequence[Item]) -> list[Sequence[Item]]:
        """All items; where a teacher labels pairs, those with and those without relation annotation apart."""
        if not self.unlabelled_pairs:
            return [items]
        annotated = [item for item in items if all(self.documents[i].relations is not None for i in item)]
        return [annotated, [item for item in items if item not in annotated]]

    def _groups(self, items: Sequence[Item]) -> Iterator[list[Item]]:
        """Cut a buffer, sorted by length, into groups within the budget."""
        length = {item: sum(self.prepared[i].length for i in item) for item in items}
        group: list[Item] = []
        pairs = 0
        for item in sorted(length, key=lambda item: (-length[item], item)):
            entities = sum(len(self.documents[i].entities) for i in item)
            more = self.prepared[item[0]].pairs and entities * (entities - 1)
            padded = (len(group) + 1) * length[group[0] if group else item]
            crowded = padded > self.budget.tokens or pairs + more > self.budget.pairs
            if group and (crowded or len(group) >= self.budget.documents):
                yield group
                group, pairs = [], 0
            group.append(item)
            pairs += more
        if group:
            yield group

    def batch(self, items: Sequence[Item], epoch: int) -> TrainingBatch:
        """The documents of ``items`` as a batch, with negatives of that epoch."""
        members = [
            self.prepared[item[0]] if len(item) == 1 else self._prepare(join([self.documents[i] for i in item]))
            for item in items
        ]
        documents = [member.document for member in members]
        words = words_of(documents)
        mentions = MentionIndex.build([gold_spans(document) for document in documents], words.offset[:-1].tolist())
        types = [self.schema.entity_index[entity.type] for document in documents for entity in document.entities]
        plain = [member.plain for member in members if member.plain is not None]
        marked = [member.marked for member in members if member.marked is not None]
        given = Batch(
            documents=tuple(documents),
            words=words,
            plain=self.collator.view(plain) if plain else None,
            marked=self.collator.view(marked) if marked else None,
            mentions=mentions,
            entity_type=torch.tensor(types, dtype=torch.long),
        )
        samples = [
            draw(member.examples, self.negatives, np.random.default_rng((self.seed, epoch, *item)))
            for member, item in zip(members, items, strict=True)
        ]
        found = [member.examples for member in members]
        token_sentence = self._token_sentence(documents, marked or plain) if self.evidence else None
        relations = len(self.schema.relation_types)
        return TrainingBatch(given, targets(found, samples, words.offset, mentions, relations, token_sentence))

    def _token_sentence(self, documents: Sequence[Document], views: Sequence[Subwords]) -> torch.Tensor:
        """The sentence of every token, markers included, -1 for special tokens (golden README 6): [tokens]."""
        special = (len(self.collator.tokeniser.prefix), len(self.collator.tokeniser.suffix))
        parts = []
        for document, view in zip(documents, views, strict=True):
            # from a word's opening marker or first subword to that of the next
            lengths = np.diff(view.row, append=len(view.ids) - special[1])
            sentence = np.array(document.token_sentence, dtype=np.int64)
            parts.append(np.pad(np.repeat(sentence, lengths), special, constant_values=-1))
        return torch.from_numpy(np.concatenate(parts))


class EpochBatches(Sequence[TrainingBatch]):
    """Batches made when they are asked for."""

    def __init__(self, source: TrainingSet, epoch: int, groups: Sequence[Sequence[Item]]) -> None:
        self.source = source
        self.epoch = epoch
        self.groups = groups

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, position: int) -> TrainingBatch:  # type: ignore[override]
        return self.source.batch(self.groups[position], self.epoch)
