"""The joint model: one encoder, four tasks.

To be read from top to bottom: encode, score mentions, cluster them, pool entities, type them, score relations.
`forward` trains on gold structure (teacher forcing, as in JEREX); `models.prediction` runs the same steps on
predicted structure.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from joint_ie.encoding.antecedents import TextOrder
from joint_ie.encoding.batches import TokenView, Words
from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.encoding.subwords import CASING_CLASSES
from joint_ie.encoding.targets import Distillation, Targets
from joint_ie.encoding.training_set import TrainingBatch
from joint_ie.errors import InputError
from joint_ie.heads.antecedents import AntecedentScorer
from joint_ie.heads.attention_rows import attention_rows
from joint_ie.heads.encoder import SharedEncoder, encoder_from_config
from joint_ie.heads.entity_types import EntityTyper
from joint_ie.heads.localized_context import sentence_weights
from joint_ie.heads.multi_instance import MultiInstance
from joint_ie.heads.pair_input import PairInput
from joint_ie.heads.range_max import RangeMax
from joint_ie.heads.relation_head import PairScores
from joint_ie.heads.segments import segment_max
from joint_ie.losses import (
    RELATION_LOSSES,
    antecedent_likelihood,
    distillation_kl,
    distillation_mse,
    mean_binary_cross_entropy,
)
from joint_ie.losses.common import at_least_float32
from joint_ie.models.config import JointConfig
from joint_ie.models.coreference import coreference_scorer
from joint_ie.models.mention_detectors import MentionDetector, mention_detector, mention_scorer
from joint_ie.models.outputs import Encoded, JointOutput
from joint_ie.models.relation_heads import relation_head
from joint_ie.models.relation_objective import RelationObjective

DISTILLATION: Mapping[Distillation, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": distillation_mse,
    "kl": distillation_kl,
}


class JointModel(PreTrainedModel):
    """Mentions, coreference, entity types and relations from one shared encoder.

    Args:
        config: settings, encoder configuration and schema.
        encoder: a pretrained encoder; built with random weights from the configuration if None.
    """

    config_class = JointConfig
    base_model_prefix = "joint"

    def __init__(self, config: JointConfig, encoder: PreTrainedModel | None = None) -> None:
        super().__init__(config)
        self.settings = settings = config.settings
        self.schema = schema = config.schema
        settings.relations.check_shifts(len(schema.relation_types))
        self.relation_loss = RELATION_LOSSES[settings.relations.loss]
        self.relation_objective = RelationObjective(settings.relations)
        model = encoder if encoder is not None else encoder_from_config(config.encoder_config)
        width, dropout = model.config.hidden_size, settings.dropout
        casing = CASING_CLASSES if settings.encoder.casing else 0
        self.encoder = SharedEncoder(model, casing, settings.encoder.averaged_layers)
        self.mention_scorer = mention_scorer(settings, width)
        self.coreference_scorer = coreference_scorer(settings, width)
        self.entity_typer = EntityTyper(width, len(schema.entity_types), dropout)
        self.relation_scorer = relation_head(settings, width, len(schema.entity_types), len(schema.relation_types))
        self.dropout = nn.Dropout(dropout)
        self.post_init()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *arguments: Any, **options: Any) -> "JointModel":
        """As in Transformers; packed checkpoints (`joint-ie pack`) are for `joint_ie.load`."""
        config = options.get("config") or JointConfig.from_pretrained(pretrained_model_name_or_path)
        if config.packed:
            raise InputError(
                f'{pretrained_model_name_or_path}: holds packed weights; load them with joint_ie.load("...").model'
            )
        return super().from_pretrained(pretrained_model_name_or_path, *arguments, **options)

    @property
    def mention_detector(self) -> MentionDetector:
        """Training and prediction of mentions, with the settings that the model has now."""
        return mention_detector(self.mention_scorer, self.settings.mentions)

    def _init_weights(self, module: nn.Module) -> None:
        """Heads keep torch's initialisation, the encoder its own."""

    def forward(self, batch: TrainingBatch) -> JointOutput:
        """The losses of a training batch (golden joint README 5.4 for JEREX's)."""
        given, targets = batch.given, batch.targets
        mentions, entity_type = given.mentions, given.entity_type
        if mentions is None or entity_type is None:
            raise ValueError("a training batch needs gold mentions")
        losses: dict[str, Tensor] = {}
        encoded = None
        if given.plain is not None:
            detector = self.mention_detector
            encoded = self.encode(given.plain, given.words, detector.widths(targets))
            losses["mentions"] = detector.loss(encoded.words, given.words, targets)
            spans = encoded.words(mentions.spans)  # [mentions, d]
            losses["coreference"] = self.coreference_loss(spans, mentions, targets)
            types = self.type_entities(spans, mentions)
            losses["entity_types"] = cross_entropy(at_least_float32(types), entity_type) if len(types) else types.sum()
        weights = self.settings.task_weights
        if weights.relations:
            if given.marked is not None:
                encoded = self.encode(given.marked, given.words, mentions.spans.diff(dim=1).squeeze(1))
            assert encoded is not None
            pairs = self.pair_input(encoded, given.words, mentions, entity_type, targets.pairs)
            losses |= self.relation_losses(pairs, targets)
        factor = {task: getattr(weights, task) for task in losses if task != "distillation"}
        if targets.teacher is not None:
            factor["distillation"] = weights.relations * targets.teacher.weight
        weighted = [factor[task] * loss for task, loss in losses.items() if factor[task]]
        return JointOutput(loss=torch.stack(weighted).sum(), losses=losses)

    def encode(self, view: TokenView, words: Words, widths: Tensor) -> Encoded:
        """Run the encoder and pool subwords to words; ``widths`` are those of the spans that will be asked for."""
        encoding = self.encoder(view.windows, view.casing)
        states = segment_max(encoding.hidden.index_select(0, view.word_tokens), view.word_length)
        # contexts between mentions may be as long as a document
        ranges = words.offset.diff() if isinstance(self.relation_scorer, MultiInstance) else widths
        longest = int(ranges.max()) if len(ranges) else 1
        return Encoded(view, encoding, RangeMax(states, longest))

    def coreference_loss(self, spans: Tensor, mentions: MentionIndex, targets: Targets) -> Tensor:
        """By the method of the settings, from the span vectors [mentions, d] of all mentions."""
        pairs, distance = targets.mention_pairs, targets.edit_distance
        if isinstance(self.coreference_scorer, AntecedentScorer):
            order = TextOrder.of(mentions.spans)
            antecedent, mention = order.place[pairs].unbind(1)
            scores = self.coreference_scorer(spans, pairs, distance, mention - antecedent)
            return antecedent_likelihood(scores, mention, targets.same_entity, order.places)
        return mean_binary_cross_entropy(self.coreference_scorer(spans, pairs, distance), targets.same_entity)

    def type_entities(self, spans: Tensor, mentions: MentionIndex) -> Tensor:
        """Logits [entities, types] from the span vectors [mentions, d] of all mentions."""
        return self.entity_typer(self.dropout(segment_max(spans, mentions.mention_count)))

    def pair_input(
        self, encoded: Encoded, words: Words, mentions: MentionIndex, entity_type: Tensor, pairs: PairIndex
    ) -> PairInput:
        """What relation heads look at; ``entity_type`` [entities]."""
        view = encoded.view
        rows = view.word_row[mentions.spans[:, 0]]
        attention = None
        if self.relation_scorer.needs_attention and len(rows):
            attention = attention_rows(self.encoder.model, view.windows, encoded.encoding.inputs, rows)
        spans = encoded.words(mentions.spans)
        return PairInput(
            hidden=encoded.encoding.hidden,
            token_offset=view.token_offset,
            rows=rows,
            attention=attention,
            words=encoded.words,
            word_offset=words.offset,
            word_sentence=words.sentence,
            spans=spans,
            entities=segment_max(spans, mentions.mention_count),
            entity_type=entity_type,
            mentions=mentions,
            pairs=pairs,
        )

    def relation_losses(self, given: PairInput, targets: Targets) -> dict[str, Tensor]:
        """The losses of all pairs of a batch against labels and teacher, 0 (with a graph) if it has none."""
        if not len(given.pairs):
            return {"relations": given.hidden.sum() * 0}
        scores: PairScores = self.relation_scorer(given)
        evidence = targets.evidence if self.training and self.settings.relations.evidence_weight else None
        if evidence is not None:
            sentences = sentence_weights(given, evidence.token_sentence, evidence.counts.shape[1])
            scores = replace(scores, sentences=sentences)
        losses: dict[str, Tensor] = {}
        if targets.annotated:
            losses["relations"] = self.relation_objective(scores, targets.labels, given.pairs, self.training, evidence)
        if targets.teacher is not None:
            losses["distillation"] = DISTILLATION[targets.teacher.loss](scores.logits, targets.teacher.logits)
        return losses
