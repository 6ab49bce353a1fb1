"""What relation scores are trained with: a loss of the logits and, if asked for, of the pairs' vectors."""

from typing import Any

from torch import Tensor

from joint_ie.encoding.index import PairIndex
from joint_ie.encoding.targets import Evidence
from joint_ie.heads.relation_head import PairScores
from joint_ie.losses import RELATION_LOSSES, entity_roles, evidence_guidance, potential_pairs, sample_negative_labels
from joint_ie.losses.supervised_contrastive import contrastive_of_cosines
from joint_ie.models.relation_settings import RelationSettings


class RelationObjective:
    """The loss that the settings name, plus the weighted contrastive one (PEMSCL eqs. 11 and 13), plus those of a head
    that filters pairs and matches entities with relations (PAEE eq. 12), plus weighted evidence guidance (DREEAM).

    How relations are decided is no part of it: see `losses.RELATION_LOSSES`.
    """

    def __init__(self, settings: RelationSettings) -> None:
        self.settings = settings

    def __call__(
        self,
        scores: PairScores,
        labels: Tensor,
        pairs: PairIndex,
        training: bool,
        evidence: Evidence | None = None,
    ) -> Tensor:
        """The mean over pairs.

        Args:
            scores: of all pairs that are trained together.
            labels: see Shape.
            pairs: the entities that the pairs are of.
            training: whether negative labels are sampled, with torch's global random numbers.
            evidence: of the pairs' relations; it counts where the scores have the weights of sentences.

        Shape:
            labels - ``[pairs, 1 + relations]``, multi-hot; column 0 is ignored
            returns - a scalar
        """
        loss = self._of_logits(scores.logits, labels, training)
        contrastive = self.settings.contrastive
        if contrastive.weight:
            loss = loss + contrastive.weight * contrastive_of_cosines(
                scores.embedding.cosines, labels, contrastive.temperature, form=contrastive.form
            )
        if scores.related is not None:
            loss = loss + potential_pairs(scores.related, labels)
        if scores.as_head is not None and scores.as_tail is not None:
            loss = loss + entity_roles(scores.as_head, scores.as_tail, labels, pairs.head, pairs.tail)
        if scores.sentences is not None and evidence is not None:
            guidance = evidence_guidance(scores.sentences, evidence.counts, evidence.related)
            loss = loss + self.settings.evidence_weight * guidance
        return loss

    def _of_logits(self, logits: Tensor, labels: Tensor, training: bool) -> Tensor:
        """The named loss, with those of its own arguments that are set."""
        chosen, negative = self.settings, self.settings.negative_labels
        arguments: dict[str, Any] = {}
        if chosen.focal_gamma != 1:
            arguments["gamma"] = chosen.focal_gamma
        if training and negative.ratio < 1:
            arguments["negative_mask"] = sample_negative_labels(labels, negative.ratio, None, negative.sampling)
        return RELATION_LOSSES[chosen.loss].loss(logits, labels, **arguments)
