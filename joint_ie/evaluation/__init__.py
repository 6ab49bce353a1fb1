"""Scores of predicted documents against gold ones; one file per protocol."""

from joint_ie.evaluation.end_to_end import end_to_end
from joint_ie.evaluation.gold_entities import gold_entities
from joint_ie.evaluation.scores import Score

__all__ = ["Score", "end_to_end", "gold_entities"]
