"""Supervised contrastive loss for several labels and rare ones: pairs with a relation in common come together.

Guo, Kok and Bing 2023 (PEMSCL), equations 8 to 10; the released code's form is golden README 3c.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from joint_ie.errors import InputError, nearest
from joint_ie.losses.common import Reduction, at_least_float32, reduce_pairs

ContrastiveForm = Literal["paper", "released", "released-single-precision"]


def supervised_contrastive(
    embeddings: Tensor,
    labels: Tensor,
    temperature: float,
    *,
    form: ContrastiveForm = "paper",
    reduction: Reduction = "mean",
) -> Tensor:
    """The loss of `contrastive_of_cosines` for pairs whose vectors are there.

    Args:
        embeddings: see Shape.
        labels: see Shape.
        temperature: small values look at the nearest pairs only.
        form: as in `contrastive_of_cosines`.
        reduction: over pairs.

    Shape:
        embeddings - ``[P, D]``, before normalisation
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar, or ``[P]`` with ``reduction="none"``; float32 or float64
    """
    if embeddings.dim() != 2 or labels.dim() != 2 or len(embeddings) != len(labels):
        raise InputError(
            f"embeddings {tuple(embeddings.shape)} should be [pairs, dimensions] and "
            f"labels {tuple(labels.shape)} [pairs, 1 + relations]"
        )

    def cosines(rows: Tensor) -> Tensor:
        # In full precision also under autocast: a temperature of 0.2 makes the rounding of a cosine five times larger.
        with torch.autocast(embeddings.device.type, enabled=False):
            unit = normalize(at_least_float32(embeddings), dim=1)
            return unit[rows] @ unit.T

    return contrastive_of_cosines(cosines, labels, temperature, form=form, reduction=reduction)


def contrastive_of_cosines(
    cosines: Callable[[Tensor], Tensor],
    labels: Tensor,
    temperature: float,
    *,
    form: ContrastiveForm = "paper",
    reduction: Reduction = "mean",
) -> Tensor:
    """Each pair with a relation near the pairs that share one, or, if there are none, far from all.

    With ``s_k`` the cosine of a pair with pair k over the temperature, S the pairs that share a relation with it, and
    sums over all other pairs of the batch: ``-log(mean_{p in S} exp s_p / sum_k exp s_k)`` (eq. 8), or
    ``log sum_k exp s_k`` where S is empty (eq. 9, the long tail). Pairs without a relation have loss 0 (eq. 10); the
    mean is over all pairs, as in the losses that it is added to (golden README 3d). Published temperatures and
    weights: 2 and 2 (DocRED), 0.2 and 0.1 (Re-DocRED). A batch of one pair has loss 0.

    Args:
        cosines: gives the cosines of the pairs that it is asked for with all pairs, such as
            `heads.pair_embedding.PairEmbedding.cosines`. It is called once, for the pairs that have a term.
        labels: see Shape.
        temperature: small values look at the nearest pairs only.
        form: ``paper``, or ``released``: the mean over S of logarithms, ``max_k s_k`` subtracted from the long-tail
            term (no gradient), and that term multiplied with the share of pairs that have a relation; a pair that
            is the only one without a relation has it too. ``released-single-precision``: the same, but all pairs count
            as related and those without a relation have the long-tail term (memory for all pairs with all pairs); the
            released code does so unless it trains in mixed precision (golden README 3d). The code's factor
            temperature / base is left to the weight.
        reduction: over pairs.

    Shape:
        cosines - ``[rows]`` (long) to ``[rows, P]``, float32 or float64
        labels - ``[P, 1+R]``, multi-hot (bool, integer or float); column 0 is ignored
        returns - a scalar, or ``[P]`` with ``reduction="none"``; the type of the cosines
    """
    if labels.dim() != 2:
        raise InputError(f"labels {tuple(labels.shape)} should be [pairs, 1 + relations]")
    if temperature <= 0:
        raise InputError(f"temperature = {temperature} should be above 0")
    allowed = ("paper", "released", "released-single-precision")
    if form not in allowed:
        raise InputError(f'form "{form}" should be one of {", ".join(allowed)}{nearest(form, allowed)}')
    relations = labels[:, 1:].bool()
    related = relations.any(1)
    if form == "released-single-precision":
        anchor = torch.ones_like(related)
    elif form == "released":
        anchor = related | (len(related) - related.sum() == 1)
    else:
        anchor = related
    # Pairs without a relation are most of a batch: their rows of similarities are never made.
    rows = anchor.nonzero().flatten() if len(related) > 1 else related.new_zeros(0, dtype=torch.long)
    similarity = cosines(rows) / temperature
    if similarity.shape != (len(rows), len(labels)):
        raise InputError(
            f"cosines of {len(rows)} pairs with all pairs {tuple(similarity.shape)} should be "
            f"{(len(rows), len(labels))}"
        )
    zeros = similarity.new_zeros(len(labels))
    if not len(rows):
        return reduce_pairs(zeros + similarity.sum(), reduction)  # of nothing: there is a graph even so
    multi_hot = relations.to(similarity.dtype)
    itself = rows[:, None] == torch.arange(len(related), device=rows.device)
    shares = (multi_hot[rows] @ multi_hot.T > 0) & ~itself
    count = shares.sum(1).to(similarity.dtype)
    everything = similarity.masked_fill(itself, -torch.inf).logsumexp(1)
    if form == "paper":
        # The smallest number and not -inf, which would make NaN of the unused gradient where nothing is shared.
        nearby = similarity.masked_fill(~shares, torch.finfo(similarity.dtype).min).logsumexp(1)
        contrast, far = everything - nearby + count.clamp(min=1).log(), everything
    else:
        contrast = everything - similarity.masked_fill(~shares, 0.0).sum(1) / count.clamp(min=1)
        weight = related.to(similarity.dtype).mean() if form == "released" else 1.0
        far = (everything - similarity.detach().max(1).values) * weight
    return reduce_pairs(zeros.index_add(0, rows, torch.where(count > 0, contrast, far)), reduction)
