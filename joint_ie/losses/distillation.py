"""Distillation: a student's logits towards those of a teacher on the same pairs.

Tan et al. 2022 (KD-DocRE), equations 12 and 13; reductions are golden README 2c. Added to a relation loss, or used
alone where pairs have no labels.
"""

from torch import Tensor

from joint_ie.losses.common import Reduction, at_least_float32, check_pairs, reduce_pairs


def distillation_mse(student: Tensor, teacher: Tensor, reduction: Reduction = "mean") -> Tensor:
    """The mean squared difference of a pair's logits, threshold class included (eq. 12).

    The paper's grid has the pairs of an entity with itself too, all 0 in both, which only makes its mean smaller.

    Shape:
        student - ``[P, 1+R]`` logits
        teacher - ``[P, 1+R]`` logits; gets no gradient
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(student, teacher)
    difference = at_least_float32(student) - at_least_float32(teacher.detach())
    return reduce_pairs(difference.square().mean(1), reduction)


def distillation_kl(student: Tensor, teacher: Tensor, reduction: Reduction = "mean") -> Tensor:
    """The divergence of the student's softmax over all classes of a pair from the teacher's.

    The paper reports it (table 6) without an equation; taken as the usual ``sum_c p_c (log p_c - log q_c)`` with
    teacher p and student q, at temperature 1.

    Shape:
        student - ``[P, 1+R]`` logits
        teacher - ``[P, 1+R]`` logits; gets no gradient
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    check_pairs(student, teacher)
    target = at_least_float32(teacher.detach()).log_softmax(1)
    predicted = at_least_float32(student).log_softmax(1)
    return reduce_pairs((target.exp() * (target - predicted)).sum(1), reduction)
