"""Documents in, annotated Documents out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

import torch
from torch import Tensor

from joint_ie.document import Document, Entity, Relation
from joint_ie.encoding.batches import Batch, Collator, gold_spans
from joint_ie.encoding.index import PairIndex
from joint_ie.models.evidence import evidence
from joint_ie.models.joint import JointModel
from joint_ie.models.outputs import Encoded
from joint_ie.models.relation_settings import Shift
from joint_ie.models.shifts import shifted
from joint_ie.models.stages import FoundEntity, ScoredPairs, Stages, given_spans

UNCOMPARED = "pairs of mentions of very long documents were not compared, being far apart and without a common word"
REPEATED = "mentions are listed in several entities, and were given once"


class Predictor:
    """Runs a model on batches of documents with at least one word each, and returns them, in order, annotated.

    `Extractor` is the public face; this is what training validates with. ``unscored_pairs`` counts the entity pairs
    that were too far apart to be scored, ``uncompared_mentions`` the mention pairs of very long documents that were
    not compared (see `models.compared`), ``wide_mentions`` the mentions that were found but are wider than the model
    may predict, ``repeated_mentions`` how often a given mention was in an entity beyond its first, since the predictor
    was made.
    """

    def __init__(self, model: JointModel, collator: Collator) -> None:
        self.model = model
        self.stages = Stages(model, collator)
        self.unscored_pairs = 0
        self.uncompared_mentions = 0
        self.repeated_mentions = 0
        self.wide_mentions = 0
        self._counting = Lock()  # several threads may use one predictor

    @property
    def left_out(self) -> Counter[str]:
        """What results lack since the predictor was made, by reason."""
        limit = self.model.settings.relations.max_word_distance
        distant = (
            f"pairs of entities were not asked for relations, being more than {limit} words apart "
            f"(relations.max_word_distance in the model's config.json)"
        )
        width = self.model.settings.mentions.max_width
        wide = f"mentions were left out, being wider than {width} words (mentions.max_width in the model's config.json)"
        return Counter(
            {
                distant: self.unscored_pairs,
                UNCOMPARED: self.uncompared_mentions,
                REPEATED: self.repeated_mentions,
                wide: self.wide_mentions,
            }
        )

    def end_to_end(self, documents: Sequence[Document]) -> list[Document]:
        """Mentions, entities and relations from the words alone; annotations of the input are ignored."""
        return self._related(documents, given=False)

    def gold_mentions(self, documents: Sequence[Document]) -> list[Document]:
        """As `end_to_end`, but the mentions are those of the documents: what entities they had is not looked at.

        A mention that several entities list is given once, and counted.
        """
        return self._related(documents, given=True)

    @torch.no_grad()
    def entities(self, documents: Sequence[Document], given: bool = False) -> list[Document]:
        """Entities without relations (None), from the words alone or with the mentions ``given`` by the documents."""
        _, _, found = self._found(documents, given)
        return self._with_entities(documents, found)

    @torch.no_grad()
    def relations(self, documents: Sequence[Document]) -> list[Document]:
        """Relations between the entities that another model found in the documents; entities stay.

        The shift is that for entities that were found, if it was tuned on such, found by the model itself or by another
        (`Tuner.tune_between`). A model that was trained for relations alone may have only the one for gold entities.
        """
        settings = self.model.settings
        found = settings.task_weights.entities or settings.relations.shift != 0.0
        return self._between(documents, settings.relations.shift if found else settings.relations.gold_shift)

    @torch.no_grad()
    def gold_entities(self, documents: Sequence[Document]) -> list[Document]:
        """Relations between the entities that the documents have, of the pairs that they ask about; entities stay."""
        return self._between(documents, self.model.settings.relations.gold_shift)

    @torch.no_grad()
    def _related(self, documents: Sequence[Document], given: bool) -> list[Document]:
        """Entities and the relations between them, both from one encoding if the model takes one pass."""
        batch, encoded, found = self._found(documents, given)
        scored = self.stages.pairs(batch, encoded, found)
        annotated = self._with_entities(documents, found)
        return self._with_relations(annotated, scored, self.model.settings.relations.shift)

    def _between(self, documents: Sequence[Document], shift: Shift) -> list[Document]:
        batch = self.stages.batch(documents, given=True)
        encoded, found = self.stages.given(batch)
        scored = self.stages.pairs(batch, encoded, found, given=True)
        return self._with_relations(documents, scored, shift)

    def _found(self, documents: Sequence[Document], given: bool) -> tuple[Batch, Encoded, list[list[FoundEntity]]]:
        batch = self.stages.batch(documents)
        encoded, mentions = self.stages.mentions(batch, given)
        found = self.stages.entities(batch, mentions)
        with self._counting:
            self.uncompared_mentions += sum(here.pairs.left_out for here in mentions)
            self.wide_mentions += sum(here.too_wide for here in mentions)
            if given:
                listed = sum(len(set(spans)) for document in documents for spans in gold_spans(document))
                self.repeated_mentions += listed - sum(len(given_spans(document)) for document in documents)
        return batch, encoded, found

    def _with_entities(self, documents: Sequence[Document], found: Sequence[Sequence[FoundEntity]]) -> list[Document]:
        return [
            document.with_annotations([self._entity(document, entity) for entity in group], None)
            for document, group in zip(documents, found, strict=True)
        ]

    def _entity(self, document: Document, found: FoundEntity) -> Entity:
        """Named by its longest mention."""
        mentions = tuple(document.mention(*span) for span in found.spans)
        name = max(mentions, key=lambda mention: (len(mention.text), -mention.start)).text
        return Entity(self.model.schema.entity_types[found.type].id, name, mentions, found.score)

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
