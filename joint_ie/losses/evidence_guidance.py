"""Evidence guidance: the context of a pair comes from the sentences that state its relations.

Ma, Wang and Okazaki 2023, "DREEAM: Guiding Attention with Evidence for Improving Document-Level Relation Extraction";
golden README 6. Both losses are divergences of a pair's localized context (as weights of sentences or tokens) from
what it should be, added to a relation loss: published weights 0.1 (evidence) and 1 (self-training).
"""

import torch
from torch import Tensor

from joint_ie.errors import InputError
from joint_ie.losses.common import at_least_float32, reduce_pairs

SMALLEST = 1e-30  # golden README 6: what zeros are replaced by, and the floor of the sum of counts


def evidence_guidance(distribution: Tensor, counts: Tensor, related: Tensor) -> Tensor:
    """Divergence of the weights of sentences from annotated evidence, the mean over the pairs that count.

    With ``v`` the counts of a pair divided by their sum and ``s`` its distribution: ``sum v (log v - log s)``. Pairs
    that count, but have no evidence, add about 0. Values below 1e-30 become 1e-30 and get no gradient.

    Args:
        distribution: see Shape.
        counts: see Shape.
        related: which pairs count (golden README 6: all that have a relation).

    Shape:
        distribution - ``[P, S]``, what share of a pair's context each sentence holds
        counts - ``[P, S]``, how many of the pair's relations cite the sentence; integer or float
        related - ``[P]``, bool
        returns - a scalar, 0 with a graph if no pair counts; float32 or float64
    """
    _check(distribution, counts, "distribution", "counts", "sentences")
    if related.shape != distribution.shape[:1]:
        raise InputError(f"related {tuple(related.shape)} should be [pairs] as in distribution's {len(distribution)}")
    counts = counts.to(torch.promote_types(distribution.dtype, torch.float32))
    target = counts / (counts.sum(1, keepdim=True) + SMALLEST)
    return reduce_pairs(_divergence(target[related], distribution[related]), "mean")


def attention_guidance(student: Tensor, teacher: Tensor) -> Tensor:
    """Self-training: divergence of the student's weights of tokens from a teacher's, the mean over all pairs.

    Where nobody annotated evidence, the teacher is a model that was trained with it. Otherwise as
    `evidence_guidance`.

    Shape:
        student - ``[P, T]``, normalised weights of tokens in a pair's context
        teacher - ``[P, T]``; gets no gradient
        returns - a scalar, 0 with a graph if there are no pairs; float32 or float64
    """
    _check(student, teacher, "student", "teacher", "tokens")
    return reduce_pairs(_divergence(at_least_float32(teacher.detach()), student), "mean")


def _divergence(target: Tensor, distribution: Tensor) -> Tensor:
    """One value per pair, ``[P]``."""
    target = target.clamp(min=SMALLEST)
    return (target * (target.log() - at_least_float32(distribution).clamp(min=SMALLEST).log())).sum(1)


def _check(first: Tensor, second: Tensor, name: str, other: str, columns: str) -> None:
    if first.dim() != 2 or first.shape != second.shape:
        raise InputError(
            f"{name} {tuple(first.shape)} and {other} {tuple(second.shape)} should both be [pairs, {columns}]"
        )
