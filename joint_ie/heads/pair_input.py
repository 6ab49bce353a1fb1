"""What a relation head may look at."""

from dataclasses import dataclass

from torch import Tensor

from joint_ie.encoding.index import MentionIndex, PairIndex
from joint_ie.heads.attention_rows import AttentionRows
from joint_ie.heads.range_max import RangeMax


@dataclass(frozen=True)
class PairInput:
    """One batch, encoded, with its entities.

    Shapes: ``hidden`` [tokens, d], the flat subwords of all documents; ``token_offset`` [documents + 1], first
    token of every document; ``rows`` [mentions], the token that stands for each mention (its opening marker, or
    its first subword); ``attention`` the last layer's attention at these tokens, None where no head asks for it;
    ``words`` answers maxima over [words, d]; ``word_offset`` [documents + 1], first word of every document;
    ``word_sentence`` [words]; ``spans`` [mentions, d] and ``entities``
    [entities, d], max-pooled; ``entity_type`` [entities].
    """

    hidden: Tensor
    token_offset: Tensor
    rows: Tensor
    attention: AttentionRows | None
    words: RangeMax
    word_offset: Tensor
    word_sentence: Tensor
    spans: Tensor
    entities: Tensor
    entity_type: Tensor
    mentions: MentionIndex
    pairs: PairIndex
