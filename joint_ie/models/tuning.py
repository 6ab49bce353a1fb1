"""Thresholds that are best on held-out documents, stage by stage.

Mentions first, then coreference on the mentions that are found, then relations on the entities that are found: each is
the optimum of its own F1 given the stages before it, from one pass over the documents. What a model was not trained for
(task weight 0), and what comes after that, keeps its threshold: there is nothing to find.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from joint_ie.document import Document
from joint_ie.encoding.batches import Collator
from joint_ie.models.clustering import cluster
from joint_ie.models.cuts import best_cut
from joint_ie.models.joint import JointModel
from joint_ie.models.relation_settings import Shift
from joint_ie.models.settings import ModelSettings
from joint_ie.models.shifts import GlobalShift, PerClassShift
from joint_ie.models.stages import FoundEntity, Stages

GRID = tuple(i / 40 for i in range(2, 39))  # coreference thresholds that are tried; `coreference.UNLIKELY` is the first
# Mentions per gold mention that are tried at most. More have an F1 below 67 anyway, and a model that has hardly
# learned anything would take nearly all spans for mentions: hours of coreference and relations.
MOST = 2


Finder = Callable[[Sequence[Document]], Sequence[Document]]
"""Documents to the same with the entities that another model finds in them."""


@dataclass(frozen=True)
class Tuned:
    """Settings with the best thresholds, and the F1 that each stage reached with them; None where nothing was tuned."""

    settings: ModelSettings
    mentions: float | None = None
    clusters: float | None = None
    relations_strict: float | None = None
    gold_entities: float | None = None


class Tuner:
    """Finds thresholds for a model, which keeps the settings that it has.

    Args:
        groups: annotated documents in batches.
    """

    def __init__(self, model: JointModel, collator: Collator, groups: Iterable[Sequence[Document]]) -> None:
        self.model = model
        self.stages = Stages(model, collator)
        self.groups = [list(group) for group in groups]

    @torch.no_grad()
    def tune(self) -> Tuned:
        """All thresholds. The relation threshold itself stays; ``shift`` moves the logits instead."""
        before = self.model.settings
        trained = before.task_weights
        tuned = Tuned(before)
        try:
            if trained.mentions:
                threshold, f1 = self._mentions()
                tuned = self._set(replace(tuned, mentions=f1), "mentions", threshold=threshold)
            if trained.mentions and trained.coreference:
                threshold, f1 = self._clusters()
                tuned = self._set(replace(tuned, clusters=f1), "coreference", threshold=threshold)
            if trained.entities and trained.relations:
                shift, f1 = self._relations(gold=False)
                tuned = self._set(replace(tuned, relations_strict=f1), "relations", shift=shift)
            if trained.relations:
                shift, f1 = self._relations(gold=True)
                tuned = self._set(replace(tuned, gold_entities=f1), "relations", gold_shift=shift)
        finally:
            self.model.settings = before
        return tuned

    @torch.no_grad()
    def tune_between(self, finder: Finder) -> Tuned:
        """The shift alone, of relations between the entities that another model finds (a pipeline)."""
        before = self.model.settings
        shift, f1 = self._relations(gold=False, finder=finder)
        return Tuned(replace(before, relations=replace(before.relations, shift=shift)), relations_strict=f1)

    def _set(self, tuned: Tuned, part: str, **found: float | Shift) -> Tuned:
        """``tuned`` with a threshold that was ``found`` for a part of the settings; the model takes it on as well."""
        settings = self.model.settings
        self.model.settings = replace(settings, **{part: replace(getattr(settings, part), **found)})
        return replace(tuned, settings=self.model.settings)

    def _mentions(self) -> tuple[float, float]:
        """The probability from which spans are mentions, by mention F1."""
        scores: list[NDArray[np.float64]] = []
        right: list[NDArray[np.bool_]] = []
        gold = 0
        for documents in self.groups:
            batch = self.stages.batch(documents)
            _, candidates = self.stages.candidates(batch)
            wanted = {
                (start + offset, end + offset)
                for document, offset in zip(documents, batch.words.offset.tolist(), strict=False)
                for entity in document.entities
                for start, end in (mention.span for mention in entity.mentions)
            }
            gold += len(wanted)
            scores.append(candidates.probability.double().cpu().numpy())
            right.append(np.array([(start, end) in wanted for start, end in candidates.spans.tolist()], dtype=bool))
        return best_cut(np.concatenate(scores), np.concatenate(right), gold, most=MOST * gold)

    def _clusters(self) -> tuple[float, float]:
        """The probability above which clusters join, or mentions are linked, by F1 of exact clusters."""
        right, predicted = np.zeros(len(GRID)), np.zeros(len(GRID))
        gold = 0
        for documents in self.groups:
            _, found = self.stages.mentions(self.stages.batch(documents))
            for document, here in zip(documents, found, strict=True):
                wanted = {frozenset(m.span for m in entity.mentions) for entity in document.entities}
                gold += len(wanted)
                for i, threshold in enumerate(GRID):
                    clusters = {frozenset(here.spans[m] for m in c) for c in cluster(here.pairs, threshold)}
                    right[i] += len(clusters & wanted)
                    predicted[i] += len(clusters)
        f1 = 2 * right / np.maximum(predicted + gold, 1)
        best = int(np.argmax(f1))
        return GRID[best], float(f1[best])

    def _relations(self, gold: bool, finder: Finder | None = None) -> tuple[Shift, float]:
        """What to add to relation logits before deciding, by F1 of strict relations, or with ``gold`` entities.

        Entities are the model's own, or those of the ``finder``.
        """
        settings = self.model.settings.relations
        search = (PerClassShift if settings.thresholds == "per-class" else GlobalShift)(settings)
        wanted = np.zeros(len(self.model.schema.relation_index) + 1, dtype=np.int64)
        for group in self.groups:
            documents = [document for document in group if document.relations is not None]
            if not documents:
                continue
            facts, scored = self.scored_pairs(documents, gold, finder)
            wanted += facts
            for logits, labels in scored:
                search.add(logits, labels)
        return search.best(wanted)

    def scored_pairs(
        self, documents: Sequence[Document], gold: bool, finder: Finder | None = None
    ) -> tuple[NDArray[np.int64], Iterator[tuple[Tensor, Tensor]]]:
        """What a search for shifts wants to know of documents whose relations are annotated.

        Returns:
            How many facts of each relation there are, [relations + 1], the last of relations that the model does not
            know; and in parts the logits [pairs, 1 + relations] of the pairs of entities (the documents' own with
            ``gold``, else the model's or the ``finder``'s) with which relations are right, [pairs, relations] bool.
        """
        relations = self.model.schema.relation_index
        given = gold or finder is not None
        batch = self.stages.batch(finder(documents) if finder else documents, given)
        if given:
            encoded, found = self.stages.given(batch)
        else:
            encoded, mentions = self.stages.mentions(batch)
            found = self.stages.entities(batch, mentions)
        # given entities are compared by position, since two of them may be equal
        keys = [
            (i, position if gold else self._key(entity))
            for i, entities in enumerate(found)
            for position, entity in enumerate(entities)
        ]
        flat = {key: position for position, key in enumerate(keys)}
        scored = self.stages.pairs(batch, encoded, found, given=given)
        pairs = zip(scored.pairs.head.tolist(), scored.pairs.tail.tolist(), strict=True)
        row = {pair: position for position, pair in enumerate(pairs)}
        wanted = np.zeros(len(relations) + 1, dtype=np.int64)
        labels = torch.zeros(len(scored.pairs), len(relations), dtype=torch.bool, device=self.model.device)
        for i, document in enumerate(documents):
            for head, tail, kind in _facts(document, gold):
                relation = relations.get(kind, -1)
                wanted[relation] += 1
                place = row.get((flat.get((i, head), -1), flat.get((i, tail), -1)))
                if place is not None and relation >= 0:
                    labels[place, relation] = True
        return wanted, ((logits, labels[rows]) for rows, logits in scored.chunks)

    def _key(self, entity: FoundEntity) -> Hashable:
        return frozenset(entity.spans), self.model.schema.entity_types[entity.type].id


def _facts(document: Document, by_position: bool) -> set[tuple[Hashable, Hashable, str]]:
    """(head, tail, relation); entities are their position, or their spans with their type."""
    keys: list[Hashable] = [(frozenset(m.span for m in entity.mentions), entity.type) for entity in document.entities]
    if by_position:
        keys = list(range(len(keys)))
    return {(keys[r.head], keys[r.tail], r.type) for r in document.relations or ()}
