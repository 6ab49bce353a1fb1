"""Scores of predicted documents against gold ones; one file per protocol."""

from joint_ie.evaluation.bootstrap import confidence_interval, paired_bootstrap
from joint_ie.evaluation.error_page import error_page
from joint_ie.evaluation.error_report import ErrorReport, error_report
from joint_ie.evaluation.error_tables import error_tables
from joint_ie.evaluation.gold_entities import gold_entities, stray_tallies
from joint_ie.evaluation.protocol import Protocol, Scores, evaluate
from joint_ie.evaluation.protocols import end_to_end, gold_mentions, protocols
from joint_ie.evaluation.randomisation import approximate_randomisation
from joint_ie.evaluation.scores import Score
from joint_ie.evaluation.significance import count_documents, holm
from joint_ie.evaluation.spread import spread

__all__ = [
    "ErrorReport",
    "Protocol",
    "Score",
    "Scores",
    "approximate_randomisation",
    "confidence_interval",
    "count_documents",
    "end_to_end",
    "error_page",
    "error_report",
    "error_tables",
    "evaluate",
    "gold_entities",
    "gold_mentions",
    "holm",
    "paired_bootstrap",
    "protocols",
    "spread",
    "stray_tallies",
]
