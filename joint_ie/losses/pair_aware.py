"""PAEE's auxiliary losses: which pairs have a relation, which entities are its head or tail (eqs. 10 to 12).

Huang et al. 2022, "Document-Level Relation Extraction via Pair-Aware and Entity-Enhanced Representation Learning",
appendix A.1; golden README 7. The paper leaves open what is averaged over a batch: here all pairs, and all entities, of
its documents together. Both losses are added to the relation loss with weight 1.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from joint_ie.errors import InputError
from joint_ie.losses.binary_cross_entropy import mean_binary_cross_entropy
from joint_ie.losses.common import at_least_float32


def potential_pairs(related: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of "any relation holds", the mean over pairs (eq. 10); 0 with a graph if there are none.

    Shape:
        related - ``[P]``, logits
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar; float32 or float64
    """
    return mean_binary_cross_entropy(related, labels[:, 1:].bool().any(1))


def entity_roles(as_head: Tensor, as_tail: Tensor, labels: Tensor, head: Tensor, tail: Tensor) -> Tensor:
    """Binary cross-entropy of "is head (tail) of such a relation": ``(L_sub + L_obj) / 2`` (eqs. 11 and 12).

    The mean over entities and relations. Entities of no scored pair do not count: nothing is known of them. 0 with a
    graph if there are no pairs.

    Shape:
        as_head, as_tail - ``[entities, R]``, logits
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        head, tail - ``[P]``, the entities of every pair
        returns - a scalar; float32 or float64
    """
    relations = labels[:, 1:].bool()
    if as_head.shape != as_tail.shape or as_head.shape[1] != relations.shape[1]:
        raise InputError(
            f"as_head {tuple(as_head.shape)} and as_tail {tuple(as_tail.shape)} should both be [entities, relations] "
            f"with the {relations.shape[1]} relations of labels {tuple(labels.shape)}"
        )
    as_head, as_tail = at_least_float32(as_head), at_least_float32(as_tail)
    scored = torch.cat((head, tail)).unique()
    total = as_head.new_zeros(())
    for logits, entity in ((as_head, head), (as_tail, tail)):
        facts = torch.zeros_like(logits).index_add(0, entity, relations.to(logits.dtype))
        targets = facts.clamp(max=1)[scored]
        total = total + binary_cross_entropy_with_logits(logits[scored], targets, reduction="sum")
    return total / (2 * max(len(scored) * as_head.shape[1], 1))
