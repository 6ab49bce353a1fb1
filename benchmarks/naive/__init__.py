"""The joint model straight from the papers' equations, in the obvious slow way: what `joint_ie` is measured against.

Mentions, coreference and entity types are JEREX's (Eberts and Ulges 2021, arXiv 2102.05980, sections 3.2 to 3.4),
relations ATLOP's (Zhou et al. 2021, arXiv 2010.11304, sections 3 and 4), with what `JointModel` adds to them: casing
vectors, mentions that may not overlap or are tags of a linear chain, average linkage, entities pooled from spans,
entity types in the extractors, dropout, shifts.
One document at a time, masks over all tokens, eager attention with all maps, outer products, loops. Only the weights
are the model's: nothing of its heads, indices and stages is called. Memory grows with the square of the length.
"""

from .encoding import eager_copy
from .extraction import naive_end_to_end_scores, naive_extract, naive_gold_entities, naive_gold_scores
from .training import naive_training_loss

__all__ = [
    "eager_copy",
    "naive_end_to_end_scores",
    "naive_extract",
    "naive_gold_entities",
    "naive_gold_scores",
    "naive_training_loss",
]
