"""PAEE's filling of a grid of pairs beyond a document's own square (eq. 4, ``V' = Sliding(V)``)."""

from typing import Literal

import torch
from torch import Tensor

Filling = Literal["sliding", "zero"]
"""``sliding``: copies of the square, slid across, down and obliquely. ``zero``: nothing there (ablation w/o SW)."""


def sliding_fill(cells: Tensor, size: Tensor, filled: Tensor, filling: Filling = "sliding") -> Tensor:
    """Squares of ``size`` in the upper left corner of squares of ``filled`` rows, the rest filled.

    Cell (i, j) becomes cell (i mod n, j mod n) of a document's n x n square. The paper fills to 42 rows, the most
    entities of its corpus, and leaves open how far a step of the window is and what comes first where copies meet;
    steps of n are the one choice in which they never overlap. We fill as far as the caller can see (``filled``
    depends on the document alone), so that scores do not depend on a constant or on the batch.

    Shape:
        cells - ``[documents, side, side, d]``
        size, filled - ``[documents]``, rows of a document's own square and of the filled one; 0 for a document
            without entities
        returns - ``[documents, largest filled, largest filled, d]``, 0 beyond ``filled``
    """
    row = torch.arange(int(filled.max()), device=cells.device)
    source = row % size[:, None].clamp(min=1)  # [documents, rows]
    kept = row < (filled if filling == "sliding" else size)[:, None]
    document = torch.arange(len(size), device=cells.device)[:, None, None]
    copies = cells[document, source[:, :, None], source[:, None, :]]
    return copies.masked_fill(~(kept[:, :, None] & kept[:, None, :]).unsqueeze(3), 0.0)
