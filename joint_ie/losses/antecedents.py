"""Which antecedent does a mention have? The marginal likelihood of all that are right.

Lee et al. 2017, "End-to-end Neural Coreference Resolution", section 6. Decided by `models.clustering.BestAntecedents`.
"""

import torch
from torch import Tensor

from joint_ie.losses.common import at_least_float32, reduce_pairs


def antecedent_likelihood(scores: Tensor, mention: Tensor, coreferent: Tensor, mentions: int) -> Tensor:
    """``-log`` of the probability that every mention gives to its right antecedents together, the mean over mentions.

    A mention chooses by a softmax over its antecedents and "none", whose score is 0. None is right where no antecedent
    is: the first mention of an entity, or one whose earlier mentions are all too far away. 0 with a graph where there
    are no mentions. (Lee et al. take the sum over a document; the mean does not grow with the batch.)

    Shape:
        scores - ``[P]``, one antecedent of one mention each, in any order
        mention - ``[P]``, whose antecedent it is, from 0 to ``mentions`` - 1
        coreferent - ``[P]``, bool
        returns - a scalar; float32 or float64
    """
    scores = at_least_float32(scores)
    first = torch.ones(mentions, dtype=torch.bool, device=scores.device).index_fill(0, mention[coreferent], False)
    choices = torch.cat((scores.new_zeros(mentions), scores))
    owner = torch.cat((torch.arange(mentions, device=mention.device), mention))
    right = torch.cat((first, coreferent)).nonzero().squeeze(1)
    every = _logsumexp(choices, owner, mentions)
    return reduce_pairs(every - _logsumexp(choices[right], owner[right], mentions), "mean")


def _logsumexp(values: Tensor, owner: Tensor, owners: int) -> Tensor:
    """Of the ``values`` [n] of every owner, who has one at least; `heads.segments`' for runs of rows is a floor above.

    ``owner`` [n], in any order; returns [owners].
    """
    highest = values.new_full((owners,), -torch.inf).scatter_reduce(0, owner, values.detach(), "amax")
    total = values.new_zeros(owners).index_add(0, owner, (values - highest[owner]).exp())
    return total.log() + highest
