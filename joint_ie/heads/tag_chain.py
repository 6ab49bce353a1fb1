"""A linear-chain CRF (Lafferty et al. 2001) over the tags of words: outside, first, inside, last, single.

These are the BIOES tags without types. Unlike BIO they name a mention's last word, whose end is then read from that
word itself and not only from its neighbour, and each segmentation is exactly one sequence of tags.

``emissions`` are [sentences, words, tags], ``transitions`` [tags, tags] (to, from), ``lengths`` [sentences] in words,
the longest as long as the emissions. In 32 bits at least.
"""

import torch
from torch import Tensor
from torch_struct import LinearChainCRF

from joint_ie.heads.segmentation import Segmentation

OUTSIDE, FIRST, INSIDE, LAST, SINGLE = range(5)
TAGS = 5
FORBIDDEN = -1e5  # torch-struct's own logarithm of 0: with -inf it would give gradients of NaN


class _Chain(LinearChainCRF):
    arg_constraints: dict[str, object] = {}  # noqa: RUF012 (torch's, and it warns of distributions without)


def segment_tags(spans: Tensor, words: int) -> Tensor:
    """The tags [words] of mentions ``spans`` [n, 2] that share no word."""
    start, end = spans.unbind(1)
    edges = torch.zeros(words + 1, dtype=torch.long, device=spans.device)
    inside = edges.index_add(0, start, torch.ones_like(start)).index_add(0, end, -torch.ones_like(end)).cumsum(0)
    tags = torch.where(inside[:-1] > 0, INSIDE, OUTSIDE)
    tags[start] = FIRST
    tags[end - 1] = LAST
    tags[start[end - start == 1]] = SINGLE
    return tags


def log_partition(emissions: Tensor, transitions: Tensor, lengths: Tensor) -> Tensor:
    """The log of the summed exponential scores of all valid sequences of tags: [sentences]."""
    return _partition(_potentials(emissions, transitions, lengths), lengths)


def log_likelihood(emissions: Tensor, transitions: Tensor, lengths: Tensor, tags: Tensor) -> Tensor:
    """Log-probability of ``tags`` [sentences, words], valid ones: [sentences]."""
    potentials = _potentials(emissions, transitions, lengths)
    before = torch.cat((torch.full_like(tags[:, :1], OUTSIDE), tags[:, :-1]), dim=1)
    steps = potentials.flatten(2).gather(2, (tags * TAGS + before)[..., None]).squeeze(2)
    real = torch.arange(tags.shape[1], device=tags.device) < lengths[:, None]
    return torch.where(real, steps, 0).sum(1) - _partition(potentials, lengths)


def segmentation(emissions: Tensor, transitions: Tensor, lengths: Tensor, max_width: int) -> Segmentation:
    """The best segmentation, with mentions of any width, and marginals up to ``max_width``; without gradients."""
    with torch.inference_mode(False), torch.enable_grad():  # torch-struct's results are gradients
        potentials = _potentials(emissions.detach().clone(), transitions.detach().clone(), lengths.clone())
        chain = _Chain(potentials.detach(), lengths=lengths.clone() + 1)
        steps, best = chain.marginals.detach(), chain.argmax.detach()  # [sentences, words, tags, tags]
    return Segmentation(_ending_widths(best.sum(3).argmax(2)), _mention_marginals(steps, max_width))


def _potentials(emissions: Tensor, transitions: Tensor, lengths: Tensor) -> Tensor:
    """Scores of the steps to every word, [sentences, words, tags, tags] (to, from); mentions are closed or not begun.

    A sentence begins as if a word outside stood before it, and ends with no mention open.
    """
    device = emissions.device
    tag = torch.arange(TAGS, device=device)
    goes_on, is_open = (tag == INSIDE) | (tag == LAST), (tag == FIRST) | (tag == INSIDE)
    word = torch.arange(emissions.shape[1], device=device)[None, :, None, None]
    forbidden = goes_on[:, None] != is_open
    forbidden = forbidden | (word == 0) & (tag != OUTSIDE)
    forbidden = forbidden | (word == lengths[:, None, None, None] - 1) & is_open[:, None]
    return (emissions[..., None] + transitions).masked_fill(forbidden, FORBIDDEN)


def _partition(potentials: Tensor, lengths: Tensor) -> Tensor:
    # torch-struct counts the word outside before the sentence, too
    partition: Tensor = _Chain(potentials, lengths=lengths + 1).partition
    return partition


def _ending_widths(tags: Tensor) -> Tensor:
    """The width of the mention that ends with each word, 0 where none does: ``tags`` and result [sentences, words]."""
    word = torch.arange(tags.shape[1], device=tags.device).expand_as(tags)
    start = torch.where((tags == FIRST) | (tags == SINGLE), word, 0).cummax(1).values
    return torch.where((tags == LAST) | (tags == SINGLE), word - start + 1, 0)


def _mention_marginals(steps: Tensor, max_width: int) -> Tensor:
    """From the probabilities of ``steps`` [sentences, words, tags, tags] to `Segmentation.marginal`.

    Tags are a Markov chain: a mention's probability is that of its first word times those of the steps to its last.
    """
    tiny = torch.finfo(steps.dtype).tiny
    tag = steps.sum(3)
    found = [tag[..., SINGLE]]
    still_open = tag[..., FIRST]  # [sentences, words]: a mention of so many words is open there
    for width in range(2, max_width + 1):
        before = FIRST if width == 2 else INSIDE
        inside, last = steps[..., INSIDE, before], steps[..., LAST, before]
        earlier = torch.cat((torch.zeros_like(still_open[:, :1]), still_open[:, :-1]), dim=1)
        earlier = earlier / (inside + last).clamp(min=tiny)
        found.append(earlier * last)
        still_open = earlier * inside
    return torch.stack(found, dim=2)
