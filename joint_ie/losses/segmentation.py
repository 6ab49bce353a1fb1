"""Negative log-likelihood of segmentations.

Lafferty et al. 2001, "Conditional Random Fields"; Sarawagi and Cohen 2004, "Semi-Markov Conditional Random Fields for
Information Extraction".
"""

from torch import Tensor

from joint_ie.errors import InputError
from joint_ie.losses.common import at_least_float32


def negative_log_likelihood(log_likelihood: Tensor, words: int) -> Tensor:
    """For sentences: the mean over their words; 0 with a graph where there are none.

    A mean over words and not over sentences, which differ in length, keeps the loss on the scale of
    `mean_binary_cross_entropy`: there, too, it is a mean over decisions, of which a document of 200 words has about as
    many (its mentions and JEREX's 200 other spans). Task weights therefore carry over from one to the other.

    Shape:
        log_likelihood - ``[sentences]``
        words - of all sentences together
        returns - a scalar; float32 or float64
    """
    if log_likelihood.dim() != 1:
        raise InputError(f"log_likelihood {tuple(log_likelihood.shape)} should be [sentences]")
    return -at_least_float32(log_likelihood).sum() / max(words, 1)
