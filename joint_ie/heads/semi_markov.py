"""A semi-Markov model of mentions (Sarawagi and Cohen 2004): sentences as words outside and segments of up to K words.

A segmentation's score is the sum of its segments' scores; a word outside has 0. The programme is our own:
torch-struct 0.5's `SemiMarkovCRF` gives wrong partitions where the sentences of a batch differ in length (compared with
enumeration), and its memory grows with the square of K.

``scores`` are [sentences, words, widths]: the score of a mention of 1, 2, ... words that ends with a word; -inf where
there is no such mention, and throughout behind the end of a sentence. In 32 bits at least.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from joint_ie.heads.segmentation import Segmentation

Join = Callable[[Tensor], Tensor]
"""Alternatives [..., n] to what they are together [...]."""


def log_partition(scores: Tensor) -> Tensor:
    """The log of the summed exponential scores of all segmentations: [sentences]."""
    return _forward(scores, lambda alternatives: torch.logsumexp(alternatives, -1))


def best_score(scores: Tensor) -> Tensor:
    """The score of the best segmentation (Viterbi): [sentences]."""
    return _forward(scores, lambda alternatives: alternatives.max(-1).values)


def log_likelihood(scores: Tensor, gold: Tensor) -> Tensor:
    """Log-probability of the segmentation with the mentions ``gold`` [sentences, words, widths] bool: [sentences]."""
    return torch.where(gold, scores, 0).sum((1, 2)) - log_partition(scores)


def segmentation(scores: Tensor) -> Segmentation:
    """The best segmentation, and the marginal probability of every mention; without gradients."""
    taken = _gradient(best_score, scores) > 0.5
    width = torch.arange(1, 1 + scores.shape[2], device=scores.device)
    return Segmentation((taken * width).sum(2), _gradient(log_partition, scores))


def _forward(scores: Tensor, join: Join) -> Tensor:
    """What all segmentations are together, word by word."""
    # one word on leads either a word outside or a mention of one word
    single = join(torch.stack((torch.zeros_like(scores[..., :1]), scores[..., :1]), dim=-1))
    steps = torch.cat((single, scores[..., 1:]), dim=2)
    # [sentences, widths]: up to the word before, the one before that, ...
    reached = torch.full_like(scores[:, 0], -torch.inf)
    reached[:, 0] = 0
    for step in steps.unbind(1):
        reached = torch.cat((join(reached + step)[:, None], reached[:, :-1]), dim=1)
    return reached[:, 0]


def _gradient(total: Callable[[Tensor], Tensor], scores: Tensor) -> Tensor:
    """Of a log-partition: the marginals. Of a best score: 1 where it comes from."""
    with torch.inference_mode(False), torch.enable_grad():
        values = scores.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(total(values).sum(), values)
    return gradient
