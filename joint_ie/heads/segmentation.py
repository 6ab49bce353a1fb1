"""What a dynamic programme says about sentences that are cut into mentions and words outside."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Segmentation:
    """The best segmentation of each sentence, and the probability of every mention in any of them.

    Shapes: ``width`` [sentences, words] of the best segmentation's mention that ends with a word, 0 where none does;
    ``marginal`` [sentences, words, widths] the probability that a mention of exactly 1, 2, ... words ends with a word.
    """

    width: Tensor
    marginal: Tensor
