"""Documents in, annotated Documents out."""

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

import torch
from torch import Tensor

from joint_ie.document import Document, Entity, Relation
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.index import PairIndex
from joint_ie.models.evidence import evidence
from joint_ie.models.joint import JointModel
from joint_ie.models.relation_settings import Shift
from joint_ie.models.shifts import shifted
from joint_ie.models.stages import FoundEntity, ScoredPairs, Stages


class Predictor:
    """Runs a model on batches of documents with at least one word each, and returns them, in order, annotated.

    `Extractor` is the public face; this is what training validates with. ``unscored_pairs`` counts the entity pairs
    that were too far apart to be scored, ``uncompared_mentions`` the mention pairs of very long documents that were
    not compared (see `models.compared`), ``wide_mentions`` the mentions that were found but are wider than the model
    may predict, since the predictor was made.
    """

    def __init__(self, model: JointModel, collator: Collator) -> None:
        self.model = model
        self.stages = Stages(model, collator)
        self.unscored_pairs = 0
        self.uncompared_mentions = 0
        self.wide_mentions = 0
        self._counting = Lock()  # several threads may use one predictor

    @torch.no_grad()
    def end_to_end(self, documents: Sequence[Document]) -> list[Document]:
        """Mentions, entities and relations from the words alone; annotations of the input are ignored."""
        batch = self.stages.batch(documents)
        encoded, mentions = self.stages.mentions(batch)
        with self._counting:
            self.uncompared_mentions += sum(here.pairs.left_out for here in mentions)
            self.wide_mentions += sum(here.too_wide for here in mentions)
        found = self.stages.entities(batch, mentions)
        scored = self.stages.pairs(batch, encoded, found)
        annotated = [self._with_entities(document, group) for document, group in zip(documents, found, strict=True)]
        return self._with_relations(annotated, scored, self.model.settings.relations.shift)

    @torch.no_grad()
    def gold_entities(self, documents: Sequence[Document]) -> list[Document]:
        """Relations between the entities that the documents have, of the pairs that they ask about; entities stay."""
        batch = self.stages.batch(documents, given=True)
        encoded, found = self.stages.given(batch)
        scored = self.stages.pairs(batch, encoded, found, given=True)
        return self._with_relations(documents, scored, self.model.settings.relations.gold_shift)

    def _with_entities(self, document: Document, found: Sequence[FoundEntity]) -> Document:
        """Named by their longest mention."""
        entities = []
        for entity in found:
            mentions = tuple(document.mention(*span) for span in entity.spans)
            name = max(mentions, key=lambda mention: (len(mention.text), -mention.start)).text
            kind = self.model.schema.entity_types[entity.type].id
            entities.append(Entity(kind, name, mentions, entity.score))
        return document.with_annotations(entities, None)

    def _with_relations(self, documents: Sequence[Document], scored: ScoredPairs, shift: Shift) -> list[Document]:
        """Documents with the relations that their pairs' logits, plus ``shift``, decide for."""
        with self._counting:
            self.unscored_pairs += scored.left_out
        settings, loss = self.model.settings.relations, self.model.relation_loss
        rows, relations, scores = [], [], []
        for part, logits in scored.chunks:
            logits = shifted(logits, shift)
            row, relation = torch.nonzero(loss.decide(logits, settings.threshold, settings.top_k), as_tuple=True)
            scores.append(loss.confidence(logits)[row, relation])
            rows.append(part[row])
            relations.append(relation)
        if not rows:
            return [replace(document, relations=()) for document in documents]
        row = torch.cat(rows)
        order = torch.argsort(row, stable=True)  # by head and tail
        facts = scored.pairs[row[order]]
        return self._written(documents, scored, facts, torch.cat(relations)[order], torch.cat(scores)[order])

    def _written(
        self,
        documents: Sequence[Document],
        scored: ScoredPairs,
        facts: PairIndex,
        relation: Tensor,
        score: Tensor,
    ) -> list[Document]:
        """``facts``, the ``relation`` [facts] that holds for each, and its ``score`` [facts], in their documents."""
        assert scored.given is not None and scored.view is not None
        sentences = evidence(scored.given, scored.view, documents, facts)
        sizes = torch.bincount(scored.given.mentions.entity_document, minlength=len(documents))
        first = (sizes.cumsum(0) - sizes)[facts.document]
        columns = (facts.document, facts.head - first, facts.tail - first, relation, score)
        listed: list[list[Relation]] = [[] for _ in documents]
        for (document, head, tail, kind, certainty), (where, how) in zip(
            zip(*(column.tolist() for column in columns), strict=True), sentences, strict=True
        ):
            label = self.model.schema.relation_types[kind]
            listed[document].append(Relation(head, tail, label.id, label.name, certainty, where, how))
        return [
            document.with_annotations(document.entities, relations, document.candidates)
            for document, relations in zip(documents, listed, strict=True)
        ]
