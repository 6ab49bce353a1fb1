"""Candidate mentions: all spans of words up to a width, inside a sentence."""

import torch
from torch import Tensor


def all_spans(sentence: Tensor, max_width: int) -> Tensor:
    """Every span of 1..``max_width`` words that stays in its sentence.

    Args:
        sentence: [words] ascending sentence number of every word (different across documents).
        max_width: in words.

    Returns:
        [spans, 2] half-open, by sentence, then width, then start: JEREX's order (golden joint README 5.5),
        on which the outcome of clustering may depend.
    """
    words = len(sentence)
    start = torch.arange(words, device=sentence.device).repeat(max_width)
    width = torch.repeat_interleave(torch.arange(1, max_width + 1, device=sentence.device), words)
    inside = start + width <= words
    start, width = start[inside], width[inside]
    same = sentence[start] == sentence[start + width - 1]
    start, width = start[same], width[same]
    order = torch.argsort(sentence[start] * (max_width + 1) + width, stable=True)
    return torch.stack((start, start + width), dim=1)[order]
